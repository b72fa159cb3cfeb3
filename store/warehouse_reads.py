"""Reads one published version of a tenant's warehouse; whoever opened a version keeps it, whatever is published meanwhile."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import polars as pl

from pricing.usage import BUCKETS, TOKEN_BUCKETS
from store.duck import bound
from store.warehouse import POINTER, Pointer, read_pointer, warehouse_folder
from store.warehouse_tables import TABLES

_TOKENS = " + ".join(TOKEN_BUCKETS)


@dataclass(frozen=True)
class Warehouse:
    """An open version. `refusal` is the sentence of a later version that was not published, None when there is none."""

    con: duckdb.DuckDBPyConnection
    file: Path
    version: int
    tenant_id: str
    tenant_name: str
    reporting_currency: str
    as_of: datetime
    published_at: datetime
    refusal: str | None

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """A query's rows as a frame. Each call has a cursor of its own, so that threads do not meet."""
        return rows_of(self.con, query, parameters)


def rows_of(con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
    """A query's rows as a frame, also of a version that is still being built; on a cursor of its own."""
    with con.cursor() as cursor:
        answer = cursor.execute(query, list(parameters))
        columns = [(column[0], str(column[1])) for column in answer.description or ()]
        rows = answer.fetchall()
    # DuckDB's sums of integers are wider than what polars takes an integer for.
    wide = {name: pl.Int128() for name, kind in columns if kind == "HUGEINT"}
    names = [name for name, _ in columns]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides=wide, infer_schema_length=None)


_open: dict[Path, duckdb.DuckDBPyConnection] = {}
# Versions that an earlier release has published: they lack what this one reads.
_outdated: set[Path] = set()
OUTDATED = (
    "What is published comes from an earlier release of this program. Run `metering refresh`, and it is published anew."
)
_opening = threading.Lock()


def current_version(home: Path, tenant_id: UUID) -> int | None:
    """The number of the published version; None when there is none."""
    pointer = read_pointer(warehouse_folder(home, tenant_id))
    return pointer.version if pointer else None


def refusal(home: Path, tenant_id: UUID) -> str | None:
    """Why the newest version is not shown: its sums were refused, or an earlier release has built it; None when there is none."""
    folder = warehouse_folder(home, tenant_id)
    pointer = read_pointer(folder)
    if pointer is not None and pointer.file_name is not None and folder / pointer.file_name in _outdated:
        return OUTDATED
    return pointer.refusal if pointer else None


def tenant_named(home: Path, slug: str) -> UUID | None:
    """The tenant of that short name, if it has ever published below this folder."""
    for path in sorted((home / "warehouse").glob(f"*/{POINTER}")):
        pointer = read_pointer(path.parent)
        if pointer is not None and pointer.tenant_slug == slug:
            return UUID(path.parent.name)
    return None


def open_current(home: Path, tenant_id: UUID) -> Warehouse | None:
    """The current version, read-only; None when nothing is published, or only by an earlier release (then `refusal` says so).

    Opening the same version again is free.
    """
    folder = warehouse_folder(home, tenant_id)
    while True:
        pointer = read_pointer(folder)
        if pointer is None or pointer.file_name is None:
            return None
        try:
            file = folder / pointer.file_name
            con = _connection(file)
            return None if file in _outdated else _described(con, file, pointer)
        except duckdb.IOException:
            # It was removed between reading the pointer and opening the file: a newer one is current by now.
            if read_pointer(folder) == pointer:
                raise


def _connection(file: Path) -> duckdb.DuckDBPyConnection:
    with _opening:
        if file not in _open:
            con = duckdb.connect(str(file), read_only=True)
            bound(con)
            # Versions of the tenant that are no longer current stay open for whoever holds them and close with the last one.
            for old in [other for other in _open if other.parent == file.parent]:
                del _open[old]
            _open[file] = con
            if not _holds_all(con):
                _outdated.add(file)
        return _open[file]


