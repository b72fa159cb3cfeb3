"""Reads periods of a published version for the margin bridge: what customers paid, stream by stream, and used, model by model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Protocol

import duckdb
import polars as pl

from pricing.bridge_record import from_text, to_text
from pricing.bridge_story import Summary, summarize
from pricing.cost_drivers import Cell, PricedUsage, cell
from pricing.margin import cost_minor
from pricing.margin_bridge import CustomerPeriod, Period, bridge
from pricing.money import NANO, exponent
from pricing.named_periods import NamedPeriod
from pricing.revenue import BASES
from pricing.revenue_drivers import Billed
from pricing.usage import BUCKETS
from store.warehouse import load
from store.warehouse_reads import rows_of

_Prices = dict[int, dict[str, int | None]]
STREAM_SEPARATOR = " \u00b7 "


class Version(Protocol):
    """A version that can be asked: one that is published, or one that is being built."""

    @property
    def reporting_currency(self) -> str: ...  # noqa: D102 - the name says it
    def rows(self, query: str, parameters: Sequence[Any] = ()) -> pl.DataFrame: ...  # noqa: D102 - as Warehouse.rows


@dataclass(frozen=True)
class BeingBuilt:
    """A version that is being built, asked like one that is published."""

    con: duckdb.DuckDBPyConnection
    reporting_currency: str

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """A query's rows as a frame."""
        return rows_of(self.con, query, parameters)


