"""The part of API v2 that is here: thin events, the destinations that they are sent to, and meter events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode

from sandbox import event_destinations as destinations
from sandbox.billing import meter_events
from sandbox.billing.params import integer, list_of
from sandbox.billing.refusals import invalid, no_such
from sandbox.http.filters import BOUNDS
from sandbox.objects import StripeObject
from sandbox.state import EVENT, EVENTS_KEPT_SECONDS, METER_EVENT, State
from sandbox.thin_events import THIN_EVENT, snapshot_id, thin_event
from sandbox.webhook_endpoints import DESTINATION

Act: TypeAlias = Callable[[State, StripeObject], StripeObject]
ActOnOne: TypeAlias = Callable[[State, str, StripeObject], StripeObject]
PATH = "/v2/"
CORE, BILLING = "/v2/core/", "/v2/billing/"
STREAM = f"{BILLING}meter_event_stream"
DEFAULT_LIMIT, LARGEST_LIMIT = 20, 100


_BILLING: Mapping[str, tuple[str, Act]] = {
    "meter_events": (METER_EVENT, meter_events.create_meter_event_v2),
    "meter_event_adjustments": ("billing.meter_event_adjustment", meter_events.create_adjustment_v2),
    "meter_event_session": ("billing.meter_event_session", meter_events.create_session),
    "meter_event_stream": (METER_EVENT, meter_events.stream),
}


def find_v2(method: str, path: str) -> tuple[str, str, Act] | None:
    """Name, kind of object and deed of a request under /v2; None where the sandbox has nothing."""
    return _find_billing(method, path) if path.startswith(BILLING) else _find_core(method, path)


def _find_core(method: str, path: str) -> tuple[str, str, Act] | None:
    match method, path.removeprefix(CORE).strip("/").split("/"):
        case "GET", ["events"]:
            return f"GET {CORE}events", THIN_EVENT, _events
        case "GET", ["events", id_]:
            return f"GET {CORE}events/{{id}}", THIN_EVENT, partial(_on, _event, id_)
        case "GET", ["event_destinations"]:
            return f"GET {CORE}event_destinations", DESTINATION, _destinations
        case "POST", ["event_destinations"]:
            return f"POST {CORE}event_destinations", DESTINATION, destinations.create_event_destination
        case _, ["event_destinations", id_, *word] if (method, *word) in _ON_DESTINATION:
            name = "/".join((f"{method} {CORE}event_destinations/{{id}}", *word))
            return name, DESTINATION, partial(_on, _ON_DESTINATION[method, *word], id_)
    return None


def _find_billing(method: str, path: str) -> tuple[str, str, Act] | None:
    word = path.removeprefix(BILLING).strip("/")
    return (f"POST {BILLING}{word}", *_BILLING[word]) if method == "POST" and word in _BILLING else None


_ON_DESTINATION: Mapping[tuple[str, ...], ActOnOne] = {
    ("GET",): destinations.read_event_destination,
    ("POST",): destinations.update_event_destination,
    ("DELETE",): destinations.delete_event_destination,
    ("POST", "enable"): destinations.enable_event_destination,
    ("POST", "disable"): destinations.disable_event_destination,
}


def _on(act: ActOnOne, id_: str, state: State, params: StripeObject) -> StripeObject:
    return act(state, id_, params)


def _event(state: State, id_: str, _params: StripeObject) -> StripeObject:
    found = state.objects[EVENT].get(snapshot_id(id_))
    if found is None or found["created"] < state.now - EVENTS_KEPT_SECONDS:
        raise no_such(THIN_EVENT, id_)
    return thin_event(found, with_data=True)


def _destinations(state: State, params: StripeObject) -> StripeObject:
    return {
        "data": destinations.list_event_destinations(state, params),
        "next_page_url": None,
        "previous_page_url": None,
    }


def _events(state: State, params: StripeObject) -> StripeObject:
    """A page of thin events, the newest first; `page` holds the id of the last one of the page before."""
    limit = integer(params, "limit", DEFAULT_LIMIT) or 0
    if not 0 < limit <= LARGEST_LIMIT:
        raise invalid(f"limit must be between 1 and {LARGEST_LIMIT}.", param="limit")
    rows = iter(reversed(state.objects[EVENT].values()))
    if params.get("page"):
        after = snapshot_id(str(params["page"]))
        if after not in state.objects[EVENT]:
            raise invalid("Invalid page token.", param="page")
        next(one for one in rows if one["id"] == after)
    tests = [*_bounds(params), *_named(params)]
    found = (thin_event(one) for one in rows if one["created"] >= state.now - EVENTS_KEPT_SECONDS)
    passing = list(islice((one for one in found if all(test(one) for test in tests)), limit + 1))
    data = passing[:limit]
    more = None
    if len(passing) > limit:
        kept = {name: value for name, value in params.items() if name in {"limit", "object_id"}}
        more = f"{CORE}events?" + urlencode({**kept, "page": data[-1]["id"]})
    return {"data": data, "next_page_url": more, "previous_page_url": None}


def _bounds(params: StripeObject) -> list[Callable[[StripeObject], bool]]:
    given = params.get("created") or {}
    if not isinstance(given, dict) or not given.keys() <= BOUNDS.keys():
        raise invalid(f"created takes {', '.join(BOUNDS)}.", param="created")
    return [partial(_is_within, bound, _moment(at)) for bound, at in given.items()]


def _is_within(bound: str, limit: int, event: StripeObject) -> bool:
    return BOUNDS[bound](_moment(event["created"]), limit)


def _moment(value: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(value)).timestamp())
    except ValueError:
        raise invalid(f"Invalid timestamp: {value}", param="created") from None


def _named(params: StripeObject) -> list[Callable[[StripeObject], bool]]:
    types, id_ = {str(one) for one in list_of(params, "types")}, params.get("object_id")
    found: list[Callable[[StripeObject], bool]] = []
    if types:
        found.append(lambda event: event["type"] in types)
    if id_:
        found.append(lambda event: (event["related_object"] or {}).get("id") == id_)
    return found
