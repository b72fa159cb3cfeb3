"""Puts an investor report together: a closed month's figures, its trend, its customers, and what each figure means."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from pricing.investor_report import (
    FORMAT,
    TREND_MONTHS,
    Confidence,
    CustomerRow,
    Definition,
    Figure,
    InvestorReport,
    Previous,
    TrendMonth,
    Unit,
    canonical,
    sha256_of,
)
from pricing.margin import NOTHING_MEASURED, Margin, Status, status
from pricing.metric_definitions import definition
from pricing.report_ledger import Ledger

TOP_CUSTOMERS = 5
PROFITABLE = frozenset({Status.HEALTHY, Status.WATCH, Status.AT_RISK})
NOBODY = "No known customer"
VERSIONED = {
    "inference_efficiency": "inference_efficiency", "top_revenue_share": "concentration", "top_cost_share": "concentration",
}  # fmt: skip
# Key, name and formula of each figure; docs/metrics.md is the long form.
FORMULAS = (
    ("net_revenue", "Net revenue", "gross \u2212 discounts \u2212 credits \u2212 refunds \u2212 lost disputes, without tax, by service period"),
    ("net_revenue_invoiced", "Net revenue as invoiced", "the same amounts in the month of their invoice"),
    ("llm_cost", "LLM cost", "Σ quantity \u00d7 unit price that held at the time; the source of each price is under Confidence"),
    ("gross_profit", "Gross profit (AI usage only)", "net revenue \u2212 LLM cost"),
    ("gross_margin", "Gross margin (AI usage only)", "(net revenue \u2212 LLM cost) ÷ net revenue; hosting, support and people are not in it"),
    ("llm_cost_share", "LLM cost, % of revenue", "LLM cost ÷ net revenue"),
    ("inference_efficiency", "Inference efficiency", "net revenue ÷ LLM cost"),
    ("customers", "Customers", "customers with revenue or usage in the month"),
    ("profitable_customers", "Profitable customers", "customers whose net revenue covers their LLM cost as far as that is known"),
    ("unprofitable_customers", "Unprofitable customers", "customers whose LLM cost is more than their net revenue"),
    ("close_customers", "Customers that could go either way", "customers whose margin is above or below zero depending on usage without a price or a customer"),
    ("top_revenue_share", "Top-5 share of revenue", "net revenue of the five largest customers ÷ net revenue"),
    ("top_cost_share", "Top-5 share of LLM cost", "LLM cost of the five dearest customers ÷ LLM cost"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyMonth:
    """The company's month: net revenue on both bases in minor units, and its margin."""

    month: date
    net_revenue_minor: int | None
    invoiced_minor: int | None
    margin: Margin


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMonth:
    """A customer's month; `customer_id` None is what belongs to nobody known."""

    month: date
    customer_id: str | None
    name: str
    plan: str | None
    net_revenue_minor: int | None
    margin: Margin


History = Mapping[tuple[str | None, date], Fraction | None]
"""Margins by customer and month; a customer without revenue and usage in a month has no entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Whose report it is, of which state of the data, and which revision: 0 without `locked_at` is a preview."""

    tenant_name: str
    month: date
    currency: str
    as_of: datetime
    warehouse_version: int
    definitions_version: str
    revision: int = 0
    locked_at: datetime | None = None
    previous: Previous | None = None


