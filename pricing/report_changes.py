"""What changed in a month since its report was locked: by cause, in amounts and points of margin that sum exactly to the change."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from pricing.margin import cost_minor, margin_share
from pricing.money import NANO
from pricing.report_costs import cost_changes, moved_between_customers
from pricing.report_ledger import Ledger, RevenueFact

Cause = Literal[
    "late_usage",
    "price_correction",
    "provider_bill",
    "contract_term",
    "money_back",
    "invoice_changed",
    "exchange_rate",
    "customer_mapping",
    "definition",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
MONEY_BACK = ("credit", "refund", "dispute")
DETAILS_MAX = 5


@dataclass(frozen=True, slots=True)
class Detail:
    """One of a cause's largest movements, in minor units; for a mapping, the cost that went from one customer to another."""

    subject: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one cause did to net revenue and AI cost, in minor units, and to the margin, in shares of 1.

    `margin` is None where the margin is unknown before or after. Parts are taken in the order of CAUSES, each on top of the ones before.
    """

    cause: Cause
    revenue_minor: int
    cost_minor: int
    margin: Fraction | None
    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The company's month as a report states it; None where unknown."""

    net_revenue_minor: int | None
    cost_minor: int | None
    margin: Fraction | None


def explain(then: Ledger, now: Ledger, totals_then: Totals, totals_now: Totals) -> tuple[Part, ...]:
    """The parts of the change between two states of one month; none where nothing changed.

    Sums are of what has an exchange rate: an amount whose rate arrives counts as a change by `exchange_rate`.
    """
    is_redefined = then.definitions_version != now.definitions_version
    revenue = _revenue_changes(then.revenue, now.revenue, is_redefined=is_redefined)
    costs = _in_minor(then, now, is_redefined=is_redefined)
    revenue_minor, cost = {cause: _sum(found) for cause, found in revenue.items()}, dict(costs.sums)
    # What the figures moved beyond their facts is a definition at work: figures and facts agree under each version.
    for sums, before, after in (
        (revenue_minor, totals_then.net_revenue_minor, totals_now.net_revenue_minor),
        (cost, totals_then.cost_minor, totals_now.cost_minor),
    ):
        if is_redefined and before is not None and after is not None:
            sums["definition"] = sums.get("definition", 0) + after - before - sum(sums.values())
    moved = moved_between_customers(then.costs, now.costs)
    details: dict[Cause, list[Detail]] = defaultdict(list)
    for cause, found in (*revenue.items(), *costs.details.items()):
        details[cause] += found
    rate = now.usd_rate_nano or NANO
    details["customer_mapping"] += [
        Detail(subject, cost_minor(pico, now.currency, rate) or 0) for subject, pico in moved
    ]
    return _parts(revenue_minor, cost, details, totals_then)


def _parts(
    revenue: dict[Cause, int], cost: dict[Cause, int], details: dict[Cause, list[Detail]], then: Totals
) -> tuple[Part, ...]:
    parts = []
    net, spent, share = then.net_revenue_minor, then.cost_minor, then.margin
    for cause in CAUSES:
        revenue_minor, cost_part = revenue.get(cause, 0), cost.get(cause, 0)
        if not (revenue_minor or cost_part or details.get(cause)):
            continue
        net = None if net is None else net + revenue_minor
        spent = None if spent is None else spent + cost_part
        after = margin_share(net, spent)
        visible = [detail for detail in details.get(cause, ()) if detail.amount_minor]
        largest = sorted(visible, key=lambda detail: (-abs(detail.amount_minor), detail.subject))
        parts.append(
            Part(
                cause=cause,
                revenue_minor=revenue_minor,
                cost_minor=cost_part,
                margin=None if share is None or after is None else after - share,
                details=tuple(largest[:DETAILS_MAX]),
            )
        )
        share = after
    return tuple(parts)


@dataclass(frozen=True)
class _Costs:
    sums: dict[Cause, int]
    details: dict[Cause, list[Detail]]


def _in_minor(then: Ledger, now: Ledger, *, is_redefined: bool) -> _Costs:
    """Cost changes in minor units: the running total is converted, so that the parts are its steps and lose nothing."""
    rate_then = then.usd_rate_nano or now.usd_rate_nano or NANO
    rate_now = now.usd_rate_nano or rate_then
    changes = cost_changes(then.costs, now.costs, is_redefined=is_redefined)
    running = sum(fact.cost_pico_usd or 0 for fact in then.costs)
    shown = cost_minor(running, now.currency, rate_then) or 0
    sums: dict[Cause, int] = {}
    details: dict[Cause, list[Detail]] = {}
    for cause, of_cause in sorted(changes.items(), key=lambda item: CAUSES.index(item[0])):
        running += sum(of_cause.values())
        after = cost_minor(running, now.currency, rate_then) or 0
        sums[cause], shown = after - shown, after
        details[cause] = [
            Detail(subject, cost_minor(pico, now.currency, rate_then) or 0)
            for subject, pico in of_cause.items()
            if pico
        ]
    after = cost_minor(running, now.currency, rate_now) or 0
    if after != shown:
        sums["exchange_rate"] = after - shown
        details["exchange_rate"] = [Detail(f"usd to {now.currency}", after - shown)]
    return _Costs(sums, details)


def _sum(details: Iterable[Detail]) -> int:
    return sum(detail.amount_minor for detail in details)


def _revenue_changes(
    then: Sequence[RevenueFact], now: Sequence[RevenueFact], *, is_redefined: bool
) -> dict[Cause, list[Detail]]:
    """Each movement of net revenue with its cause, in minor units of the reporting currency."""
    before = {(fact.source_id, fact.kind): fact for fact in then}
    after = {(fact.source_id, fact.kind): fact for fact in now}
    lost = _invoices(then) - _invoices(now)
    found: dict[Cause, list[Detail]] = defaultdict(list)
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        known = new or old
        assert known is not None, "a key comes from one of the two"
        moved = _counted(new) - _counted(old)
        if moved:
            cause = _revenue_cause(old, new, is_redefined=is_redefined, is_invoice_lost=known.invoice_id in lost)
            found[cause].append(Detail(_subject(known), moved))
    return found


def _invoices(facts: Sequence[RevenueFact]) -> set[str]:
    return {fact.invoice_id for fact in facts if fact.kind == "line" and fact.invoice_id is not None}


def _counted(fact: RevenueFact | None) -> int:
    return 0 if fact is None else fact.counted_minor


def _revenue_cause(
    old: RevenueFact | None, new: RevenueFact | None, *, is_redefined: bool, is_invoice_lost: bool
) -> Cause:
    if old is not None and new is not None:
        if old.amount_minor == new.amount_minor:
            return "exchange_rate"
        if is_redefined:
            return "definition"
    kind = (new or old).kind  # type: ignore[union-attr]  # one of the two is there
    # A refund of an invoice that does not count any more left together with it.
    return "money_back" if kind in MONEY_BACK and not is_invoice_lost else "invoice_changed"


def _subject(fact: RevenueFact) -> str:
    return f"{fact.kind} {fact.invoice_number or fact.invoice_id or fact.source_id}"
