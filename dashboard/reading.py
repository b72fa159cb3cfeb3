"""What the pages read: one published version pinned for a whole render, its rows shaped for drawing."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import streamlit as st

from dashboard import charts, shell, wording
from dashboard.customer_rows import customer_rows
from dashboard.month_rows import to_months
from dashboard.months import Month
from dashboard.overview_attention import Item
from store import warehouse_reads as reads
from store.settings import load_settings
from store.warehouse_margins import margin_of
from store.warehouse_reads import Warehouse


@dataclass(frozen=True)
class Reading:
    """A version of the warehouse, pinned, and what every page says about it."""

    warehouse: Warehouse

    @property
    def version(self) -> int:
        """The version's number."""
        return self.warehouse.version

    @property
    def tenant_id(self) -> str:
        """Whose numbers these are."""
        return self.warehouse.tenant_id

    @property
    def tenant_name(self) -> str:
        """The tenant's name for people."""
        return self.warehouse.tenant_name

    @property
    def currency(self) -> str:
        """The reporting currency."""
        return self.warehouse.reporting_currency

    @property
    def as_of(self) -> datetime:
        """The end of what the version covers, in UTC: the `now` of every page."""
        return self.warehouse.as_of


@dataclass(frozen=True)
class Customer:
    """A customer as the head of their page shows them; `flags` are (words, color) badges."""

    customer_id: str
    name: str
    email: str | None
    plan: str | None
    country: str | None
    created_at: datetime | None
    subscription_status: str | None
    is_past_due: bool
    past_due_minor: int | None
    flags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Jump:
    """The steepest rise of the AI bill between two closed months, and the customer behind most of it."""

    before: date
    after: date
    before_minor: int
    after_minor: int
    customer_id: str
    customer_name: str
    customer_rise_minor: int


@dataclass(frozen=True)
class Explained:
    """Both sides of a customer's month: the lines of the revenue, and the units of the AI cost by price entry."""

    revenue: pl.DataFrame
    usage: pl.DataFrame


HISTORY_MONTHS = 12
BADGES = {
    "dispute": ("Dispute to answer", "red"),
    "refund_failed": ("Refund did not arrive", "red"),
    "refund_request": ("Refund requested", "orange"),
    "refund_pending": ("Refund on its way", "gray"),
    "past_due_burn": ("Past due, still burning", "red"),
}


@cache
def _place() -> tuple[Path, str]:
    """Where this installation's data lie and whose they are; read once per process."""
    settings = load_settings()
    return settings.metering_home, settings.metering_tenant


def _tenant() -> UUID | None:
    return reads.tenant_named(*_place())


def published_version() -> int | None:
    """The version that the pages show; None while nothing is published."""
    tenant_id = _tenant()
    return None if tenant_id is None else reads.current_version(_place()[0], tenant_id)


def current() -> Reading | None:
    """The current version, pinned for this run; None while nothing is published."""
    tenant_id = _tenant()
    warehouse = None if tenant_id is None else reads.open_current(_place()[0], tenant_id)
    return None if warehouse is None else Reading(warehouse)


def refusal() -> str | None:
    """The sentence of a version that was refused, for the page that has no version to show."""
    tenant_id = _tenant()
    return None if tenant_id is None else reads.refusal(_place()[0], tenant_id)


def is_phone() -> bool:
    """Whether the browser says that it runs on a phone; the server is not told the width of the window."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def kept_figure(key: tuple[object, ...], make: Callable[[], object]) -> object:
    """The figure of that key (which names the version), made once per process: making one takes longer than sending it."""
    return _kept(key, make)


@st.cache_resource(max_entries=512, show_spinner=False)
def _kept(key: tuple[object, ...], _make: Callable[[], Any]) -> Any:  # noqa: ARG001 - Streamlit keeps the answer by the key; the underscore keeps the maker out of it
    return _make()


def months(reading: Reading, basis: str) -> tuple[Month, ...]:
    """The company's months, oldest first, the running one last. A version never changes, so they are read once."""

    def read() -> tuple[Month, ...]:
        return to_months(reads.months(reading.warehouse, basis), reading.currency, reading.as_of)

    found: tuple[Month, ...] = _kept(("months", str(reading.warehouse.file), basis), read)
    return found


def customer_months(reading: Reading, customer_id: str, basis: str) -> tuple[Month, ...]:
    """One customer's months, oldest first."""
    return to_months(reads.months(reading.warehouse, basis, customer_id), reading.currency, reading.as_of)


def trend_points(shown: Sequence[Month]) -> list[charts.TrendMonth]:
    """Months as the trend draws them."""
    return [
        charts.TrendMonth(
            month=month.month,
            net_revenue_minor=month.net_revenue_minor,
            cost_minor=month.cost_minor,
            share=_drawn(month.share),
            low=_drawn(month.low),
            high=_drawn(month.high),
            is_partial=month.is_partial,
        )
        for month in shown
    ]


