"""What the Margins page reads of a version, kept per process: a bridge between any two periods, subscription figures, segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from dashboard import reading
from dashboard.months import Month
from pricing import saas_metrics
from pricing.bridge_story import Finding, behind, by_customer, by_subject, story
from pricing.margin_bridge import Bridge, Part, Period, bridge, tenths
from pricing.mrr import Retention
from pricing.named_periods import NamedPeriod
from pricing.saas_metrics import MrrMonth, PowerUsers
from store import warehouse_bridge, warehouse_metric_reads
from store.warehouse_metric_reads import CohortMonth, Segment


@dataclass(frozen=True)
class Moved:
    """Two periods, the bridge between them (None where something is unknown), and what tells most of it."""

    before: Period
    after: Period
    bridge: Bridge | None
    told: tuple[Finding, ...]
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


@st.cache_resource(max_entries=12, show_spinner=False)
def _kept_books(key: tuple[object, ...], _make: Any) -> Any:  # noqa: ARG001 - Streamlit keeps the answer by the key; the underscore keeps the maker out of it
    """A period holds every customer's models: few are kept."""
    return _make()


def period(current: reading.Reading, chosen: NamedPeriod, basis: str) -> Period:
    """A period's books."""
    found: Period = _kept_books(
        ("period", str(current.warehouse.file), chosen.name, basis),
        lambda: warehouse_bridge.period(current.warehouse, chosen.months, basis),
    )
    return found


def moved(current: reading.Reading, before: NamedPeriod, after: NamedPeriod, basis: str) -> Moved:
    """The bridge from one period to another."""

    def make() -> Moved:
        old, new = period(current, before, basis), period(current, after, basis)
        found = bridge(old, new)
        if found is None:
            return Moved(old, new, None, (), {})
        shown: dict[Part, int] = {}
        shares = [step.points for step in found.steps if step.points is not None]
        if old.share is not None and new.share is not None:
            shown = dict(zip((step.part for step in found.steps), tenths(shares, new.share - old.share), strict=True))
        return Moved(old, new, found, tuple(story(found)), shown)

    kept: Moved = _kept_books(("moved", str(current.warehouse.file), before.name, after.name, basis), make)
    return kept


def behind_part(
    current: reading.Reading, found: Bridge, part: Part, periods: tuple[str, str, str]
) -> tuple[list[Finding], list[Finding]]:
    """What is behind a part, by customer and by model or stream, the biggest first; `periods` names bridge and basis."""
    kept: tuple[list[Finding], list[Finding]] = _kept(
        current, "behind", (part, *periods), lambda: (behind(found, part, by_customer), behind(found, part, by_subject))
    )
    return kept


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
