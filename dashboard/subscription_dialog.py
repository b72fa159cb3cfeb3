"""The dialog that changes a subscription: what shall change, what it costs by our books and by Stripe's, and the confirmation."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

import streamlit as st

from billing import preview_comparison, subscriptions
from billing.principals import Principal
from billing.subscription_changes import (
    CancelAtPeriodEnd,
    CancelNow,
    Change,
    EndTrial,
    Pause,
    Reactivate,
    Release,
    Resume,
    Start,
    Switch,
    SwitchLater,
    period_end,
    preview_params,
)
from billing.subscription_estimate import Estimate
from billing.subscriptions import Held
from dashboard import subscription_words as words
from dashboard import wording
from dashboard.books import Books
from dashboard.command_state import command_line
from store import stripe_commands
from store.database import tenant_transaction

LOOK = "subscription_look"
QUANTITY_MAX = 1_000_000
LONGEST_TRIAL, LONGEST_PLAN = timedelta(days=730), timedelta(days=1_825)
BILLING_MODES = {
    "flexible": "Flexible: credits what was billed, may be paused (Stripe's default)",
    "classic": "Classic: credits at today's price, pauses its collection only",
}
PLAN, LATER, PAUSE, RESUME, END_TRIAL, EXTEND_TRIAL, AT_END, KEEP, NOW = (
    "Plan or quantity",
    "Plan or quantity, from a date on",
    "Pause",
    "Resume",
    "End the trial now",
    "Let the trial last longer",
    "Cancel at the period's end",
    "Keep it (take the cancellation back)",
    "Cancel now",
)


@dataclass(frozen=True)
class Look:
    """What is looked at: the deed it belongs to, the change pinned to a second, and the command that asks Stripe."""

    deed: str
    change: Change
    command_id: UUID | None


@st.dialog("Change the subscription", width="large")
def change(
    ground: Books, customer_id: str, subscription_id: str, principal: Principal, deed: str, preset: Change | None
) -> None:
    """Ask what shall change (or take the preset), show what it costs, and write it down when it is confirmed.

    `deed` is made when the dialog opens: however often it is confirmed, it is one change.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with tenant_transaction(ground.engine, ground.tenant_id) as connection:
        one = next(
            held for held in subscriptions.held(connection, customer_id) if held.subscription["id"] == subscription_id
        )
    wanted = preset or _choose(one, now)
    if wanted is None:
        return
    if preset is not None:
        st.markdown("What is planned:" if isinstance(preset, Release) else "Undo the last change:")
    look: Look | None = st.session_state.get(LOOK)
    if look is not None and (look.deed != deed or not _is_same(look.change, wanted)):
        look = None
    if preview_params(wanted, one.subscription) is None:
        look = Look(deed, wanted, None)
    elif look is None and (st.button("Preview", type="primary", icon=":material/visibility:") or preset is not None):
        look = _ask(ground, one, wanted, deed, principal, now)
    if look is not None:
        st.fragment(_costs, run_every=1.0 if look.command_id else None)(ground, one, look, principal)


@st.dialog("Subscribe the customer")
def start(ground: Books, customer_id: str, principal: Principal, deed: str) -> None:
    """Choose a plan, a quantity and a trial, and write it down when it is confirmed."""
    with tenant_transaction(ground.engine, ground.tenant_id) as connection:
        offers = subscriptions.customer_offers(connection, customer_id)
    if not offers:
        st.markdown(":gray[:material/sell: There is no active recurring price in the customer's currency.]")
        return
    labels = words.offer_labels(offers)
    offer = st.selectbox("Plan", offers, format_func=lambda one: labels[one.price["id"]])
    is_metered = offer.price["recurring"]["usage_type"] == "metered"
    quantity = None if is_metered else int(st.number_input("Quantity", 1, QUANTITY_MAX, 1))
    trial_days = int(st.number_input("Days of trial", 0, 730, 0))
    mode: Literal["flexible", "classic"] = st.radio(
        "Billing mode", ("flexible", "classic"), format_func=BILLING_MODES.__getitem__
    )
    wanted = Start(customer_id, offer.price["id"], quantity, trial_days or None, mode)
    when = f"after {trial_days} days" if trial_days else "now"
    st.markdown(
        f"{words.item_line({'price': offer.price, 'quantity': quantity}, {offer.price['id']: offer})}; the first bill is made {when}."
    )
    _confirm(ground, None, Look(deed, wanted, None), principal, "Subscribe")


