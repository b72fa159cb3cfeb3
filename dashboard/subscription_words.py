"""A subscription, its possible changes and their previews in a person's words."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from billing.commands import Raw
from billing.preview_comparison import CAUSES, Comparison, Row
from billing.schedule_phases import phases
from billing.subscription_changes import (
    CancelAtPeriodEnd,
    CancelNow,
    Change,
    EndTrial,
    Pause,
    ProrationBehavior,
    Reactivate,
    Release,
    Resume,
    Start,
    Switch,
    SwitchLater,
    period_end,
)
from billing.subscriptions import Held
from dashboard import wording
from pricing.subscription_price import whole_period_minor
from store.subscription_reads import Offer

STATUS = {
    "active": ("green", ":material/check_circle:", "Active"),
    "trialing": ("blue", ":material/hourglass_top:", "In trial"),
    "past_due": ("red", ":material/schedule:", "Past due"),
    "unpaid": ("red", ":material/money_off:", "Unpaid"),
    "paused": ("orange", ":material/pause_circle:", "Paused"),
    "canceled": ("gray", ":material/cancel:", "Ended"),
    "incomplete": ("orange", ":material/pending:", "First payment open"),
    "incomplete_expired": ("gray", ":material/cancel:", "Never paid"),
}
TIMINGS: dict[ProrationBehavior, str] = {
    "always_invoice": "Bill the difference now",
    "create_prorations": "Add the difference to the next invoice",
    "none": "No difference for the running period",
}

PLAIN_WORDS: dict[type, str] = {
    EndTrial: "End the trial now and bill the first period.",
    Pause: "Stop billing until it is resumed.",
    Resume: "Bill again: a new period begins and is billed now.",
    CancelNow: "End it now, bill what was used and give back the time that was not.",
    CancelAtPeriodEnd: "Let it end with the period that is paid; nothing is billed or given back.",
    Reactivate: "Keep it: it renews as before.",
    Release: "Forget what is planned: it renews as it is now.",
    Start: "Start a subscription.",
}


def day(seconds: int | None) -> str:
    """The UTC day of a Stripe moment."""
    return wording.day_of(None if seconds is None else datetime.fromtimestamp(seconds, UTC))


def every(price: Raw) -> str:
    """a month, every 3 months."""
    how = price["recurring"]
    count = how["interval_count"]
    return f"a {how['interval']}" if count == 1 else f"every {count} {how['interval']}s"


def offer_label(offer: Offer) -> str:
    """Pro, $62.00 a month; what has no single amount says so."""
    amount_minor = whole_period_minor(offer.price, 1)
    if offer.price["recurring"]["usage_type"] == "metered":
        return f"{offer.product_name}, by use"
    amount = "by tiers" if amount_minor is None else wording.money_exact(amount_minor, offer.price["currency"])
    return f"{offer.product_name}, {amount} {every(offer.price)}"


def offer_labels(offers: Iterable[Offer]) -> dict[str, str]:
    """What each price is called in a choice, by its id; two that read the same are told apart by their ids."""
    labels = {offer.price["id"]: offer_label(offer) for offer in offers}
    seen = Counter(labels.values())
    return {id_: label if seen[label] == 1 else f"{label} ({id_})" for id_, label in labels.items()}


def item_line(item: Raw, offers: Mapping[str, Offer]) -> str:
    """One item as Markdown: 2 x Pro, $124.00 a month."""
    price, quantity = item["price"], item.get("quantity")
    offer = offers.get(price["id"])
    name = wording.escape(offer.product_name if offer else price.get("nickname") or price["id"])
    if quantity is None:
        return f"**{name}**, by use, billed {every(price)}"
    amount_minor = whole_period_minor(offer.price if offer else price, quantity)
    amount = "by tiers" if amount_minor is None else wording.money_exact(amount_minor, price["currency"])
    return f"**{quantity} \u00d7 {name}**, {wording.escape(amount)} {every(price)}"


def state_line(one: Held) -> str:
    """Where the subscription stands, as Markdown: a badge and what happens next."""
    raw = one.subscription
    color, icon, word = STATUS.get(raw["status"], ("gray", ":material/help:", raw["status"]))
    ends = max((item["current_period_end"] for item in raw["items"]["data"]), default=None)
    if raw.get("ended_at"):
        after = f"since {day(raw['ended_at'])}"
    elif raw["cancel_at_period_end"] or raw.get("cancel_at"):
        after = f"ends on {day(raw.get('cancel_at') or ends)} and does not renew"
    elif raw.get("pause_collection"):
        after = "collection is paused: invoices are made void"
    elif raw["status"] == "paused":
        after = "nothing is billed until it is resumed"
    elif raw["status"] == "trialing":
        after = f"first bill on {day(raw.get('trial_end'))}"
    else:
        after = f"renews on {day(ends)}"
    return f":{color}-badge[{icon} {word}] {after} \u00b7 {raw['billing_mode']['type']} billing \u00b7 {raw['id']}"


def change_words(change: Change, one: Held | None) -> str:
    """What a change does, in one sentence without Markdown."""
    match change:
        case Switch():
            offer = one.offers.get(change.price_id) if one is not None else None
            name = offer.product_name if offer else change.price_id
            count = "" if change.quantity is None else f"{change.quantity} \u00d7 "
            return f"Change to {count}{name}, prorated at {wording.moment_of(change.at)}."
        case SwitchLater():
            return _later_words(change, one)
        case EndTrial(at=datetime() as at):
            return f"Let the trial last until {wording.moment_of(at)}; the first bill is made then."
        case Resume(anchor="unchanged"):
            return "Bill again in the old rhythm; nothing is billed at once."
        case CancelNow(prorates=False):
            return "End it now and bill what was used; nothing is given back."
        case _:
            return PLAIN_WORDS[type(change)]


def _later_words(change: SwitchLater, one: Held | None) -> str:
    offer = one.offers.get(change.price_id) if one is not None else None
    count = "" if change.quantity is None else f"{change.quantity} \u00d7 "
    said = f"Change to {count}{offer.product_name if offer else change.price_id} at {wording.moment_of(change.at)}"
    if one is None or change.at.timestamp() > period_end(one.subscription):
        return f"{said}. A period that this moment divides is prorated then; whole ones cost the new price."
    if change.at.timestamp() == period_end(one.subscription):
        return (
            f"{said}, when the running period ends: nothing is given back or added, the next one costs the new price."
        )
    return f"{said}; the difference for the rest of the running period is put on the next invoice."


def plan_lines(one: Held, now: datetime) -> list[str]:
    """What the subscription's schedule has planned from now on, a line of Markdown for each phase; none without a plan."""
    planned = phases(one.schedule) if one.schedule is not None else []
    lines = []
    for phase in (phase for phase in planned if phase.start > now):
        known = [
            item_line({"price": one.offers[price_id].price, "quantity": quantity}, one.offers)
            if price_id in one.offers
            else wording.escape(price_id)
            for price_id, quantity in phase.items
        ]
        lines.append(f":material/event: From {wording.moment_of(phase.start)}: {' and '.join(known)}")
    ends_with_it = one.schedule is not None and one.schedule.get("end_behavior") == "cancel"
    if ends_with_it and planned and planned[-1].end > now:
        lines.append(f":material/event_busy: It ends with its schedule on {wording.moment_of(planned[-1].end)}.")
    return lines


