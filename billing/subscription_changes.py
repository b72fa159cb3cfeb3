"""What a change of a subscription means at Stripe: the kind of command, its parameters, and what must still be so when it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from billing.commands import Command, Intent, Raw

ProrationBehavior = Literal["always_invoice", "create_prorations", "none"]
ENDED = frozenset({"canceled", "incomplete_expired"})


@dataclass(frozen=True)
class Start:
    """Subscribe a customer. Stripe's default billing mode is flexible, which cannot be left again."""

    customer_id: str
    price_id: str
    quantity: int | None = 1
    trial_days: int | None = None
    billing_mode: Literal["flexible", "classic"] = "flexible"


@dataclass(frozen=True)
class Switch:
    """Another price or quantity for one item, prorated at `at`; `quantity` is None for metered prices."""

    item_id: str
    price_id: str
    quantity: int | None
    at: datetime
    behavior: ProrationBehavior = "always_invoice"


@dataclass(frozen=True)
class EndTrial:
    """End a trial at a moment (seconds count), or now when `at` is None."""

    at: datetime | None = None


@dataclass(frozen=True)
class Pause:
    """Stop billing. Flexible subscriptions pause as such; of classic ones only the collection is paused."""


@dataclass(frozen=True)
class Resume:
    """Bill again: from now on, or in the old rhythm, which undoes a pause."""

    anchor: Literal["now", "unchanged"] = "now"


@dataclass(frozen=True)
class CancelNow:
    """End it now; with `prorates` the time not used is credited and billed at once with the usage."""

    prorates: bool = True


@dataclass(frozen=True)
class CancelAtPeriodEnd:
    """Let it run to the end of what is paid."""


@dataclass(frozen=True)
class Reactivate:
    """Take back the cancellation at the period's end."""


@dataclass(frozen=True)
class Schedule:
    """Put a running subscription under a schedule, which starts as what it is now."""


@dataclass(frozen=True)
class SwitchLater:
    """Another price or quantity for one item from a moment on, by a schedule of its own that lets go afterwards."""

    item_id: str
    price_id: str
    quantity: int | None
    at: datetime


@dataclass(frozen=True)
class SetPhases:
    """What a schedule does when; `phases` in Stripe's form, the running one first."""

    schedule_id: str
    phases: Sequence[Mapping[str, Any]]
    end_behavior: Literal["release", "cancel"] = "release"


@dataclass(frozen=True)
class Release:
    """Let a subscription go on as it is, without its schedule."""

    schedule_id: str


Change = (
    Start
    | Switch
    | EndTrial
    | Pause
    | Resume
    | CancelNow
    | CancelAtPeriodEnd
    | Reactivate
    | Schedule
    | SwitchLater
    | SetPhases
    | Release
)


def intent(change: Change, subscription: Raw | None, deed: str, *, previewed_as: str | None = None) -> Intent:
    """The one intent of a change.

    `deed` names what a person asked for (a random id made when the question was shown), so a second click finds the first.
    `previewed_as` is the id of the preview that was on the screen; it is recorded with the intent. What the subscription was then is
    recorded too: a change of something else than what was looked at is not sent.
    """
    if isinstance(change, Start):
        subject = f"customer:{change.customer_id}"
        asked = {"request": _start(change), "expected": {}}
        return Intent("subscription.create", f"{subject}:subscribe:{deed}", subject, change.customer_id, asked)
    assert subscription is not None, "only a start has no subscription yet"
    kind, object_id = _kind(change, subscription)
    subject = f"subscription:{subscription['id']}"
    expected = {"subscription": subscription["id"], "status": subscription["status"], "items": terms(subscription)}
    params: dict[str, Any] = {"request": _params(change, subscription), "expected": expected}
    if isinstance(change, SwitchLater):
        params["then"] = {"item": change.item_id, "price": change.price_id, "at": int(change.at.timestamp())}
        params["then"] |= {} if change.quantity is None else {"quantity": change.quantity}
    if previewed_as is not None:
        params["previewed_as"] = previewed_as
    return Intent(kind, f"{subject}:{kind}:{deed}", subject, object_id, params)


def terms(subscription: Raw) -> dict[str, Any]:
    """What was agreed: price and quantity by item, and how it is billed; a change of these makes a preview worthless."""
    return {
        item["id"]: {"price": item["price"]["id"], "quantity": item.get("quantity")}
        for item in subscription["items"]["data"]
    }


