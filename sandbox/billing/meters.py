"""Meters, and the sum of their events that a metered price is billed by."""

from collections.abc import Callable
from typing import TypeAlias

from sandbox.billing.meter_events import aggregated, counted_events
from sandbox.billing.params import required
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.objects import StripeObject
from sandbox.objects.catalog import meter
from sandbox.state import State

# (customer id, from, to in unix seconds, end exclusive) -> units used
UsageTotals: TypeAlias = Callable[[str, int, int], int]


def create_meter(state: State, params: StripeObject) -> StripeObject:
    """A meter; the event name is unique among active meters."""
    event_name = str(required(params, "event_name"))
    taken = [m for m in state.objects.get("billing.meter", {}).values() if m["event_name"] == event_name]
    if any(m["status"] == "active" for m in taken):
        raise invalid(f"An active meter already exists for event name {event_name}.", param="event_name")
    made = meter(
        state.new_id("mtr"),
        state.now,
        display_name=required(params, "display_name"),
        event_name=event_name,
        formula=(params.get("default_aggregation") or {}).get("formula") or "sum",
        customer_mapping=params.get("customer_mapping"),
        value_settings=params.get("value_settings"),
    )
    state.put(made)
    state.emit("billing.meter.created", made)
    return made


def reported_usage(state: State, price: StripeObject, customer_id: str, start: int, end: int) -> int:
    """What meter events of [start, end) add up to for a customer under a metered price."""
    counted = referred(state, "billing.meter", price["recurring"]["meter"], "meter")
    return aggregated(counted, counted_events(state, counted, customer_id, start, end))


def update_meter(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Only the name for people can change."""
    found = addressed(state, "billing.meter", id_)
    found["display_name"] = params.get("display_name") or found["display_name"]
    found["updated"] = state.now
    state.emit("billing.meter.updated", found)
    return found


def deactivate_meter(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """No more events are taken under the meter's event name."""
    return _switch(state, id_, "inactive")


def reactivate_meter(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Events are taken again."""
    return _switch(state, id_, "active")


def _switch(state: State, id_: str, status: str) -> StripeObject:
    found = addressed(state, "billing.meter", id_)
    if found["status"] == status:
        raise invalid(f"This meter is already {status}.", code="status_transition_invalid")
    found["status"] = status
    found["status_transitions"]["deactivated_at"] = state.now if status == "inactive" else None
    found["updated"] = state.now
    state.emit(f"billing.meter.{'deactivated' if status == 'inactive' else 'reactivated'}", found)
    return found
