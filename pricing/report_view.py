"""An investor report as one reader may see it: with all amounts, in percentages only, or as an index with nameless customers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from pricing.investor_report import (
    Confidence,
    CustomerRow,
    Definition,
    Figure,
    InvestorReport,
    Previous,
    TrendMonth,
    Unit,
)
from pricing.money import divide_half_away
from pricing.report_changes import Cause, Detail

Redaction = Literal["all", "percentages", "indexed"]
ViewUnit = Literal["money", "index", "share", "times", "count"]
# Exact fractions of cents would give the amounts away by themselves: what is redacted is rounded before it leaves.
SHARE_STEP, TIMES_STEP, INDEX_STEP = 1_000, 100, 10
INDEX_BASE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFigure:
    """A figure with its name; money in minor units, an index of 100 in the trend's first month, shares of 1."""

    key: str
    name: str
    unit: ViewUnit
    value: Fraction | None
    before: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMonth:
    """A month of the trend; amounts in the view's unit, None where they are unknown or hidden."""

    month: date
    net_revenue: Fraction | None
    cost: Fraction | None
    margin: Fraction | None
    low: Fraction | None
    high: Fraction | None
    priced_share: Fraction | None
    customers: int
    profitable: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewCustomer:
    """A customer as the reader may see it; `revenue_share` is of the company's net revenue."""

    name: str
    plan: str | None
    is_known: bool
    revenue_share: Fraction | None
    net_revenue: Fraction | None
    cost: Fraction | None
    gross_profit: Fraction | None
    margin: Fraction | None
    status: str
    history: tuple[Fraction | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPart:
    """A cause of change since the revision before; details only where everything is shown."""

    cause: Cause
    revenue: Fraction | None
    cost: Fraction | None
    margin: Fraction | None
    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPrevious:
    """The revision before and what changed since."""

    revision: int
    locked_at: datetime
    content_hash: str
    margin: Fraction | None
    parts: tuple[ViewPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown. `amounts` is the unit of every amount in it, None where amounts are hidden.

    `content_hash` is that of the whole content, whatever is hidden; None for a preview that nobody has locked.
    """

    redaction: Redaction
    amounts: Literal["money", "index"] | None
    tenant_name: str
    month: date
    currency: str
    revision: int
    locked_at: datetime | None
    as_of: datetime
    definitions_version: str
    content_hash: str | None
    figures: tuple[ViewFigure, ...]
    trend: tuple[ViewMonth, ...]
    customers: tuple[ViewCustomer, ...]
    confidence: Confidence
    source_shares: tuple[tuple[str, Fraction | None], ...]
    definitions: tuple[Definition, ...]
    previous: ViewPrevious | None

    def figure(self, key: str) -> ViewFigure | None:
        """The figure of that key; None where the view has none."""
        return next((figure for figure in self.figures if figure.key == key), None)

    def stated(self, key: str) -> ViewFigure:
        """A figure that every report has."""
        return next(figure for figure in self.figures if figure.key == key)


@dataclass(frozen=True)
class _Pen:
    """How numbers are written down for one redaction."""

    amount: Callable[[int | Fraction | None], Fraction | None]
    share: Callable[[Fraction | None], Fraction | None]
    times: Callable[[Fraction | None], Fraction | None]


def view(report: InvestorReport, redaction: Redaction, content_hash: str | None = None) -> View:
    """The report for a reader. Whatever it hides is not in the value at all, so no rendering can show it."""
    pen = _pen(report, redaction)
    names = {definition.key: definition.name for definition in report.definitions}
    whole = report.trend[-1].net_revenue_minor
    return View(
        redaction=redaction,
        amounts={"all": "money", "indexed": "index", "percentages": None}[redaction],
        tenant_name=report.tenant_name,
        month=report.month,
        currency=report.currency,
        revision=report.revision,
        locked_at=report.locked_at,
        as_of=report.as_of,
        definitions_version=report.definitions_version,
        content_hash=content_hash,
        figures=tuple(_figure(figure, names, redaction, pen) for figure in report.figures),
        trend=tuple(_month(month, pen) for month in report.trend),
        customers=_customers(report.customers, whole, redaction, pen),
        confidence=_confidence(report.confidence, pen),
        source_shares=_source_shares(report.confidence, pen),
        definitions=report.definitions,
        previous=None if report.previous is None else _previous(report.previous, redaction, pen),
    )


def _pen(report: InvestorReport, redaction: Redaction) -> _Pen:
    if redaction == "all":
        return _Pen(_exact, lambda share: share, lambda times: times)
    if redaction == "percentages":
        return _Pen(lambda _: None, _stepped(SHARE_STEP), _stepped(TIMES_STEP))
    base = next((month.net_revenue_minor for month in report.trend if (month.net_revenue_minor or 0) > 0), None)
    stepped = _stepped(INDEX_STEP)

    def index(minor: int | Fraction | None) -> Fraction | None:
        return None if minor is None or base is None else stepped(Fraction(minor) * INDEX_BASE / base)

    return _Pen(index, _stepped(SHARE_STEP), _stepped(TIMES_STEP))


def _exact(minor: int | Fraction | None) -> Fraction | None:
    return None if minor is None else Fraction(minor)


def _stepped(steps: int) -> Callable[[Fraction | None], Fraction | None]:
    """Rounds to a whole number of steps in 1, half away from zero."""

    def rounded(value: Fraction | None) -> Fraction | None:
        return None if value is None else Fraction(divide_half_away(value.numerator * steps, value.denominator), steps)

    return rounded


def _figure(figure: Figure, names: dict[str, str], redaction: Redaction, pen: _Pen) -> ViewFigure:
    units: dict[Unit, ViewUnit] = {
        "money": "money" if redaction == "all" else "index",
        "share": "share",
        "times": "times",
        "count": "count",
    }
    write = {"money": pen.amount, "share": pen.share, "times": pen.times, "count": _exact}[figure.unit]
    return ViewFigure(
        key=figure.key,
        name=names.get(figure.key, figure.key.replace("mrr_", "MRR, ").replace("_", " ")),
        unit=units[figure.unit],
        value=write(figure.value),
        before=write(figure.before),
    )


def _month(month: TrendMonth, pen: _Pen) -> ViewMonth:
    return ViewMonth(
        month=month.month,
        net_revenue=pen.amount(month.net_revenue_minor),
        cost=pen.amount(month.cost_minor),
        margin=pen.share(month.margin),
        low=pen.share(month.low),
        high=pen.share(month.high),
        priced_share=pen.share(month.priced_share),
        customers=month.customers,
        profitable=month.profitable,
    )


def _customers(
    rows: Sequence[CustomerRow], whole: int | None, redaction: Redaction, pen: _Pen
) -> tuple[ViewCustomer, ...]:
    is_nameless = redaction == "indexed"
    return tuple(
        ViewCustomer(
            name=f"Customer {letters(place)}" if is_nameless and row.customer_id is not None else row.name,
            plan=None if is_nameless else row.plan,
            is_known=row.customer_id is not None,
            revenue_share=pen.share(
                Fraction(row.net_revenue_minor, whole)
                if whole and whole > 0 and row.net_revenue_minor is not None
                else None
            ),
            net_revenue=pen.amount(row.net_revenue_minor),
            cost=pen.amount(row.cost_minor),
            gross_profit=pen.amount(row.gross_profit_minor),
            margin=pen.share(row.margin),
            status=row.status,
            history=tuple(pen.share(share) for share in row.history),
        )
        for place, row in enumerate(rows)
    )


def letters(place: int) -> str:
    """A, B … Z, AA, AB …: the name of the customer at a place of the list, counted from 0."""
    found = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def _confidence(found: Confidence, pen: _Pen) -> Confidence:
    return Confidence(
        priced_share=pen.share(found.priced_share),
        attributed_share=pen.share(found.attributed_share),
        reconciled_share=pen.share(found.reconciled_share),
        low=pen.share(found.low),
        high=pen.share(found.high),
        status=found.status,
        reason=found.reason,
        sources=(),
    )


def _source_shares(found: Confidence, pen: _Pen) -> tuple[tuple[str, Fraction | None], ...]:
    whole = sum(source.cost_minor or 0 for source in found.sources)
    return tuple(
        (
            source.source,
            pen.share(Fraction(source.cost_minor, whole) if whole and source.cost_minor is not None else None),
        )
        for source in found.sources
    )


def _previous(found: Previous, redaction: Redaction, pen: _Pen) -> ViewPrevious:
    return ViewPrevious(
        revision=found.revision,
        locked_at=found.locked_at,
        content_hash=found.content_hash,
        margin=pen.share(found.margin),
        parts=tuple(
            ViewPart(
                cause=part.cause,
                revenue=pen.amount(part.revenue_minor),
                cost=pen.amount(part.cost_minor),
                margin=pen.share(part.margin),
                details=part.details if redaction == "all" else (),
            )
            for part in found.parts
        ),
    )