def trend_months(month: date) -> tuple[date, ...]:
    """The twelve months that end with this one."""
    last = month.year * 12 + month.month - 1
    return tuple(date(number // 12, number % 12 + 1, 1) for number in range(last - TREND_MONTHS + 1, last + 1))


def assemble(
    heading: Heading,
    company: Sequence[CompanyMonth],
    customers: Sequence[CustomerMonth],
    history: History,
    confidence: Confidence,
    ledger: Ledger,
    more_figures: Sequence[Figure] = (),
    more_definitions: Sequence[Definition] = (),
) -> InvestorReport:
    """The report of `heading.month`, which `company` must hold.

    `customers` are of that month and of the one before, `history` of all months of the trend.
    """
    trend = trend_months(heading.month)
    months = sorted((each for each in company if each.month in trend), key=lambda each: each.month)
    by_month: dict[date, list[CustomerMonth]] = defaultdict(list)
    for row in customers:
        by_month[row.month].append(row)
    figures = {each.month: _figures(each, by_month[each.month]) for each in months if each.month in trend[-2:]}
    before = {figure.key: figure.value for figure in figures.get(trend[-2], ())}
    own = tuple(
        Figure(key=figure.key, unit=figure.unit, value=figure.value, before=before.get(figure.key))
        for figure in figures[heading.month]
    )
    counted = Counter(month for customer_id, month in history if customer_id is not None)
    definitions = tuple(
        Definition(key=key, name=name, formula=formula, version=_version(key, heading.definitions_version))
        for key, name, formula in FORMULAS
    )
    return InvestorReport(
        format=FORMAT,
        tenant_name=heading.tenant_name,
        month=heading.month,
        currency=heading.currency,
        basis="service",
        revision=heading.revision,
        locked_at=heading.locked_at,
        as_of=heading.as_of,
        warehouse_version=heading.warehouse_version,
        definitions_version=heading.definitions_version,
        figures=(*own, *more_figures),
        trend=tuple(_trend_month(each, counted[each.month], by_month.get(each.month)) for each in months),
        customers=_customers(by_month[heading.month], history, [each.month for each in months]),
        confidence=confidence,
        definitions=(*definitions, *more_definitions),
        ledger_sha256=sha256_of(canonical(ledger)),
        previous=heading.previous,
    )


def _version(key: str, of_warehouse: str) -> str:
    """The version of a figure's definition: its own where docs/metrics.md counts it apart, else that of the whole."""
    return definition(VERSIONED[key]).version if key in VERSIONED else of_warehouse


def _figures(company: CompanyMonth, customers: Iterable[CustomerMonth]) -> list[Figure]:
    known = [row for row in customers if row.customer_id is not None]
    margin, net = company.margin, company.net_revenue_minor
    cost = margin.cost_minor
    cost_share = None if margin.share is None else 1 - margin.share
    units: dict[str, tuple[Unit, Fraction | int | None]] = {
        "net_revenue": ("money", net),
        "net_revenue_invoiced": ("money", company.invoiced_minor),
        "llm_cost": ("money", cost),
        "gross_profit": ("money", margin.gross_profit_minor),
        "gross_margin": ("share", margin.share),
        "llm_cost_share": ("share", cost_share),
        "inference_efficiency": ("times", Fraction(net, cost) if net is not None and net > 0 and cost else None),
        "customers": ("count", len(known)),
        "profitable_customers": ("count", _profitable(known)),
        "unprofitable_customers": ("count", sum(state(row.margin) is Status.NEGATIVE for row in known)),
        "close_customers": ("count", sum(_is_close(row.margin) for row in known)),
        "top_revenue_share": ("share", _top([row.net_revenue_minor for row in known], net)),
        "top_cost_share": ("share", _top([row.margin.cost_minor for row in known], cost)),
    }
    return [
        Figure(key=key, unit=unit, value=None if value is None else Fraction(value))
        for key, (unit, value) in units.items()
    ]


def _top(amounts: Sequence[int | None], whole: int | None) -> Fraction | None:
    """The share of the largest few; None where the whole is unknown or nothing."""
    if whole is None or whole <= 0:
        return None
    known = sorted((amount for amount in amounts if amount is not None), reverse=True)
    return Fraction(sum(known[:TOP_CUSTOMERS]), whole)


def _trend_month(company: CompanyMonth, customers: int, known: Sequence[CustomerMonth] | None) -> TrendMonth:
    margin = company.margin
    return TrendMonth(
        month=company.month,
        net_revenue_minor=company.net_revenue_minor,
        cost_minor=margin.cost_minor,
        gross_profit_minor=margin.gross_profit_minor,
        margin=margin.share,
        low=margin.low,
        high=margin.high,
        priced_share=margin.priced_share,
        attributed_share=margin.coverage.attributed,
        customers=customers,
        profitable=None if known is None else _profitable(known),
    )


def state(margin: Margin) -> Status:
    """How a customer stands as far as is known: what nobody knows of the whole company's month makes no customer unknown."""
    return status(margin.share, NOTHING_MEASURED, margin.gross_profit_minor)[0]


def _is_close(margin: Margin) -> bool:
    """Whether zero lies in the range of the margin, or nobody knows where the range ends."""
    if margin.share is None:
        return False
    return margin.low is None or margin.high is None or margin.low < 0 <= margin.high


def _profitable(rows: Iterable[CustomerMonth]) -> int:
    return sum(row.customer_id is not None and state(row.margin) in PROFITABLE for row in rows)


def _customers(of_month: Iterable[CustomerMonth], history: History, months: Sequence[date]) -> tuple[CustomerRow, ...]:
    """Largest revenue first, who belongs to nobody last."""
    rows = [
        CustomerRow(
            customer_id=row.customer_id,
            name=row.name,
            plan=row.plan,
            net_revenue_minor=row.net_revenue_minor,
            cost_minor=row.margin.cost_minor,
            gross_profit_minor=row.margin.gross_profit_minor,
            margin=row.margin.share,
            low=row.margin.low,
            high=row.margin.high,
            status=state(row.margin).value,
            history=tuple(history.get((row.customer_id, month)) for month in months),
        )
        for row in of_month
    ]
    return tuple(sorted(rows, key=_place))


def _place(row: CustomerRow) -> tuple[bool, int, str]:
    return row.customer_id is None, -(row.net_revenue_minor or 0), row.customer_id or ""