def comparison_lines(rows: tuple[Row, ...], currency: str) -> list[tuple[str, str, str, str, str]]:
    """Each row: what it is, ours, Stripe's, whether they agree in words, and how ours was computed; all Markdown."""
    told = []
    for row in rows:
        label = row.ours.label if row.ours else row.theirs.description if row.theirs else ""
        kind = {"credit": "Unused time on ", "debit": "Remaining time on "}.get(row.ours.kind if row.ours else "", "")
        ours = wording.money_exact(row.ours.amount_minor, currency) if row.ours else "\u2013"
        theirs = wording.money_exact(row.theirs.amount_minor, currency) if row.theirs else "\u2013"
        verdict = (
            ":green[:material/check: agrees]"
            if row.cause is None
            else f":orange[:material/info: {_cause(row, currency)}]"
        )
        why = wording.escape(row.ours.explanation) if row.ours else ""
        told.append((wording.escape(kind + label), wording.escape(ours), wording.escape(theirs), verdict, why))
    return told


def _cause(row: Row, currency: str) -> str:
    difference = wording.money_exact(row.difference_minor, currency, plus=True)
    return wording.escape(f"{difference}: {CAUSES[row.cause or 'unexplained']}")


def sum_line(seen: Comparison) -> str:
    """The sums of both sides, what Stripe asks for at last, and what is kept for the next invoice."""
    ours, theirs, tax, due, kept, paid = (
        wording.escape(wording.money_exact(minor, seen.currency))
        for minor in (
            seen.ours_minor,
            seen.theirs_minor,
            seen.tax_minor,
            seen.due_minor,
            seen.standing.to_balance_minor,
            seen.standing.from_balance_minor,
        )
    )
    after = ""
    if seen.standing.from_balance_minor:
        after = f" after {paid} of the customer's credit"
    elif seen.standing.to_balance_minor:
        after = f", {kept} is kept as credit for the next invoice"
    return f"**Sum: {ours} by our books, {theirs} by Stripe** before tax; {tax} tax; **{due} due**{after}."
