"""How a schedule ends: let go of its subscription, canceled with it, or run to its last phase."""

from sandbox.objects import StripeObject
from sandbox.state import State

RUNNING = {"not_started", "active"}


def schedule_of(state: State, subscription: StripeObject) -> StripeObject | None:
    """The schedule that manages a subscription, if one does."""
    return state.objects["subscription_schedule"].get(subscription["schedule"] or "")


def let_go(state: State, schedule: StripeObject) -> None:
    """The schedule is over and the subscription goes on as it is."""
    subscription = state.objects["subscription"].get(schedule["subscription"] or "")
    schedule |= {
        "status": "released",
        "released_at": state.now,
        "released_subscription": schedule["subscription"],
        "subscription": None,
        "current_phase": None,
    }
    if subscription is not None:
        subscription["schedule"] = None
    state.emit("subscription_schedule.released", schedule)


def finish(state: State, schedule: StripeObject) -> None:
    """Its last phase is over, and with it the subscription is to be."""
    schedule |= {"status": "completed", "completed_at": state.now, "current_phase": None}
    state.emit("subscription_schedule.completed", schedule)


def end_with(state: State, subscription: StripeObject, reason: str) -> None:
    """The subscription is over, so its schedule is: aborted when payments failed, else canceled."""
    schedule = schedule_of(state, subscription)
    if schedule is None or schedule["status"] not in RUNNING:
        return
    schedule |= {"status": "canceled", "canceled_at": state.now, "current_phase": None}
    word = "aborted" if reason == "payment_failed" else "canceled"
    state.emit(f"subscription_schedule.{word}", schedule)