def _holds_all(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the version has every table and column that is read."""
    with con.cursor() as cursor:
        held = set(cursor.execute("select table_name, column_name from duckdb_columns()").fetchall())
    return held.issuperset((table, column) for table, columns in TABLES.items() for column in columns)


def _described(con: duckdb.DuckDBPyConnection, file: Path, pointer: Pointer) -> Warehouse:
    with con.cursor() as cursor:
        row = cursor.execute(
            "select version, tenant_id, tenant_name, reporting_currency, as_of, published_at from meta"
        ).fetchone()
    assert row is not None, "a version says what it is"
    version, tenant_id, tenant_name, reporting_currency, as_of, published_at = row
    return Warehouse(
        con=con,
        file=file,
        version=version,
        tenant_id=tenant_id,
        tenant_name=tenant_name,
        reporting_currency=reporting_currency,
        as_of=as_of,
        published_at=published_at,
        refusal=pointer.refusal,
    )


def months(warehouse: Warehouse, basis: str, customer_id: str | None = None) -> pl.DataFrame:
    """One row per month up to the running one: sums of revenue and usage, of one customer or of the company, and how sure they are.

    `net_revenue_minor` is 0 where nothing was billed and null where an amount has no exchange rate; `unpriced_*_pico_usd` are null
    where nobody lists a price; `month_*` are of the whole company.
    """
    of_customer = "customer_id = $2" if customer_id is not None else "true"
    parameters = [basis, customer_id] if customer_id is not None else [basis]
    # The company pays the bill, which has in it what usage without a price came to; what a customer's came to, it does not say.
    unbilled = "" if customer_id is not None else "unbilled_"
    return warehouse.rows(
        f"""with revenue as (
            select month, sum(gross_minor) as gross_minor, sum(discounts_minor) as discounts_minor, sum(credits_minor) as credits_minor,
                sum(refunds_minor) as refunds_minor, sum(disputes_minor) as disputes_minor,
                case when count(*) = count(net_revenue_minor) then sum(net_revenue_minor) end as net_minor, sum(fees_minor) as fees_minor
            from customer_month where basis = $1 and {of_customer} group by month),
        usage as (
            select month, sum(events) as events, sum(unpriced_events) as unpriced_events, sum(tokens) as tokens,
                sum(unpriced_tokens) as unpriced_tokens, sum(cost_pico_usd) as cost_pico_usd
            from customer_month_usage where {of_customer} group by month),
        bounds as (
            select month, case when count(*) = count({unbilled}low_pico_usd) then sum({unbilled}low_pico_usd) end as low_pico_usd,
                case when count(*) = count({unbilled}high_pico_usd) then sum({unbilled}high_pico_usd) end as high_pico_usd,
                sum(other_events) as other_events, sum(unpriced_other_events) as unpriced_other_events,
                case when count(*) = count(unpriced_other_high_pico_usd) then sum(unpriced_other_high_pico_usd) end
                    as unpriced_other_high_pico_usd
            from unpriced_bounds where {of_customer} group by month)
        select month, r.* exclude (month, net_minor), case when r.month is null then 0 else net_minor end as net_revenue_minor,
            u.* exclude (month), {_SURENESS}, {"null" if customer_id is None else "$2"}::varchar as customer_id
        from revenue r full join usage u using (month) left join bounds b using (month) left join month_coverage m using (month)
            left join usd_rates x using (month)
        where month <= (select date_trunc('month', as_of) from meta) order by month""",
        parameters,
    )


# Beside the sums of a month: what its unpriced usage (b) may cost, the company's coverage (m) and the dollar's rate (x).
_SURENESS = """b.low_pico_usd as unpriced_low_pico_usd, b.high_pico_usd as unpriced_high_pico_usd, b.other_events, b.unpriced_other_events,
    b.unpriced_other_high_pico_usd, m.logged_pico_usd as month_logged_pico_usd, m.attributed_pico_usd as month_attributed_pico_usd,
    m.nobodys_high_pico_usd as month_nobodys_high_pico_usd, m.matched_pico_usd as month_matched_pico_usd, m.compared_pico_usd as month_compared_pico_usd, x.rate_nano as usd_rate_nano"""


def customers(warehouse: Warehouse) -> pl.DataFrame:
    """The columns of the table `customers`, by name."""
    return warehouse.rows("select * from customers order by name, customer_id")


def customer_months(warehouse: Warehouse, basis: str, first: date, last: date) -> pl.DataFrame:
    """One row per customer and month from `first` to `last` (both included): revenue and usage; without a customer: unattributed."""
    return warehouse.rows(
        f"""select coalesce(r.month, u.month) as month, coalesce(r.customer_id, u.customer_id) as customer_id,
            case when r.month is null then 0 else r.net_revenue_minor end as net_revenue_minor, u.events, u.unpriced_events, u.tokens, u.unpriced_tokens,
            u.cost_pico_usd, {_SURENESS}
        from (select * from customer_month where basis = $1) r
            full join customer_month_usage u on r.month = u.month and r.customer_id is not distinct from u.customer_id
            left join unpriced_bounds b on b.month = u.month and b.customer_id is not distinct from u.customer_id
            left join month_coverage m on m.month = coalesce(r.month, u.month)
            left join usd_rates x on x.month = coalesce(r.month, u.month)
        where coalesce(r.month, u.month) between $2 and $3 order by 1, 2""",
        [basis, first, last],
    )


def revenue_lines(warehouse: Warehouse, customer_id: str, month: date, basis: str) -> pl.DataFrame:
    """The lines behind a customer's month, biggest first within their kind."""
    return warehouse.rows(
        """select * from revenue_lines where customer_id = $1 and month = $2 and basis = $3
        order by kind != 'line', kind, abs(reporting_minor) desc, source_id""",
        [customer_id, month, basis],
    )


def priced_units(warehouse: Warehouse, customer_id: str, month: date) -> pl.DataFrame:
    """A customer's month by model, price entry and unit: quantity x unit price = cost, or why there is no price; dearest first.

    Where a provider or a contract says another cost than the price entry, one row without a unit brings the sum to it: its
    `quantity` are events, its cost the difference. `cost_source` and `contract_id` say who decides.
    """
    # Summed once and then turned into a line for each unit: the cube is read a single time.
    sums = ", ".join(f"sum({bucket}) as {bucket}" for bucket in BUCKETS)
    units = " union all ".join(
        f"select '{bucket}' as bucket, {_BY_PRICE}, {bucket}::hugeint as quantity from summed where {bucket} > 0"
        for bucket in BUCKETS
    )
    price = " ".join(f"when '{bucket}' then p.{bucket}_pico_usd" for bucket in BUCKETS)
    return warehouse.rows(
        f"""with used as materialized (select * from usage_cube where customer_id = $1 and month = $2),
        summed as materialized (
            select {_BY_PRICE}, {sums} from used where price_id is not null or cost_pico_usd is null group by {_BY_PRICE}),
        units as ({units}),
        lines as (
            select u.*, case u.bucket {price} end as unit_price_pico_usd, u.quantity * case u.bucket {price} end as cost_pico_usd
            from units u left join price_entries p using (price_id)
            where u.price_id is null or case u.bucket {price} end > 0
            union all by name
            select cast(null as varchar) as bucket, {_BY_PRICE}, sum(events)::hugeint as quantity,
                sum(cost_pico_usd) - coalesce(sum(list_cost_pico_usd), 0) as cost_pico_usd
            from used where cost_pico_usd is distinct from list_cost_pico_usd group by {_BY_PRICE})
        select l.*, p.price_key, p.valid_from, p.valid_to, p.source, p.source_url, p.checked_on
        from lines l left join price_entries p using (price_id)
        order by l.cost_pico_usd desc nulls last, l.provider, l.model, l.bucket""",
        [customer_id, month],
    )


_BY_PRICE = "provider, model, price_id, unpriced_reason, cost_source, contract_id"


def models(warehouse: Warehouse, customer_id: str) -> pl.DataFrame:
    """What a customer's models come to over all months: events, tokens and cost (null where nothing has a price)."""
    return warehouse.rows(
        f"""select provider, model, sum(events) as events, sum({_TOKENS}) as tokens, sum(cost_pico_usd) as cost_pico_usd
        from usage_cube where customer_id = $1 group by provider, model order by cost_pico_usd desc nulls last, events desc""",
        [customer_id],
    )


def invoices(warehouse: Warehouse, customer_id: str) -> pl.DataFrame:
    """A customer's invoices, newest first."""
    return warehouse.rows(
        "select * from invoices where customer_id = $1 order by coalesce(finalized_at, created_at) desc, invoice_id",
        [customer_id],
    )


def plan_changes(warehouse: Warehouse, customer_id: str) -> pl.DataFrame:
    """A customer's plan changes, newest first."""
    return warehouse.rows("select * from plan_changes where customer_id = $1 order by changed_at desc", [customer_id])


def failed_payments(warehouse: Warehouse) -> pl.DataFrame:
    """What failed by month and decline class, and how much of it came in later; invoices without an exchange rate are in no sum."""
    return warehouse.rows(
        """select month, decline_class, sum(reporting_minor)::bigint as amount_minor,
            coalesce(sum(reporting_minor) filter (is_recovered), 0)::bigint as recovered_minor
        from failed_payments where reporting_minor is not null group by month, decline_class order by month, decline_class"""
    )


def attention(warehouse: Warehouse) -> pl.DataFrame:
    """What waits for a decision."""
    return warehouse.rows('select * from attention order by kind, due_by, "at", subject_id')


def freshness(warehouse: Warehouse) -> pl.DataFrame:
    """How fresh each source was when the version was built."""
    return warehouse.rows("select * from freshness order by source")
