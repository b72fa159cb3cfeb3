"""Subscription schedules: phases that take effect one after the other as the clock advances."""

from sandbox.billing.cards import resolve_payment_method
from sandbox.billing.collection import end_subscription
from sandbox.billing.params import flag, integer, list_of, merge_metadata, metadata, required
from sandbox.billing.phases import BY_DEFAULT, added, as_changes, beginning, current, effective, phase_of, phases_of
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.billing.schedule_ends import RUNNING, finish, let_go
from sandbox.billing.subscription_changes import update_subscription
from sandbox.billing.subscriptions import ENDED, billing_mode, cancel_subscription, create_subscription
from sandbox.objects import StripeObject
from sandbox.objects.schedules import subscription_schedule
from sandbox.state import State

# Not its card, which may be another one when the next phase begins.
FROM_SUBSCRIPTION = ("collection_method", "description")
# Two go by older names: `none` ends the subscription as `cancel` does, `renew` runs through the phases again.
END_BEHAVIORS = ("cancel", "none", "release", "renew")


def create_schedule(state: State, params: StripeObject) -> StripeObject:
    """A schedule of phases for a customer, begun at `start_date`, or one for a subscription as it is now."""
    if params.get("from_subscription"):
        return _from_subscription(state, params)
    customer = referred(state, "customer", required(params, "customer"), "customer")
    start = state.now if required(params, "start_date") == "now" else integer(params, "start_date")
    if start is None or start < state.now:
        raise invalid("The sandbox begins a schedule now or later: `start_date` is past.", param="start_date")
    made = subscription_schedule(
        state.new_id("sub_sched"),
        state.now,
        customer_id=customer["id"],
        billing_mode=billing_mode(params),
        end_behavior=_end_behavior(params) or "release",
        metadata=metadata(params),
        default_settings=_defaults(state, customer["id"], params),
        phases=phases_of(state, list_of(params, "phases"), start),
    )
    state.put(made)
    state.emit("subscription_schedule.created", made)
    if start == state.now:
        enter_phase(state, made)
    return made


def _from_subscription(state: State, params: StripeObject) -> StripeObject:
    refused = params.keys() & {"phases", "start_date", "end_behavior", "customer", "default_settings"}
    if refused:
        raise invalid(
            f"You cannot set `{min(refused)}` if `from_subscription` is set: create the schedule, then update it.",
            param=min(refused),
        )
    found = referred(state, "subscription", params["from_subscription"], "from_subscription")
    if found["schedule"] is not None:
        raise invalid(
            f"You cannot migrate a subscription that is already attached to a schedule: `{found['schedule']}`.",
            param="from_subscription",
        )
    if found["status"] in ENDED:
        raise invalid(f"You cannot migrate a subscription that is {found['status']}.", param="from_subscription")
    made = subscription_schedule(
        state.new_id("sub_sched"),
        state.now,
        customer_id=found["customer"],
        billing_mode=dict(found["billing_mode"]),
        end_behavior="release" if found["cancel_at"] is None else "cancel",
        metadata=metadata(params),
        default_settings={name: found[name] for name in FROM_SUBSCRIPTION},
        phases=[phase_of(found)],
    )
    made |= {"status": "active", "subscription": found["id"], "current_phase": _span(made["phases"][0])}
    found["schedule"] = made["id"]
    state.put(made)
    state.emit("subscription_schedule.created", made)
    return made


def _span(phase: StripeObject) -> StripeObject:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}


def _defaults(state: State, customer_id: str, params: StripeObject) -> StripeObject:
    """What `default_settings` says of what the sandbox heeds."""
    given = params.get("default_settings") or {}
    told = {name: given[name] or None for name in BY_DEFAULT if name in given}
    if told.get("default_payment_method"):
        told["default_payment_method"] = resolve_payment_method(state, given["default_payment_method"], customer_id)[
            "id"
        ]
    return told


def _end_behavior(params: StripeObject) -> str | None:
    given = params.get("end_behavior")
    if given and given not in END_BEHAVIORS:
        raise invalid(f"Invalid end_behavior: must be one of {', '.join(END_BEHAVIORS)}", param="end_behavior")
    return given


def _running(state: State, id_: str, verb: str) -> StripeObject:
    found = addressed(state, "subscription_schedule", id_)
    if found["status"] not in RUNNING:
        raise invalid(
            f"You cannot {verb} a subscription schedule that is currently in the `{found['status']}` status. It must be in "
            "`not_started` or `active` status.",
            code="subscription_schedule_status_invalid" if verb == "update" else None,
        )
    return found


