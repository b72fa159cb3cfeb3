"""What a change of a subscription will cost, out of what is mirrored: our own second opinion on Stripe's preview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from billing.commands import Raw
from billing.subscription_changes import CancelNow, Change, EndTrial, Switch, SwitchLater, period_end
from pricing import proration
from pricing.money import divide_half_away
from pricing.proration import Debit, Line, Period, Terms
from pricing.subscription_price import less_percent, whole_period_minor
from store.subscription_reads import Billed

UNKNOWN_PRICE = "{label} has a price by use or by tiers that we do not hold, so only Stripe can say what it costs."
UNKNOWN_DISCOUNT = "The subscription has a discount that only Stripe knows, so a new price stands here without it."
NOT_BILLED = "The running time of {label} is on no invoice yet, so what is credited for it is known to Stripe only."
USAGE = "Usage of the running period is billed with it; how much is known to Stripe only."


@dataclass(frozen=True)
class Estimate:
    """The lines of a change, the same by whole days where that says something, and what we could not know, in sentences."""

    lines: tuple[Line, ...]
    by_day: Line | None
    notes: tuple[str, ...]
    has_unknown_discount: bool

    @property
    def total_minor(self) -> int:
        """The sum of the lines, before tax and before what waits already."""
        return sum(line.amount_minor for line in self.lines)


def estimate(
    change: Change,
    subscription: Raw,
    *,
    prices: Mapping[str, Raw],
    names: Mapping[str, str],
    billed: Sequence[Billed],
    now: datetime,
) -> Estimate:
    """What the change costs. `prices` by id, `names` of products by id, `billed` the subscription's invoice lines, oldest first.

    Nothing is due for what is not billed at once (a pause, an end at the period's end). Raises KeyError for a price that is not
    among `prices`.
    """
    known = Known(subscription, prices, names)
    items = subscription["items"]["data"]
    match change:
        case Switch(item_id=item_id):
            item = next(item for item in items if item["id"] == item_id)
            return _switched(known, item, change, billed)
        case SwitchLater() if change.at.timestamp() < period_end(subscription):
            item = next(item for item in items if item["id"] == change.item_id)
            at_once = Switch(change.item_id, change.price_id, change.quantity, change.at)
            return _switched(known, item, at_once, billed)
        case CancelNow(prorates=True):
            return _ended(known, items, billed, _whole_seconds(now))
        case EndTrial():
            at = _whole_seconds(change.at or now)
            lines, notes = [], []
            for item in items:
                terms, label = known.terms(item["price"]["id"], item.get("quantity"))
                if terms is None:
                    notes.append(UNKNOWN_PRICE.format(label=label))
                else:
                    lines.append(proration.new_period(terms, at))
            return known.estimate(lines, None, notes)
        case _:
            return known.estimate([], None, [])


@dataclass(frozen=True)
class Known:
    """A subscription with the prices and product names that its items refer to."""

    subscription: Raw
    prices: Mapping[str, Raw]
    names: Mapping[str, str]

    def terms(self, price_id: str, quantity: int | None) -> tuple[Terms | None, str]:
        """What an item is sold at after percentage discounts, and its name; None where only Stripe can say."""
        price = self.prices[price_id]
        product = price["product"]["id"] if isinstance(price["product"], dict) else price["product"]
        label = self.names.get(product) or price.get("nickname") or price_id
        if quantity is not None:
            label = f"{quantity} {proration.TIMES} {label}"
        amount_minor = None if quantity is None else whole_period_minor(price, quantity)
        if amount_minor is None:
            return None, label
        for percent in _percents(self.subscription):
            amount_minor = less_percent(amount_minor, percent)
        how = price["recurring"]
        return Terms(label, amount_minor, price["currency"], (how["interval"], how["interval_count"])), label

    def whole(self, item: Raw) -> Period:
        """The full interval that the item's running period belongs to; its own may be a part of it."""
        how = item["price"]["recurring"]
        anchor, start = (
            _moment(moment) for moment in (self.subscription["billing_cycle_anchor"], item["current_period_start"])
        )
        return proration.interval_around(anchor, (how["interval"], how["interval_count"]), start)

    def estimate(self, lines: Sequence[Line], by_day: Line | None, notes: Sequence[str]) -> Estimate:
        """The lines with what they leave open."""
        is_unknown = len(_percents(self.subscription)) < len(self.subscription.get("discounts") or [])
        told = (*notes, *([UNKNOWN_DISCOUNT] if is_unknown and any(line.amount_minor > 0 for line in lines) else []))
        return Estimate(tuple(lines), by_day, tuple(dict.fromkeys(told)), is_unknown)


def _switched(known: Known, item: Raw, change: Switch, billed: Sequence[Billed]) -> Estimate:
    old, old_label = known.terms(item["price"]["id"], item.get("quantity"))
    new, new_label = known.terms(change.price_id, change.quantity)
    if change.behavior == "none" or (item["price"]["id"], item.get("quantity")) == (change.price_id, change.quantity):
        return known.estimate([], None, [])
    period, at = _period(item), _whole_seconds(change.at)
    open_debits, notes = _open_debits(known, item, old_label, billed, at)
    notes += [
        UNKNOWN_PRICE.format(label=label) for terms, label in ((old, old_label), (new, new_label)) if terms is None
    ]
    is_trial = known.subscription["status"] == "trialing"
    lines = proration.change(
        old,
        new,
        period,
        at,
        mode=known.subscription["billing_mode"]["type"],
        debits=open_debits,
        is_trial=is_trial,
        whole=known.whole(item),
    )
    days = None
    if old is not None and new is not None and old.interval == new.interval and lines:
        days = proration.by_day(old.amount_minor, new.amount_minor, new.currency, known.whole(item), at)
    return known.estimate(lines, days, [] if is_trial else notes)


def _ended(known: Known, items: Sequence[Raw], billed: Sequence[Billed], at: datetime) -> Estimate:
    lines: list[Line] = []
    notes: list[str] = []
    if known.subscription["status"] == "trialing":
        return known.estimate([], None, [])
    for item in items:
        terms, label = known.terms(item["price"]["id"], item.get("quantity"))
        if item["price"].get("recurring", {}).get("usage_type") == "metered":
            notes.append(USAGE)
            continue
        open_debits, unknown = _open_debits(known, item, label, billed, at)
        notes += unknown
        mode = known.subscription["billing_mode"]["type"]
        lines += proration.change(
            terms, None, _period(item), at, mode=mode, debits=open_debits, whole=known.whole(item)
        )
    return known.estimate(lines, None, notes)


def _open_debits(
    known: Known, item: Raw, label: str, billed: Sequence[Billed], at: datetime
) -> tuple[list[Debit], list[str]]:
    """What billed the item's time after `at`; and a note where a flexible subscription's running time was not billed yet."""
    found = [debit for debit in debits(billed, item) if debit.paid_until > at]
    is_free = (known.terms(item["price"]["id"], item.get("quantity"))[0] or Terms("", 0, "usd")).amount_minor == 0
    is_missing = not found and not is_free and known.subscription["billing_mode"]["type"] == "flexible"
    return found, [NOT_BILLED.format(label=label)] if is_missing and at < _period(item).end else []


def debits(billed: Sequence[Billed], item: Raw) -> list[Debit]:
    """The lines that billed an item, with what was credited and refunded of each since.

    A credit says which line it takes back (`credited_items`); where it does not, it is the one of the same price whose time it
    begins in. A refund of an invoice is shared by its lines.
    """
    standing: dict[str, Debit] = {}
    prices: dict[str, str | None] = {}
    for one in billed:
        line, details = one.line, _parent(one.line)
        price_id = ((line.get("pricing") or {}).get("price_details") or {}).get("price")
        is_of_item = details.get("subscription_item") == item["id"] or (
            details.get("subscription_item") is None and price_id == item["price"]["id"]
        )
        amount_minor = net_minor(line)
        start, end = (_moment(line["period"][name]) for name in ("start", "end"))
        if amount_minor < 0:
            _take_back(standing, prices, line, details, price_id, start)
        elif is_of_item and amount_minor > 0 and end > start:
            refunded = (
                divide_half_away(one.refunded_minor * amount_minor, one.total_minor) if one.total_minor > 0 else 0
            )
            prices[line["id"]] = price_id
            standing[line["id"]] = Debit(
                line["id"],
                str(line["description"]),
                amount_minor,
                line["currency"],
                Period(start, end),
                end,
                refunded_minor=refunded,
            )
    return list(standing.values())


def _take_back(
    standing: dict[str, Debit],
    prices: Mapping[str, str | None],
    credit: Mapping[str, Any],
    details: Mapping[str, Any],
    price_id: str | None,
    start: datetime,
) -> None:
    """Use up the debits that a credit line gives back."""
    named = ((details.get("proration_details") or {}).get("credited_items") or {}).get("invoice_line_items") or []
    ids = [id_ for id_ in named if id_ in standing] or [
        id_ for id_, debit in standing.items() if prices[id_] == price_id and debit.paid_until > start
    ][:1]
    for id_ in ids:
        debit = standing[id_]
        left = max(start, debit.period.start)
        standing[id_] = replace(
            debit, paid_until=min(debit.paid_until, left), credited_minor=debit.credited_minor - net_minor(credit)
        )


def net_minor(line: Mapping[str, Any]) -> int:
    """A line after its discounts, before exclusive tax."""
    return int(line["amount"]) - sum(int(one["amount"]) for one in line.get("discount_amounts") or [])


def _parent(line: Mapping[str, Any]) -> Mapping[str, Any]:
    parent = line.get("parent") or {}
    return parent.get(parent.get("type") or "") or {}


def _percents(subscription: Raw) -> list[str]:
    """The percentages of those discounts whose coupon came with the subscription."""
    coupons = [
        (one.get("source") or {}).get("coupon") or one.get("coupon")
        for one in subscription.get("discounts") or []
        if isinstance(one, dict)
    ]
    return [str(one["percent_off"]) for one in coupons if isinstance(one, dict) and one.get("percent_off")]


def _period(item: Raw) -> Period:
    return Period(_moment(item["current_period_start"]), _moment(item["current_period_end"]))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
