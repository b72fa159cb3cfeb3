"""Meter events: taken once a day under one identifier, judged at once or told of later, canceled within a day, summed in windows."""

from datetime import datetime

from sandbox.billing.calendar import DAY
from sandbox.billing.meter_errors import report, time_trouble, trouble_inside
from sandbox.billing.params import integer, list_of, required, required_integer
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.state import METER_EVENT, METER_IDENTIFIER, METER_RECEIPT, State
from sandbox.thin_events import iso

# How long an identifier is remembered, and an event can be canceled.
KEPT_SECONDS = DAY
SESSION_SECONDS = 15 * 60
LONGEST_IDENTIFIER, LARGEST_STREAM = 100, 100
WINDOWS = {"hour": 3_600, "day": DAY}
SESSION = "sandbox.meter_session"
# How long an event takes until summaries show it.
LAG = "sandbox.meter_lag"


def create_meter_event(state: State, params: StripeObject) -> StripeObject:
    """One usage report. A repeated identifier is an error within a day; what is wrong inside is told of by a thin event."""
    made = _event(state, params, integer(params, "timestamp", state.now) or 0)
    _refuse_time(state, made)
    _refuse_repetition(state, made)
    trouble = trouble_inside(state, made)
    _keep(state, made, is_counted=trouble is None)
    if trouble is not None:
        report(state, [(made, trouble)])
    return made


def create_meter_event_v2(state: State, params: StripeObject) -> StripeObject:
    """The same under API v2, which looks at the meter and the value before it answers; customers are looked up later."""
    made = _event(state, params, _moment(state, params))
    _refuse_time(state, made)
    _refuse_repetition(state, made)
    trouble = trouble_inside(state, made)
    if trouble is not None and trouble[0] != "meter_event_customer_not_found":
        raise invalid(trouble[1], code=trouble[0])
    _keep(state, made, is_counted=trouble is None)
    if trouble is not None:
        report(state, [(made, trouble)])
    return made | {"object": f"v2.{METER_EVENT}", "created": iso(made["created"]), "timestamp": iso(made["timestamp"])}


def create_session(state: State, _params: StripeObject) -> StripeObject:
    """A token for the stream, good for a quarter of an hour."""
    token = state.new_id("mestok_test")
    state.put({"id": token, "object": SESSION, "expires_at": state.now + SESSION_SECONDS})
    return {
        "id": state.new_id("mes"),
        "object": "v2.billing.meter_event_session",
        "authentication_token": token,
        "created": iso(state.now),
        "expires_at": iso(state.now + SESSION_SECONDS),
        "livemode": False,
    }


def stream(state: State, params: StripeObject) -> StripeObject:
    """Up to a hundred events, taken unseen: repetitions are dropped, what is wrong is told of by thin events."""
    given = list_of(params, "events")
    if not 0 < len(given) <= LARGEST_STREAM:
        raise invalid(f"events must have 1 to {LARGEST_STREAM} entries.", param="events")
    troubles = []
    for one in given:
        made = _event(state, one, _moment(state, one))
        if _is_known(state, made):
            continue
        trouble = time_trouble(state, made) or trouble_inside(state, made)
        _keep(state, made, is_counted=trouble is None)
        if trouble is not None:
            troubles.append((made, trouble))
    report(state, troubles)
    return {}


def create_adjustment(state: State, params: StripeObject) -> StripeObject:
    """Cancel one event, within a day of its receipt; there is no way to change or to cancel a part."""
    event_name, kind = str(required(params, "event_name")), str(required(params, "type"))
    identifier = str(required(required(params, "cancel"), "identifier"))
    if kind != "cancel":
        raise invalid("Invalid type: must be cancel", param="type")
    receipt = _latest_receipt(state, identifier)
    if receipt is None or state.objects[METER_EVENT][receipt["event"]]["event_name"] != event_name:
        raise invalid(f"No meter event found with identifier {identifier}.", param="cancel[identifier]")
    if receipt["received_at"] <= state.now - KEPT_SECONDS:
        raise invalid("Meter events can only be canceled within 24 hours of their receipt.", param="cancel[identifier]")
    if receipt["is_canceled"]:
        raise invalid(f"The meter event {identifier} is canceled already.", param="cancel[identifier]")
    receipt.update(is_counted=False, is_canceled=True)
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": event_name,
        "livemode": False,
        "status": "pending",
        "type": "cancel",
    }


def create_adjustment_v2(state: State, params: StripeObject) -> StripeObject:
    """The same under API v2."""
    made = create_adjustment(state, params)
    extra = {"object": f"v2.{made['object']}", "id": state.new_id("mevtadj"), "created": iso(state.now)}
    return made | extra


