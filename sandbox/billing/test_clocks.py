"""Test clocks: Stripe's own way to let time pass for some customers. The sandbox has one clock, so there is one at a time."""

from sandbox.billing.calendar import DAY
from sandbox.billing.customers import delete_customer
from sandbox.billing.cycle import cycle
from sandbox.billing.params import required_integer
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.state import TEST_CLOCK, State

KEPT_SECONDS = 30 * DAY


def create_test_clock(state: State, params: StripeObject) -> StripeObject:
    """A test clock that shows the sandbox's own time. Raises 400 beside another one and for a time that is past.

    A `frozen_time` to come moves the sandbox's clock there, for everybody.
    """
    at = required_integer(params, "frozen_time")
    if params.get("customer"):
        raise invalid(
            "The sandbox binds a customer to a test clock only when it creates the customer.", param="customer"
        )
    other = next((one for one in state.objects[TEST_CLOCK].values() if not one.get("deleted")), None)
    if other is not None:
        raise invalid(f"The sandbox has one clock: delete the test clock {other['id']} before you create another.")
    if at < state.now:
        raise invalid(
            f"The sandbox has one clock, which stands at {state.now} and cannot go back to {at}. Give that time or a later one.",
            param="frozen_time",
        )
    cycle(state, at)
    made = state.put(
        {
            "id": state.new_id("clock"),
            "object": TEST_CLOCK,
            "created": state.now,
            "deletes_after": state.now + KEPT_SECONDS,
            "frozen_time": state.now,
            "livemode": False,
            "name": params.get("name") or None,
            "status": "ready",
            "status_details": {},
        }
    )
    state.emit(f"{TEST_CLOCK}.created", made)
    return made


def advance_test_clock(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Let time pass for all the sandbox; it is over when the answer arrives, so the clock is `ready` at once."""
    found = addressed(state, TEST_CLOCK, id_)
    if found.get("deleted"):
        raise invalid(f"The test clock {id_} is deleted.")
    at = required_integer(params, "frozen_time")
    if at <= state.now:
        raise invalid(
            f"The new frozen time {at} must be after the current frozen time {state.now}.", param="frozen_time"
        )
    found |= {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": at}}}
    state.emit(f"{TEST_CLOCK}.advancing", found | {"frozen_time": state.now})
    cycle(state, at)
    found |= {"status": "ready", "status_details": {}, "frozen_time": state.now}
    state.emit(f"{TEST_CLOCK}.ready", found)
    return found


def delete_test_clock(state: State, id_: str) -> StripeObject:
    """Gone, and its customers with it."""
    found = addressed(state, TEST_CLOCK, id_)
    for customer in list(state.objects["customer"].values()):
        if customer.get("test_clock") == id_:
            delete_customer(state, customer["id"])
    state.emit(f"{TEST_CLOCK}.deleted", found)
    state.objects[TEST_CLOCK][id_] = {"id": id_, "object": TEST_CLOCK, "deleted": True}
    return state.objects[TEST_CLOCK][id_]