def _choose(one: Held, now: datetime) -> Change | None:
    """The change that the fields say; None while they say that nothing changes."""
    kind = st.selectbox("What shall change", _kinds(one), key="subscription_kind")
    if kind in {PLAN, LATER}:
        return _choose_plan(one, now, is_later=kind == LATER)
    if kind == EXTEND_TRIAL:
        first = (datetime.fromtimestamp(one.subscription["trial_end"], UTC) + timedelta(days=1)).date()
        until = st.date_input("Until (UTC)", first, min_value=first, max_value=first + LONGEST_TRIAL)
        return EndTrial(_midnight(until))
    if kind == NOW:
        gives_back = st.toggle("Give back the time that was not used", value=True)
        return CancelNow(gives_back)
    plain: dict[str, Change] = {
        PAUSE: Pause(),
        RESUME: Resume(),
        END_TRIAL: EndTrial(),
        AT_END: CancelAtPeriodEnd(),
        KEEP: Reactivate(),
    }
    return plain[kind]


def _kinds(one: Held) -> list[str]:
    """What can be done with a subscription as it stands."""
    raw = one.subscription
    is_paused = raw["status"] == "paused" or bool(raw.get("pause_collection"))
    options = (
        (PLAN, not is_paused),
        (LATER, raw["status"] in {"active", "past_due"} and not is_paused and one.schedule is None),
        (END_TRIAL, raw["status"] == "trialing"),
        (EXTEND_TRIAL, raw["status"] == "trialing"),
        (RESUME, is_paused),
        (PAUSE, not is_paused and raw["status"] in {"active", "past_due", "trialing"}),
        (KEEP, raw["cancel_at_period_end"]),
        (AT_END, not raw["cancel_at_period_end"]),
        (NOW, True),
    )
    return [name for name, is_possible in options if is_possible]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _choose_moment(one: Held, now: datetime) -> datetime:
    """When a planned change begins: at the end of the running period, or at the beginning of a later day."""
    ends = datetime.fromtimestamp(period_end(one.subscription), UTC)
    at_end = f"When the running period ends ({wording.moment_of(ends)})"
    if st.radio("When", (at_end, "On a day"), key="later_when") == at_end:
        return ends
    first = now.date() + timedelta(days=1)
    return _midnight(st.date_input("Day (UTC)", first, min_value=first, max_value=first + LONGEST_PLAN))


def _choose_plan(one: Held, now: datetime, *, is_later: bool) -> Change | None:
    items = [item for item in one.subscription["items"]["data"] if item.get("quantity") is not None]
    if not items:
        st.markdown(":gray[All of it is billed by use: there is no plan or quantity to change.]")
        return None
    item = items[0]
    if len(items) > 1:
        item = st.selectbox("Which item", items, format_func=lambda one_: one.offers[one_["price"]["id"]].product_name)
    offers = [offer for offer in one.offers.values() if offer.price["recurring"]["usage_type"] == "licensed"]
    left, right = st.columns([2, 1])
    at = next(place for place, offer in enumerate(offers) if offer.price["id"] == item["price"]["id"])
    labels = words.offer_labels(offers)
    offer = left.selectbox("Plan", offers, index=at, format_func=lambda one_: labels[one_.price["id"]])
    quantity = int(right.number_input("Quantity", 1, QUANTITY_MAX, item["quantity"]))
    if is_later:
        moment = _choose_moment(one, now)
        wanted: Change = SwitchLater(item["id"], offer.price["id"], quantity, moment)
    else:
        behavior = st.radio(
            "The difference for the running period", list(words.TIMINGS), format_func=words.TIMINGS.__getitem__
        )
        wanted = Switch(item["id"], offer.price["id"], quantity, now, behavior)
    if (offer.price["id"], quantity) == (item["price"]["id"], item["quantity"]):
        st.markdown(":gray[That is what it is now.]")
        return None
    return wanted


