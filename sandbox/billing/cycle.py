"""Time passing: renewals, finalization, retries and endings in the order in which they fall due."""

import heapq
from collections.abc import Callable, Mapping

from sandbox.billing.calendar import HOUR, next_boundary
from sandbox.billing.collection import card_of, collect, end_subscription, expire_incomplete
from sandbox.billing.disputes import dispute_due, time_decides
from sandbox.billing.held_collection import end_hold, hold_back, hold_ends_at
from sandbox.billing.invoicing import finalize_invoice
from sandbox.billing.payouts import arrive, payout_due
from sandbox.billing.refunds import bank_answers, refund_due
from sandbox.billing.schedules import enter_phase, schedule_due
from sandbox.billing.subscription_invoices import cycle_invoice, last_invoice
from sandbox.billing.subscription_pauses import set_paused
from sandbox.objects import StripeObject
from sandbox.state import State

INCOMPLETE_EXPIRES_AFTER = 23 * HOUR
RENEWING = {"active", "past_due", "trialing", "unpaid"}

# (when, rank, kind, id): at equal times a schedule's phase comes first, so that the renewal bills it; then invoices before
# subscriptions; ids keep the order stable.
Due = tuple[int, int, str, str]
FIRST, THEN = 0, 1
# What banks do by themselves: when, and what.
BY_BANKS: Mapping[str, tuple[Callable[[State, StripeObject], int | None], Callable[[State, StripeObject], None]]] = {
    "dispute": (lambda _state, found: dispute_due(found), time_decides),
    "payout": (lambda _state, found: payout_due(found), arrive),
    "refund": (refund_due, bank_answers),
}


def cycle(state: State, until: int) -> None:
    """Move the sandbox's clock to `until` (unix seconds) and do on the way all that falls due."""
    queue: list[Due] = []
    for subscription in state.objects.get("subscription", {}).values():
        queue += _due_subscription(subscription)
    for invoice in state.objects.get("invoice", {}).values():
        queue += _due_invoice(invoice)
    for schedule in state.objects.get("subscription_schedule", {}).values():
        queue += _due_schedule(schedule)
    for kind in BY_BANKS:
        queue += [due for one in state.objects.get(kind, {}).values() for due in _due_at_bank(state, kind, one)]
    heapq.heapify(queue)
    while queue and queue[0][0] <= until:
        when, rank, kind, id_ = heapq.heappop(queue)
        found = state.objects[kind].get(id_)
        if found is None:
            continue
        # The object may have changed since it was put into the queue.
        due = _due(state, kind, found)
        if (when, rank, kind, id_) not in due:
            continue
        state.advance_to(max(state.now, when))
        for entry in _act(state, kind, found):
            heapq.heappush(queue, entry)
    state.advance_to(max(state.now, until))


def _due(state: State, kind: str, found: StripeObject) -> list[Due]:
    match kind:
        case "subscription":
            return _due_subscription(found)
        case "invoice":
            return _due_invoice(found)
        case "subscription_schedule":
            return _due_schedule(found)
        case _:
            return _due_at_bank(state, kind, found)


def _due_at_bank(state: State, kind: str, found: StripeObject) -> list[Due]:
    when, _ = BY_BANKS[kind]
    at = when(state, found)
    return [] if at is None else [(at, THEN, kind, found["id"])]


def _due_schedule(schedule: StripeObject) -> list[Due]:
    when = schedule_due(schedule)
    return [] if when is None else [(when, FIRST, "subscription_schedule", schedule["id"])]


def _due_subscription(subscription: StripeObject) -> list[Due]:
    id_, status = subscription["id"], subscription["status"]
    if status == "incomplete":
        return [(subscription["created"] + INCOMPLETE_EXPIRES_AFTER, THEN, "subscription", id_)]
    if status not in RENEWING:
        return []
    times = [item["current_period_end"] for item in subscription["items"]["data"]]
    times += [at for at in (subscription["cancel_at"], hold_ends_at(subscription)) if at is not None]
    return [(min(times), THEN, "subscription", id_)] if times else []


def _due_invoice(invoice: StripeObject) -> list[Due]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
        return [(invoice["automatically_finalizes_at"], THEN, "invoice", invoice["id"])]
    if invoice["status"] == "open" and invoice["auto_advance"] and invoice["next_payment_attempt"]:
        return [(invoice["next_payment_attempt"], THEN, "invoice", invoice["id"])]
    return []