def update_schedule(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Other phases or another end. The phase that runs keeps its start; what changes in it takes effect at once."""
    found = _running(state, id_, "update")
    names = ("phases", "end_behavior", "metadata", "default_settings")
    before: StripeObject = {key: found[key] for key in names if key in params}
    running = current(found, state.now) if found["status"] == "active" else None
    was = None if running is None else effective(found, running)
    found["default_settings"] = found["default_settings"] | _defaults(state, found["customer"], params)
    found["end_behavior"] = _end_behavior(params) or found["end_behavior"]
    merge_metadata(found, params)
    if "phases" in params:
        planned = phases_of(state, list_of(params, "phases"), (running or found["phases"][0])["start_date"])
        if running is not None and planned[0]["start_date"] not in {one["start_date"] for one in found["phases"]}:
            raise invalid("You can not modify the start date of the current phase.", param="phases[0][start_date]")
        found["phases"] = planned
    if was is not None:
        _change_running(state, found, was, params)
    state.emit("subscription_schedule.updated", found, before)
    return found


def _change_running(state: State, found: StripeObject, was: StripeObject, params: StripeObject) -> None:
    now = current(found, state.now)
    if now is None:
        raise invalid("One of the phases must run now: the current phase cannot be taken away.", param="phases")
    found["current_phase"], now = _span(now), effective(found, now)
    subscription = state.objects["subscription"][found["subscription"]]
    if as_changes(state, subscription, now) != as_changes(state, subscription, was):
        behavior = {"proration_behavior": params.get("proration_behavior") or "create_prorations"}
        update_subscription(state, subscription["id"], as_changes(state, subscription, now) | behavior)


def release_schedule(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Let the subscription go on without the schedule; `preserve_cancel_date` keeps the end that was planned."""
    found = _running(state, id_, "release")
    subscription = state.objects["subscription"].get(found["subscription"] or "")
    ends = found["phases"][-1]["end_date"] if found["end_behavior"] == "cancel" else None
    let_go(state, found)
    if subscription is not None and ends is not None and flag(params, "preserve_cancel_date", default=False):
        update_subscription(state, subscription["id"], {"cancel_at": ends, "proration_behavior": "none"})
    return found


def cancel_schedule(state: State, id_: str, params: StripeObject) -> StripeObject:
    """End the schedule and its subscription now, with a last invoice and credit for unused time unless told not to."""
    found = _running(state, id_, "cancel")
    if found["subscription"] is None:
        found |= {"status": "canceled", "canceled_at": state.now}
        state.emit("subscription_schedule.canceled", found)
        return found
    told = {name: flag(params, name, default=True) for name in ("invoice_now", "prorate")}
    cancel_subscription(state, found["subscription"], told)
    return found


def schedule_due(schedule: StripeObject) -> int | None:
    """When its next phase begins or its last one ends; None when it is over."""
    if schedule["status"] == "not_started":
        return int(schedule["phases"][0]["start_date"])
    return int(schedule["current_phase"]["end_date"]) if schedule["status"] == "active" else None


def enter_phase(state: State, schedule: StripeObject) -> None:
    """Do what is due: begin the subscription, give it its next phase, or end the schedule as it is to end."""
    phase = current(schedule, state.now)
    if schedule["subscription"] is None and phase is not None:
        told = (
            beginning(effective(schedule, phase))
            | added(phase)
            | {"customer": schedule["customer"], "billing_mode": schedule["billing_mode"]}
        )
        begun = create_subscription(state, told)
        begun["schedule"] = schedule["id"]
        schedule |= {"subscription": begun["id"], "status": "active", "current_phase": _span(phase)}
        state.emit("subscription_schedule.updated", schedule, {"status": "not_started", "subscription": None})
        return
    subscription = state.objects["subscription"][schedule["subscription"]]
    if phase is None and schedule["end_behavior"] == "renew":
        phase = _again(schedule)
    if phase is None and schedule["end_behavior"] == "release":
        let_go(state, schedule)
    elif phase is None:
        finish(state, schedule)
        end_subscription(state, subscription, reason="cancellation_requested")
    else:
        before = {"current_phase": schedule["current_phase"]}
        schedule["current_phase"] = _span(phase)
        update_subscription(
            state, subscription["id"], as_changes(state, subscription, effective(schedule, phase)) | added(phase)
        )
        state.emit("subscription_schedule.updated", schedule, before)


def _again(schedule: StripeObject) -> StripeObject:
    """All phases once more from where the last one ended, each as long as it was; the first of them."""
    first: StripeObject = schedule["phases"][0]
    last = schedule["phases"][-1]
    later = last["end_date"] - first["start_date"]
    for phase in schedule["phases"]:
        phase |= {name: phase[name] + later for name in ("start_date", "end_date")}
    return first