def event_summaries(state: State, meter_id: str, params: StripeObject) -> list[StripeObject]:
    """What a customer's events come to from `start_time` to `end_time` (exclusive), oldest window first.

    In windows of `value_grouping_window` only those with events are told, without it the whole time in one. What came in within the
    ordered lag is not in it yet.
    """
    meter = addressed(state, "billing.meter", meter_id)
    customer = str(required(params, "customer"))
    start, end = required_integer(params, "start_time"), required_integer(params, "end_time")
    grouping = params.get("value_grouping_window") or None
    if grouping is not None and grouping not in WINDOWS:
        raise invalid("Invalid value_grouping_window: must be one of day, hour", param="value_grouping_window")
    step = WINDOWS[grouping] if grouping else 60
    for name, at in (("start_time", start), ("end_time", end)):
        if at % step:
            raise invalid(f"{name} must be aligned with {grouping or 'minute'} boundaries.", param=name)
    if start >= end:
        raise invalid("end_time must be after start_time.", param="end_time")
    seen = [event for event in counted_events(state, meter, customer, start, end) if _is_summed(state, event)]
    width = WINDOWS[grouping] if grouping else end - start
    found = []
    for at in range(start, end, width):
        inside = [event for event in seen if at <= event["timestamp"] < at + width]
        if inside or grouping is None:
            found.append(_summary(meter, customer, at, at + width, aggregated(meter, inside)))
    return found


def counted_events(state: State, meter: StripeObject, customer_id: str, start: int, end: int) -> list[StripeObject]:
    """The events of a customer that count under a meter, by the time they speak of: [start, end) in unix seconds."""
    customer_key = meter["customer_mapping"]["event_payload_key"]
    receipts = state.objects[METER_RECEIPT]
    return [
        event
        for key, event in state.objects[METER_EVENT].items()
        if event["event_name"] == meter["event_name"]
        and event["payload"].get(customer_key) == customer_id
        and start <= event["timestamp"] < end
        and (key not in receipts or receipts[key]["is_counted"])
    ]


def aggregated(meter: StripeObject, events: list[StripeObject]) -> int:
    """The events by the meter's formula."""
    value_key = meter["value_settings"]["event_payload_key"]
    values = [int(event["payload"].get(value_key, "0")) for event in events]
    match meter["default_aggregation"]["formula"]:
        case "count":
            return len(values)
        case "last":
            return values[-1] if values else 0
        case _:
            return sum(values)


def is_session(state: State, token: str) -> bool:
    """Whether it is a token of a stream's session that has not ended."""
    found = state.objects[SESSION].get(token)
    return found is not None and state.now < found["expires_at"]


def set_lag(state: State, seconds: int) -> None:
    """From now on summaries show an event so long after it came in."""
    state.objects[LAG]["lag"] = {"id": "lag", "object": LAG, "seconds": seconds}


def _event(state: State, params: StripeObject, at: int) -> StripeObject:
    event_name = str(required(params, "event_name"))
    payload = {key: str(value) for key, value in required(params, "payload").items()}
    identifier = str(params.get("identifier") or state.new_id("mtrevt"))
    if len(identifier) > LONGEST_IDENTIFIER:
        raise invalid(f"identifier must have at most {LONGEST_IDENTIFIER} characters.", param="identifier")
    return {
        "object": METER_EVENT,
        "created": state.now,
        "event_name": event_name,
        "identifier": identifier,
        "livemode": False,
        "payload": payload,
        "timestamp": at,
    }


def _moment(state: State, params: StripeObject) -> int:
    given = params.get("timestamp")
    if not given:
        return state.now
    try:
        return int(datetime.fromisoformat(str(given)).timestamp())
    except ValueError:
        raise invalid(f"Invalid timestamp: {given}", param="timestamp") from None


def _latest_receipt(state: State, identifier: str) -> StripeObject | None:
    known = state.objects[METER_IDENTIFIER].get(identifier)
    return state.objects[METER_RECEIPT][known["event"]] if known else None


def _is_known(state: State, event: StripeObject) -> bool:
    """Whether the identifier was received within a day; later it is a new event, and counts again."""
    receipt = _latest_receipt(state, event["identifier"])
    if receipt is None:
        return event["identifier"] in state.objects[METER_EVENT]
    return bool(receipt["received_at"] > state.now - KEPT_SECONDS)


def _refuse_repetition(state: State, event: StripeObject) -> None:
    if _is_known(state, event):
        raise invalid(f"An event already exists with identifier {event['identifier']}.", param="identifier")


def _refuse_time(state: State, event: StripeObject) -> None:
    trouble = time_trouble(state, event)
    if trouble is not None:
        raise invalid(trouble[1], param="timestamp", code=trouble[0])


def _keep(state: State, event: StripeObject, *, is_counted: bool) -> None:
    identifier, key = event["identifier"], event["identifier"]
    if key in state.objects[METER_EVENT]:
        key = f"{identifier}~{len(state.objects[METER_EVENT])}"
    state.objects[METER_EVENT][key] = event
    state.objects[METER_IDENTIFIER][identifier] = {"event": key}
    state.objects[METER_RECEIPT][key] = {
        "event": key,
        "received_at": state.now,
        "is_counted": is_counted,
        "is_canceled": False,
    }


def _is_summed(state: State, event: StripeObject) -> bool:
    lag: int = state.objects[LAG].get("lag", {}).get("seconds", 0)
    return bool(event["created"] <= state.now - lag)


def _summary(meter: StripeObject, customer: str, start: int, end: int, value: int) -> StripeObject:
    return {
        "id": f"mtrusg_{meter['id']}_{customer}_{start}_{end}",
        "object": "billing.meter_event_summary",
        "aggregated_value": value,
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }
