"""What the Margins page reads of a version, kept per process: a bridge between any two periods, subscription figures, segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from dashboard import reading
from dashboard.months import Month
from pricing import saas_metrics
from pricing.bridge_story import Summary
from pricing.margin_bridge import Bridge, Part, Totals, bridge, tenths
from pricing.mrr import Retention
from pricing.named_periods import NamedPeriod
from pricing.saas_metrics import MrrMonth, PowerUsers
from store import warehouse_bridge, warehouse_metric_reads
from store.warehouse_metric_reads import CohortMonth, CustomerMoved, Segment


@dataclass(frozen=True)
class Moved:
    """Two periods' totals and the bridge between them, None where something is unknown."""

    before: Totals
    after: Totals
    bridge: Summary | None
    # By part, tenths of a percentage point that sum to the change as shown; empty where a period has no margin.
    tenths: Mapping[Part, int]


@dataclass(frozen=True)
class Customers:
    """A period's customers as (net revenue, AI cost, calls) each, in minor units, without what belongs to nobody."""

    rows: tuple[tuple[int, int, int], ...]

    def top_shares(self, top: int) -> tuple[Any, Any]:
        """What the biggest have of net revenue and of AI cost."""
        return (
            saas_metrics.top_share([net for net, _, _ in self.rows], top),
            saas_metrics.top_share([cost for _, cost, _ in self.rows], top),
        )

    def power_users(self) -> PowerUsers | None:
        """Who makes half of the calls."""
        return saas_metrics.power_users([(calls, net) for net, _, calls in self.rows])


@dataclass(frozen=True)
class Subscriptions:
    """MRR by month up to a month, its retention, and metered revenue of the closed months up to it, oldest first."""

    months: tuple[MrrMonth, ...]
    retention: Mapping[tuple[date, int], Retention]
    usage_minor: tuple[int | None, ...]


def _kept(current: reading.Reading, what: str, key: tuple[object, ...], make: Any) -> Any:
    return reading.kept_figure((what, str(current.warehouse.file), *key), make)


def moved(current: reading.Reading, before: NamedPeriod, after: NamedPeriod, basis: str) -> Moved:
    """The bridge from one period to another."""

    def make() -> Moved:
        found = warehouse_bridge.summary(current.warehouse, before, after, basis)
        if found is None:
            old, new = (warehouse_bridge.period(current.warehouse, each.months, basis) for each in (before, after))
            return Moved(old.totals, new.totals, None, {})
        shown: dict[Part, int] = {}
        was, now = found.before.share, found.after.share
        if was is not None and now is not None:
            shares = [step.points or Fraction() for step in found.steps]
            shown = dict(zip((step.part for step in found.steps), tenths(shares, now - was), strict=True))
        return Moved(found.before, found.after, found, shown)

    kept: Moved = _kept(current, "moved", (before.name, after.name, basis), make)
    return kept


def causes(current: reading.Reading, before: NamedPeriod, after: NamedPeriod, basis: str) -> Bridge | None:
    """The bridge with every cause by customer and model, worked out anew: for a file, not for a page."""
    return bridge(*(warehouse_bridge.period(current.warehouse, each.months, basis) for each in (before, after)))


def names(current: reading.Reading) -> dict[str, str]:
    """Customers' names by id."""
    found: dict[str, str] = _kept(current, "names", (), lambda: warehouse_bridge.row_names(current.warehouse))
    return found


def subscriptions(current: reading.Reading, until: date) -> Subscriptions:
    """Subscription figures up to a month that has ended."""

    def make() -> Subscriptions:
        months = [month for month in warehouse_metric_reads.mrr_months(current.warehouse) if month.month <= until]
        usage = warehouse_metric_reads.usage_revenue(current.warehouse)
        return Subscriptions(
            tuple(months),
            warehouse_metric_reads.retention(current.warehouse),
            tuple(usage.get(month.month, 0) for month in months),
        )

    found: Subscriptions = _kept(current, "subscriptions", (until,), make)
    return found


def movers(current: reading.Reading, month: date) -> list[CustomerMoved]:
    """The customers whose MRR moved in a month, the biggest move first."""
    found: list[CustomerMoved] = _kept(
        current, "movers", (month,), lambda: warehouse_metric_reads.movements(current.warehouse, month)
    )
    return found


def segments(current: reading.Reading, basis: str, dimension: str, chosen: NamedPeriod) -> list[Segment]:
    """A period by a dimension, biggest net revenue first."""
    found: list[Segment] = _kept(
        current,
        "segments",
        (basis, dimension, chosen.name),
        lambda: warehouse_metric_reads.segments(current.warehouse, basis, dimension, chosen.months),
    )
    return found


def cohorts(current: reading.Reading, basis: str) -> list[CohortMonth]:
    """Every cohort month by month."""
    found: list[CohortMonth] = _kept(
        current, "cohorts", (basis,), lambda: warehouse_metric_reads.cohorts(current.warehouse, basis)
    )
    return found


def customers(current: reading.Reading, basis: str, month: date) -> Customers:
    """The customers of a month with what they brought, cost and called."""

    def make() -> Customers:
        rows = reading.customers(current, basis, month)
        return Customers(
            tuple(
                (net or 0, cost or 0, calls)
                for net, cost, calls in rows.select("net_revenue_minor", "cost_minor", "events").iter_rows()
            )
        )

    found: Customers = _kept(current, "customer sums", (basis, month), make)
    return found


def closed(months: Sequence[Month]) -> list[Month]:
    """The months that have ended."""
    return [month for month in months if not month.is_partial]