def _is_same(one: Change, other: Change) -> bool:
    """Whether two changes differ in no more than their moment."""
    if isinstance(one, Switch) and isinstance(other, Switch):
        return replace(one, at=other.at) == other
    return one == other


def _ask(ground: Books, one: Held, wanted: Change, deed: str, principal: Principal, now: datetime) -> Look:
    with tenant_transaction(ground.engine, ground.tenant_id) as connection:
        look = f"{deed}:{wanted!r}"
        asked = subscriptions.ask_preview(
            connection, ground.tenant_id, one.subscription, wanted, look=look, principal=principal, now=now
        )
    seen = Look(deed, wanted, asked.command_id if asked is not None else None)
    st.session_state[LOOK] = seen
    return seen


def _costs(ground: Books, one: Held, look: Look, principal: Principal) -> None:
    """What the change costs on both sides, and the button that makes it."""
    now = datetime.now(UTC)
    st.markdown(f"**{wording.escape(words.change_words(look.change, one))}**")
    if look.command_id is not None:
        try:
            ours = one.estimate(look.change, now)
        except ValueError:
            st.warning("The running period is over by what we hold: refresh from Stripe first.", icon=":material/sync:")
            return
        _beside_stripe(ground, one, look.command_id, ours)
    _confirm(ground, one, look, principal, "Confirm")


def _beside_stripe(ground: Books, one: Held, command_id: UUID, ours: Estimate) -> None:
    currency = one.subscription["currency"]
    with tenant_transaction(ground.engine, ground.tenant_id) as connection:
        asked = stripe_commands.find(connection, command_id)
    if asked is None or asked.answer is None:
        rows = tuple(preview_comparison.Row(line, None, None) for line in ours.lines)
        _lines(rows, currency, is_answered=False)
        st.markdown("Stripe's own preview: " + (command_line(asked, datetime.now(UTC)) if asked else "not asked"))
    else:
        seen = preview_comparison.compare(ours, dict(asked.answer), one.subscription)
        _lines(seen.rows, currency, is_answered=True)
        st.markdown(words.sum_line(seen))
        if not seen.is_explained:
            st.warning("The two differ for a reason we do not know.", icon=":material/warning:")
    for note in ours.notes:
        st.markdown(f":small[:material/info: {wording.escape(note)}]")
    if ours.by_day is not None:
        st.markdown(f":small[By whole days it would be {wording.escape(ours.by_day.explanation)}.]")


def _lines(rows: tuple[preview_comparison.Row, ...], currency: str, *, is_answered: bool) -> None:
    if not rows:
        st.markdown(":gray[Nothing is billed or given back for it.]")
    for label, ours, theirs, verdict, why in words.comparison_lines(rows, currency):
        said = f"{theirs} by Stripe \u00b7 {verdict}" if is_answered else "Stripe is asked"
        st.markdown(f"{label}: **{ours}** by our books \u00b7 {said}  \n:small[:gray[{why}]]")


def _confirm(ground: Books, one: Held | None, look: Look, principal: Principal, word: str) -> None:
    if not st.button(word, type="primary", key="subscription_confirm", icon=":material/check:"):
        st.caption(f"Acting as {wording.escape(str(principal))}. Nothing happens before this button is pressed.")
        return
    try:
        with tenant_transaction(ground.engine, ground.tenant_id) as connection:
            subscriptions.make(
                connection,
                ground.tenant_id,
                one.subscription if one is not None else None,
                look.change,
                deed=look.deed,
                principal=principal,
                now=datetime.now(UTC),
                previewed_as=str(look.command_id) if look.command_id is not None else None,
            )
    except subscriptions.NotAllowedError as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    st.session_state.pop(LOOK, None)
    st.rerun()
