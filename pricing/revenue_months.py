"""Revenue lines summed: by customer, month and basis, and what could not be summed for want of an exchange rate."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pricing.revenue import Basis, Kind, RevenueLine

SIGNS: dict[Kind, int] = {"line": 1, "discount": -1, "credit": -1, "refund": -1, "dispute": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMonth:
    """One customer's month in minor units of the reporting currency.

    `net_revenue_minor` = gross - discounts - credits - refunds - disputes; fees stand beside it. `unconverted_lines` counts the
    amounts that are left out because no exchange rate is known: where there are any, the net revenue is unknown (None).
    """

    month: date
    customer_id: str | None
    basis: Basis
    gross_minor: int
    discounts_minor: int
    credits_minor: int
    refunds_minor: int
    disputes_minor: int
    net_revenue_minor: int | None
    fees_minor: int
    unconverted_lines: int


@dataclass(frozen=True, slots=True)
class Unconverted:
    """What has no exchange rate, net, in minor units of its own currency."""

    currency: str
    net_minor: int
    lines: int


def customer_months(lines: Iterable[RevenueLine]) -> list[CustomerMonth]:
    """The sums, ordered by month, customer and basis."""
    sums: dict[tuple[date, str | None, Basis], dict[Kind, int]] = defaultdict(lambda: defaultdict(int))
    unknown: dict[tuple[date, str | None, Basis], int] = defaultdict(int)
    for line in lines:
        key = (line.month, line.customer_id, line.basis)
        if line.reporting_minor is None:
            unknown[key] += 1
        sums[key][line.kind] += line.reporting_minor or 0
    ordered = sorted(sums.items(), key=lambda item: (item[0][0], item[0][1] or "", item[0][2]))
    return [
        CustomerMonth(
            month=month,
            customer_id=customer_id,
            basis=basis,
            gross_minor=by_kind["line"],
            discounts_minor=by_kind["discount"],
            credits_minor=by_kind["credit"],
            refunds_minor=by_kind["refund"],
            disputes_minor=by_kind["dispute"],
            net_revenue_minor=None
            if unknown[month, customer_id, basis]
            else sum(sign * by_kind[kind] for kind, sign in SIGNS.items()),
            fees_minor=by_kind["fee"],
            unconverted_lines=unknown[month, customer_id, basis],
        )
        for (month, customer_id, basis), by_kind in ordered
    ]


def unconverted(lines: Iterable[RevenueLine], basis: Basis = "invoiced") -> list[Unconverted]:
    """By currency, the revenue that no rate could convert; one basis, since each basis holds the same amounts."""
    nets: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.basis == basis and line.reporting_minor is None and line.kind != "fee":
            nets[line.currency] += SIGNS[line.kind] * line.amount_minor
            counts[line.currency] += 1
    return [Unconverted(currency, nets[currency], counts[currency]) for currency in sorted(nets)]
