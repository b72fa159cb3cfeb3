"""What is wrong with a meter event, and the thin events that tell of it after it was taken."""

from collections.abc import Sequence

from sandbox.billing.calendar import DAY
from sandbox.objects import StripeObject
from sandbox.state import State
from sandbox.thin_events import iso

OLDEST_SECONDS = 35 * DAY
NEWEST_SECONDS = 300
MOST_DIGITS = 15
ERROR_REPORT, NO_METER = "billing.meter.error_report_triggered", "billing.meter.no_meter_found"
# Stripe's code, and a sentence.
Trouble = tuple[str, str]


def time_trouble(state: State, event: StripeObject) -> Trouble | None:
    """What is wrong with the time it speaks of."""
    if event["timestamp"] < state.now - OLDEST_SECONDS:
        return "timestamp_too_far_in_past", "The timestamp must be within the past 35 calendar days."
    if event["timestamp"] > state.now + NEWEST_SECONDS:
        return "timestamp_in_future", "The timestamp must not be more than 5 minutes in the future."
    return None


def _meters(state: State, event: StripeObject) -> list[StripeObject]:
    return [one for one in state.objects["billing.meter"].values() if one["event_name"] == event["event_name"]]


def trouble_inside(state: State, event: StripeObject) -> Trouble | None:
    """What is wrong inside an event, by Stripe's code and in a sentence; None when it counts."""
    meters = _meters(state, event)
    if not meters:
        return "no_meter", f"No meter found with event name {event['event_name']}."
    active = next((one for one in meters if one["status"] == "active"), None)
    if active is None:
        return "archived_meter", f"The meter with event name {event['event_name']} is archived."
    return _payload_trouble(state, active, event["payload"])


def _payload_trouble(state: State, meter: StripeObject, payload: StripeObject) -> Trouble | None:
    customer = payload.get(meter["customer_mapping"]["event_payload_key"])
    if not customer:
        return "meter_event_no_customer_defined", "The payload names no customer."
    value = payload.get(meter["value_settings"]["event_payload_key"], "")
    if not value.removeprefix("-").isdecimal() and meter["default_aggregation"]["formula"] != "count":
        return "meter_event_invalid_value", f"The value {value!r} is no whole number."
    if len(value.removeprefix("-")) > MOST_DIGITS:
        return "meter_event_value_too_many_digits", f"The value has more than {MOST_DIGITS} digits."
    known = state.objects["customer"].get(customer)
    if known is None or known.get("deleted"):
        return "meter_event_customer_not_found", f"No customer {customer}."
    return None


def report(state: State, troubles: Sequence[tuple[StripeObject, Trouble]]) -> None:
    """Thin events about what does not count: one for each meter, one for all that found none."""
    found: dict[str | None, list[tuple[StripeObject, Trouble]]] = {}
    for event, trouble in troubles:
        meter = next(iter(_meters(state, event)), None)
        found.setdefault(meter["id"] if meter else None, []).append((event, trouble))
    for meter_id, of_meter in found.items():
        codes = sorted({code for _, (code, _) in of_meter})
        types = [_error_type(code, [one for one in of_meter if one[1][0] == code]) for code in codes]
        data = {
            "developer_message_summary": f"There {'is' if len(of_meter) == 1 else 'are'} {len(of_meter)} invalid: {', '.join(codes)}",
            "reason": {"error_count": len(of_meter), "error_types": types},
            "validation_start": iso(state.now),
            "validation_end": iso(state.now),
        }
        about = state.objects["billing.meter"][meter_id] if meter_id else {"object": "billing.meter"}
        state.emit(ERROR_REPORT if meter_id else NO_METER, about, thin_data=data)


def _error_type(code: str, found: list[tuple[StripeObject, Trouble]]) -> StripeObject:
    samples = [
        {"error_message": message, "request": {"identifier": event["identifier"]}} for event, (_, message) in found
    ]
    return {"code": code, "error_count": len(found), "sample_errors": samples}