def store_latest(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Work out the bridge of the last two months that have ended, on both bases, and keep it with the version."""
    version = BeingBuilt(con, currency)
    months = version.rows(
        """select month from (select month from customer_month union select month from customer_month_usage)
        where month < (select date_trunc('month', as_of) from meta) order by month desc limit 2"""
    )["month"].to_list()
    if len(months) < 2:
        return
    after, before = months
    kept = []
    for basis in BASES:
        found = bridge(period(version, [before], basis), period(version, [after], basis))
        if found is not None:
            names = {"before": f"{before:%Y-%m}", "after": f"{after:%Y-%m}", "basis": basis}
            kept.append(names | {"summary": to_text(summarize(found))})
    load(con, "bridges", kept)


def summary(warehouse: Version, before: NamedPeriod, after: NamedPeriod, basis: str) -> Summary | None:
    """The bridge between two periods, from the version or worked out; None where revenue or cost is unknown."""
    held = warehouse.rows(
        "select summary from bridges where before = ? and after = ? and basis = ?", [before.name, after.name, basis]
    )
    if held.height:
        return from_text(held.item())
    found = bridge(period(warehouse, before.months, basis), period(warehouse, after.months, basis))
    return None if found is None else summarize(found)


def period(warehouse: Version, months: Sequence[date], basis: str) -> Period:
    """The books of some months (their first days) together. Unknown sums are None; months without rows are months of nothing."""
    currency = warehouse.reporting_currency
    streams, back, net = _revenue(warehouse, months, basis)
    cells, (unreconciled, contracts), spent = _usage(warehouse, months)
    rates = dict(warehouse.rows("select month, rate_nano from usd_rates").iter_rows())
    customers = {
        customer_id: CustomerPeriod(streams.get(customer_id, {}), back.get(customer_id, 0), cells.get(customer_id, {}))
        for customer_id in streams.keys() | back.keys() | cells.keys()
    }
    costs = [0 if not pico else cost_minor(pico, currency, rates.get(month)) for month, pico in spent.items()]
    return Period(
        customers=customers,
        unreconciled_pico_usd=unreconciled,
        contracts_pico_usd=contracts,
        minor_per_pico_usd=_rate(spent, rates, currency),
        net_revenue_minor=net,
        cost_minor=None if None in costs else sum(minor or 0 for minor in costs),
    )


def _rate(spent: Mapping[date, int], rates: Mapping[date, int | None], currency: str) -> Fraction | None:
    """Minor units for a pico-USD: the mean of the months' rates by what was spent in them."""
    unit = Fraction(10 ** exponent(currency), NANO * 10**12)
    known = [(pico, rates.get(month)) for month, pico in spent.items() if pico]
    if any(rate is None for _, rate in known):
        return None
    total = sum(pico for pico, _ in known)
    if total > 0:
        return unit * Fraction(sum(pico * (rate or 0) for pico, rate in known), total)
    # Nothing was spent: any rate does, and the latest that is known says most.
    latest = max((month for month, rate in rates.items() if rate is not None), default=None)
    return unit * (NANO if latest is None else rates[latest] or NANO)


def _revenue(
    warehouse: Version, months: Sequence[date], basis: str
) -> tuple[dict[str | None, dict[str, Billed]], dict[str | None, int], int | None]:
    rows = warehouse.rows(
        """select customer_id, stream, product, currency, sum(quantity_micro), sum(amount_minor)::bigint,
            case when count(*) = count(reporting_minor) then sum(reporting_minor)::bigint end
        from month_streams where basis = ? and list_contains(?::date[], month) group by all""",
        [basis, list(months)],
    )
    streams: dict[str | None, dict[str, Billed]] = defaultdict(dict)
    back: dict[str | None, int] = defaultdict(int)
    net: int | None = 0
    for customer_id, stream, product, currency, quantity, amount, reporting in rows.iter_rows():
        net = None if net is None or reporting is None else net + int(reporting)
        if stream == "money_back":
            back[customer_id] -= int(reporting or 0)
        else:
            name = STREAM_SEPARATOR.join(part for part in (stream, product, currency.upper()) if part)
            streams[customer_id][name] = Billed(int(quantity), int(amount), int(reporting or 0))
    return streams, back, net


def _usage(
    warehouse: Version, months: Sequence[date]
) -> tuple[dict[str | None, dict[str, Cell]], tuple[int, int], dict[date, int]]:
    """Cells by customer and model (its tier behind it where that is not the standard one), money of bills and of contracts beside
    the usage, the cost by month.
    """
    buckets = ", ".join(f"sum({bucket})::hugeint" for bucket in BUCKETS if bucket != "requests")
    rows = warehouse.rows(
        f"""select customer_id, provider, model, service_tier, price_id, sum(requests)::bigint, sum(cost_pico_usd), {buckets}
        from month_cells where list_contains(?::date[], month) and requests > 0 group by all""",  # noqa: S608 - our own column names
        [list(months)],
    )
    names = [bucket for bucket in BUCKETS if bucket != "requests"]
    prices = _prices(warehouse)
    used: dict[str | None, dict[str, list[PricedUsage]]] = defaultdict(lambda: defaultdict(list))
    for customer_id, provider, model, tier, price_id, requests, cost, *quantities in rows.iter_rows():
        found = {name: int(quantity) for name, quantity in zip(names, quantities, strict=True) if quantity}
        found["requests"] = int(requests)
        used[customer_id][model_name(provider, model, tier)].append(
            PricedUsage(int(requests), found, prices.get(price_id), int(cost))
        )
    cells: dict[str | None, dict[str, Cell]] = {
        customer_id: {name: cell(usages) for name, usages in models.items()} for customer_id, models in used.items()
    }
    spent = dict.fromkeys(months, 0)
    beside = [0, 0]
    for month, of_all, of_contracts, cost in warehouse.rows(
        """select month, coalesce(sum(cost_pico_usd) filter (requests = 0), 0),
            coalesce(sum(cost_pico_usd) filter (requests = 0 and money_source = 'contract'), 0), sum(cost_pico_usd)
        from month_cells where list_contains(?::date[], month) group by month""",
        [list(months)],
    ).iter_rows():
        spent[month] = int(cost)
        beside[0] += int(of_all) - int(of_contracts)
        beside[1] += int(of_contracts)
    return cells, (beside[0], beside[1]), spent


def model_name(provider: str | None, model: str | None, tier: str | None) -> str:
    """How a model is named in a bridge: batch and priority traffic are models of their own, since they have their own prices."""
    name = "/".join(part for part in (provider, model) if part) or "unnamed model"
    return name if tier in {None, "", "standard"} else f"{name} ({tier})"


def _prices(warehouse: Version) -> _Prices:
    columns = ", ".join(f"{bucket}_pico_usd" for bucket in BUCKETS)
    rows = warehouse.rows(f"select price_id, {columns} from price_entries")  # noqa: S608 - our own column names
    return {row[0]: dict(zip(BUCKETS, row[1:], strict=True)) for row in rows.iter_rows()}


def row_names(warehouse: Version) -> dict[str, Any]:
    """Customers' names by id."""
    return dict(warehouse.rows("select customer_id, name from customers").iter_rows())
