"""Revenue lines summed: by customer and month, by company and month, and what no exchange rate could convert."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pricing.revenue import Basis, Kind, RevenueLine

SIGNS: dict[Kind, int] = {"line": 1, "discount": -1, "credit": -1, "refund": -1, "dispute": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMonth:
    """A customer's month, or the company's (`customer_id` None), in minor units of the reporting currency.

    `net_revenue_minor` = gross - discounts - credits - refunds - disputes; fees stand beside it. A sum that holds an amount
    without an exchange rate is unknown (None), and so is the net revenue made of it.
    """

    month: date
    customer_id: str | None
    basis: Basis
    gross_minor: int | None
    discounts_minor: int | None
    credits_minor: int | None
    refunds_minor: int | None
    disputes_minor: int | None
    net_revenue_minor: int | None
    fees_minor: int | None


@dataclass(frozen=True, slots=True)
class Unconverted:
    """Revenue without an exchange rate, net, in minor units of its own currency."""

    currency: str
    net_minor: int
    lines: int


def customer_months(lines: Iterable[RevenueLine]) -> list[CustomerMonth]:
    """One row for each month, customer and basis that has a line, in that order; amounts of no customer have a row of None."""
    sums: dict[tuple[date, str | None, Basis], dict[Kind, int | None]] = defaultdict(dict)
    for line in lines:
        kinds = sums[line.month, line.customer_id, line.basis]
        kinds[line.kind] = _plus(kinds.get(line.kind, 0), line.reporting_minor)
    ordered = sorted(sums.items(), key=lambda item: (item[0][0], item[0][1] or "", item[0][2]))
    return [_row(month, customer_id, basis, kinds) for (month, customer_id, basis), kinds in ordered]


def company_months(months: Iterable[CustomerMonth]) -> list[CustomerMonth]:
    """The exact sums over all customers and over what belongs to none, one row for each month and basis."""
    sums: dict[tuple[date, Basis], dict[Kind, int | None]] = defaultdict(dict)
    for row in months:
        kinds = sums[row.month, row.basis]
        parts: tuple[tuple[Kind, int | None], ...] = (
            ("line", row.gross_minor),
            ("discount", row.discounts_minor),
            ("credit", row.credits_minor),
            ("refund", row.refunds_minor),
            ("dispute", row.disputes_minor),
            ("fee", row.fees_minor),
        )
        for kind, minor in parts:
            kinds[kind] = _plus(kinds.get(kind, 0), minor)
    return [_row(month, None, basis, kinds) for (month, basis), kinds in sorted(sums.items())]


def _plus(sum_minor: int | None, minor: int | None) -> int | None:
    return None if sum_minor is None or minor is None else sum_minor + minor


def _row(month: date, customer_id: str | None, basis: Basis, kinds: Mapping[Kind, int | None]) -> CustomerMonth:
    net: int | None = 0
    for kind, sign in SIGNS.items():
        minor = kinds.get(kind, 0)
        net = _plus(net, None if minor is None else sign * minor)
    return CustomerMonth(
        month=month,
        customer_id=customer_id,
        basis=basis,
        gross_minor=kinds.get("line", 0),
        discounts_minor=kinds.get("discount", 0),
        credits_minor=kinds.get("credit", 0),
        refunds_minor=kinds.get("refund", 0),
        disputes_minor=kinds.get("dispute", 0),
        net_revenue_minor=net,
        fees_minor=kinds.get("fee", 0),
    )


def unconverted(lines: Iterable[RevenueLine], basis: Basis = "invoiced") -> list[Unconverted]:
    """By currency, the revenue that no rate could convert; of one basis, since both hold the same amounts."""
    nets: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.basis == basis and line.reporting_minor is None and line.kind != "fee":
            nets[line.currency] += SIGNS[line.kind] * line.amount_minor
            counts[line.currency] += 1
    return [Unconverted(currency, nets[currency], counts[currency]) for currency in sorted(nets)]