def undo_of(command: Command) -> Change | None:
    """What undoes a change that was made; None for what cannot be undone.

    A switch goes back at the very second it was made at, which costs exactly nothing.
    """
    request = command.params["request"]
    match command.kind:
        case "subscription.update" if "proration_date" in request:
            [item] = request["items"]
            was = command.params["expected"]["items"][item["id"]]
            at = datetime.fromtimestamp(request["proration_date"], UTC)
            return Switch(item["id"], was["price"], was["quantity"], at, request["proration_behavior"])
        case "subscription.pause":
            return Resume("unchanged")
        case "subscription.cancel_at_period_end":
            return Reactivate()
        case "subscription.reactivate":
            return CancelAtPeriodEnd()
        case _:
            return None


def preview_params(change: Change, subscription: Raw) -> dict[str, Any] | None:
    """What Stripe is asked to preview the change with; None where there is nothing to bill and so nothing to preview."""
    details: dict[str, Any]
    match change:
        case Switch() | EndTrial(at=None):
            details = _params(change, subscription)
        case SwitchLater() if change.at.timestamp() < period_end(subscription):
            return preview_params(Switch(change.item_id, change.price_id, change.quantity, change.at), subscription)
        case CancelNow(prorates=prorates):
            details = {"cancel_now": True, "proration_behavior": "always_invoice" if prorates else "none"}
        case _:
            return None
    return {"subscription": subscription["id"], "subscription_details": details}


def period_end(subscription: Raw) -> int:
    """When the running period of a subscription's items ends first, in unix seconds."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


KIND_OF: dict[type, str] = {
    CancelNow: "subscription.cancel_now",
    CancelAtPeriodEnd: "subscription.cancel_at_period_end",
    Reactivate: "subscription.reactivate",
    Schedule: "schedule.create",
    SwitchLater: "schedule.create",
    SetPhases: "schedule.update",
    Release: "schedule.release",
}


def _kind(change: Change, subscription: Raw) -> tuple[str, str]:
    """The kind of command and the object it changes."""
    kind, object_id = KIND_OF.get(type(change), "subscription.update"), str(subscription["id"])
    match change:
        case Pause() if _is_flexible(subscription):
            kind = "subscription.pause"
        case Resume() if subscription["status"] == "paused":
            kind = "subscription.resume"
        case SetPhases(schedule_id=schedule_id) | Release(schedule_id=schedule_id):
            object_id = schedule_id
    return kind, object_id


def _is_flexible(subscription: Raw) -> bool:
    return bool(subscription["billing_mode"]["type"] == "flexible")


def _params(change: Change, subscription: Raw) -> dict[str, Any]:
    """The request's parameters; moments as unix seconds."""
    params: dict[str, Any] = {}
    match change:
        case Switch():
            params = _switch(change)
        case EndTrial(at=moment):
            ends = "now" if moment is None else int(moment.timestamp())
            params = {"trial_end": ends, "proration_behavior": "none"}
        case Pause():
            collection = {"pause_collection": {"behavior": "void"}}
            params = {"type": "subscription"} if _is_flexible(subscription) else collection
        case Resume(anchor=anchor):
            is_paused = subscription["status"] == "paused"
            params = {"billing_cycle_anchor": {"type": anchor}} if is_paused else {"pause_collection": ""}
        case CancelNow(prorates=prorates):
            params = {"prorate": prorates, "invoice_now": True}
        case CancelAtPeriodEnd() | Reactivate():
            params = {"cancel_at_period_end": isinstance(change, CancelAtPeriodEnd)}
        case SetPhases():
            params = {"phases": [dict(phase) for phase in change.phases], "end_behavior": change.end_behavior}
    return params


def _switch(change: Switch) -> dict[str, Any]:
    item: dict[str, Any] = {"id": change.item_id, "price": change.price_id}
    if change.quantity is not None:
        item["quantity"] = change.quantity
    params: dict[str, Any] = {"items": [item], "proration_behavior": change.behavior}
    if change.behavior != "none":
        params["proration_date"] = int(change.at.timestamp())
    return params


def _start(change: Start) -> dict[str, Any]:
    item: dict[str, Any] = {"price": change.price_id}
    request: dict[str, Any] = {
        "customer": change.customer_id,
        "items": [item if change.quantity is None else {**item, "quantity": change.quantity}],
        "billing_mode": {"type": change.billing_mode},
    }
    if change.trial_days:
        request["trial_period_days"] = change.trial_days
    return request