def _drawn(share: Fraction | None) -> float | None:
    return None if share is None else float(share)


def customers(reading: Reading, basis: str, month: date) -> pl.DataFrame:
    """Every customer of a month (customer_rows.SCHEMA), with the AI cost of the twelve months up to it."""

    def read() -> pl.DataFrame:
        history = [_months_before(month, back) for back in range(HISTORY_MONTHS - 1, -1, -1)]
        rows = reads.customer_months(reading.warehouse, basis, history[0], month)
        return customer_rows(reads.customers(reading.warehouse), rows, history, reading.currency)

    found: pl.DataFrame = _kept(("customers", str(reading.warehouse.file), basis, month), read)
    return found


def _months_before(month: date, back: int) -> date:
    number = month.year * 12 + month.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def attention(reading: Reading) -> list[Item]:
    """What waits for a decision."""
    return [
        Item(
            row["kind"], row["customer_id"], row["title"], row["detail"], row["amount_minor"], row["at"], row["due_by"]
        )
        for row in reads.attention(reading.warehouse).iter_rows(named=True)
    ]


def failed_payments(reading: Reading) -> pl.DataFrame:
    """Failed payments by month and decline class."""
    return reads.failed_payments(reading.warehouse)


def biggest_jump(reading: Reading, closed: Sequence[Month]) -> Jump | None:
    """The pair of months with the steepest rise of the AI bill; None where it never rose, or by nobody that is known."""
    pairs = [(before, after) for before, after in pairwise(closed) if after.cost_minor > before.cost_minor]
    if not pairs:
        return None
    before, after = max(pairs, key=lambda pair: pair[1].cost_minor - pair[0].cost_minor)
    key = ("jump", str(reading.warehouse.file), before.month, after.month)
    found: Jump | None = _kept(key, lambda: _jump(reading, before, after))
    return found


def _jump(reading: Reading, before: Month, after: Month) -> Jump | None:
    rows = reads.customer_months(reading.warehouse, "service", before.month, after.month)
    rises: dict[str, int] = defaultdict(int)
    for row in rows.filter(pl.col("customer_id").is_not_null()).iter_rows(named=True):
        cost = margin_of(row, reading.currency).cost_minor or 0
        rises[row["customer_id"]] += cost if row["month"] == after.month else -cost
    if not rises:
        return None
    customer_id = max(rises, key=lambda id_: (rises[id_], id_))
    names = dict(reads.customers(reading.warehouse).select("customer_id", "name").iter_rows())
    name, rise = names.get(customer_id, customer_id), rises[customer_id]
    return Jump(before.month, after.month, before.cost_minor, after.cost_minor, customer_id, name, rise)


def customer(reading: Reading, customer_id: str) -> Customer | None:
    """One customer; None when nobody has that id."""
    rows = reads.customers(reading.warehouse).filter(pl.col("customer_id") == customer_id)
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    waiting = {item.kind for item in attention(reading) if item.customer_id == customer_id}
    return Customer(
        customer_id=row["customer_id"],
        name=row["name"],
        email=row["email"],
        plan=row["plan"],
        country=row["country"],
        created_at=row["created_at"],
        subscription_status=row["subscription_status"],
        is_past_due=row["is_past_due"],
        past_due_minor=row["past_due_minor"],
        flags=tuple(badge for kind, badge in BADGES.items() if kind in waiting),
    )


def invoices(reading: Reading, customer_id: str) -> pl.DataFrame:
    """A customer's invoices, newest first."""
    return reads.invoices(reading.warehouse, customer_id)


def plan_changes(reading: Reading, customer_id: str) -> pl.DataFrame:
    """A customer's plan changes, newest first."""
    return reads.plan_changes(reading.warehouse, customer_id)


def models(reading: Reading, customer_id: str) -> pl.DataFrame:
    """A customer's models by AI cost."""
    return reads.models(reading.warehouse, customer_id)


def why(reading: Reading, customer_id: str, month: date, basis: str) -> Explained:
    """A customer's month taken apart."""
    return Explained(
        reads.revenue_lines(reading.warehouse, customer_id, month, basis),
        reads.priced_units(reading.warehouse, customer_id, month),
    )


def freshness_line(reading: Reading) -> None:
    """The last line of a page: how old what it shows is, and whether a newer version was refused."""
    if reading.warehouse.refusal is not None:
        st.warning(wording.escape(reading.warehouse.refusal), icon=":material/warning:")
    shell.freshness(
        [
            (row["source"], row["last_success_at"], row["status"])
            for row in reads.freshness(reading.warehouse).iter_rows(named=True)
        ],
        published_at=reading.warehouse.published_at,
        version=reading.version,
        now=datetime.now(UTC).replace(tzinfo=None),
    )