def _act(state: State, kind: str, found: StripeObject) -> list[Due]:
    """Do what is due and say what falls due next."""
    if kind in BY_BANKS:
        BY_BANKS[kind][1](state, found)
        return []
    if kind == "subscription_schedule":
        return _act_on_schedule(state, found)
    if kind == "invoice":
        _advance_invoice(state, found)
        return _due_invoice(found)
    if found["status"] == "incomplete":
        expire_incomplete(state, found)
        return []
    ends_at = hold_ends_at(found)
    if ends_at is not None and ends_at <= state.now:
        # Before the renewal of the same moment, which is collected again.
        end_hold(state, found)
        return _due_subscription(found)
    invoice = end_or_renew(state, found)
    return _due_subscription(found) + (_due_invoice(invoice) if invoice else [])


def _act_on_schedule(state: State, schedule: StripeObject) -> list[Due]:
    enter_phase(state, schedule)
    subscription = state.objects["subscription"][schedule["subscription"] or schedule["released_subscription"]]
    latest = state.objects["invoice"].get(subscription["latest_invoice"] or "")
    return _due_schedule(schedule) + _due_subscription(subscription) + (_due_invoice(latest) if latest else [])


def _advance_invoice(state: State, invoice: StripeObject) -> None:
    if invoice["status"] == "draft":
        finalize_invoice(state, invoice["id"], {})
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        collect(state, invoice)
    elif invoice["status"] == "open":
        invoice["next_payment_attempt"] = None


def end_or_renew(state: State, subscription: StripeObject) -> StripeObject | None:
    """End a subscription whose time has come, or bill its next period; the draft, if there is one."""
    ends = subscription["cancel_at"]
    if ends is not None and ends <= state.now:
        invoice = last_invoice(state, subscription)
        end_subscription(state, subscription, reason="cancellation_requested")
        return invoice
    if subscription["status"] == "trialing" and _ends_unpaid(state, subscription):
        return None
    return _renew(state, subscription)


def _ends_unpaid(state: State, subscription: StripeObject) -> bool:
    """True when the trial ended without anything to pay with and the subscription was canceled or paused for it."""
    rule = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    is_over = subscription["trial_end"] <= state.now and subscription["collection_method"] == "charge_automatically"
    if not is_over or rule == "create_invoice" or card_of(state, subscription["customer"], subscription):
        return False
    if rule == "cancel":
        end_subscription(state, subscription, reason="cancellation_requested")
    else:
        set_paused(state, subscription, "trial_end_without_payment_method")
    return True


def _renew(state: State, subscription: StripeObject) -> StripeObject | None:
    ended: dict[str, tuple[int, int]] = {}
    was = subscription["status"]
    for item in subscription["items"]["data"]:
        if item["current_period_end"] > state.now:
            continue
        how = item["price"]["recurring"]
        ended[item["id"]] = (item["current_period_start"], item["current_period_end"])
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = next_boundary(
            subscription["billing_cycle_anchor"], how["interval"], how["interval_count"], item["current_period_start"]
        )
        if subscription["cancel_at"] is not None:
            item["current_period_end"] = min(item["current_period_end"], subscription["cancel_at"])
    if was == "trialing" and subscription["trial_end"] <= state.now:
        subscription["status"] = "active"
    _drop_ended_discounts(state, subscription)
    invoice = cycle_invoice(state, subscription, ended)
    if was == "unpaid" or subscription["pause_collection"]:
        # Stripe keeps making drafts for an unpaid subscription but does not collect them.
        hold_back(state, subscription, invoice)
    periods = [{"id": id_, "current_period_end": end} for id_, (_, end) in ended.items()]
    state.emit("customer.subscription.updated", subscription, {"items": {"data": periods}, "status": was})
    return invoice


def _drop_ended_discounts(state: State, subscription: StripeObject) -> None:
    for id_ in list(subscription["discounts"]):
        found = state.objects["discount"][id_]
        if found["end"] is not None and found["end"] <= state.now:
            subscription["discounts"].remove(id_)
            state.emit("customer.discount.deleted", found)
