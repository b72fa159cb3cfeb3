"""A company of two thousand customers whose warehouse is published from a lake of synthetic events, for the bench of the pages."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl

from bench.usage_events import CUSTOMERS, make_events
from pipelines.publish_usage import load_usage
from pricing.allowances import public_allowances
from pricing.cost_engine import price_usage
from pricing.effective_cost import Agreements
from pricing.money import NANO
from pricing.price_book import entries_frame, load_catalogue
from pricing.price_ranges import PriceRanges
from store import lake, warehouse, warehouse_coverage, warehouse_metrics, warehouse_usage
from store.warehouse import Building, Check, Publication
from store.warehouse_tables import TABLES
from tests.dashboard.synthetic_company import AS_OF, MONTHS, make_company
from tests.dashboard.synthetic_metrics import metric_tables

VERSION = 1
OF_USAGE = ("usage_cube", "customer_month_usage", "price_entries", "usd_rates")
NO_REPORTS = pl.DataFrame()


def publish_company(home: Path, tenant_id: UUID, slug: str, events: int) -> Publication:
    """Write the lake, then publish version 1 below `home` from it and from made-up invoices of 14 months."""
    files, prices = _write_lake(lake.tenant_folder(home, tenant_id), events)
    company = make_company(names=[f"Customer {number:04d}" for number in range(CUSTOMERS)])
    rows = dict(company.tables) | metric_tables(company)
    rows["meta"] = [row | {"tenant_id": str(tenant_id), "version": VERSION} for row in rows["meta"]]
    rows["usd_rates"] = [{"month": month, "rate_nano": NANO} for month in MONTHS]
    refs = pl.DataFrame(
        [(f"c{number:04d}", f"cus_{number:04d}") for number in range(CUSTOMERS)],
        schema=["customer_ref", "customer_id"],
        orient="row",
    )

    def fill(con: Building, _: int) -> Sequence[Check]:
        for table, columns in TABLES.items():
            if table not in OF_USAGE or table == "usd_rates":
                warehouse.load(con, table, [dict.fromkeys(columns) | row for row in rows.get(table, [])])
        agreed = Agreements([], public_allowances(), prices, AS_OF.date())
        load_usage(con, home, tenant_id, files, refs, agreed, load_catalogue(), NO_REPORTS)
        warehouse_usage.load_prices(con, prices)
        warehouse_coverage.load(con, PriceRanges(load_catalogue()))
        warehouse_metrics.sum_up(con, "usd")
        return [Check("usage events", events, warehouse_usage.read_sums(con)["events"])]

    with warehouse.publishing(home, tenant_id) as folder:
        return warehouse.publish(folder, slug, VERSION, fill, now=AS_OF)


def _write_lake(folder: Path, events: int) -> tuple[list[lake.LakeFile], pl.DataFrame]:
    """The events priced, a file a day, as an import leaves them; and the price entries that they name."""
    book = load_catalogue()
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("set threads = 2; set memory_limit = '2GB'; set TimeZone = 'UTC'")
        for raw in make_events(con, folder, events):
            usage = con.read_parquet(str(raw)).project(
                """hash(occurred_at, customer_id, input_uncached_tokens, output_text_tokens)::varchar as event_id, occurred_at,
                customer_id as customer_ref, null::varchar as api_key, null::varchar as region,
                null::varchar as search_context_size, null::bigint as reported_cost_pico_usd, 0::ubigint as content_hash,
                occurred_at::date as day, * exclude (customer_id, occurred_at)"""
            )
            priced = price_usage(con, usage, book)
            priced.query(
                "priced",
                f"copy (from priced order by occurred_at) to '{folder}' (format parquet, compression zstd, partition_by (day), "
                f"filename_pattern '{raw.stem}', overwrite_or_ignore)",
            )
            raw.unlink()
        found = con.sql(
            f"""select filename, count(*), sum(cost_pico_usd), count(*) filter (cost_pico_usd is null)
            from read_parquet('{folder}/day=*/*.parquet', filename = true, hive_partitioning = false) group by 1 order by 1"""
        ).fetchall()
        used = con.sql(
            f"select distinct price_id from read_parquet('{folder}/day=*/*.parquet', hive_partitioning = false) where price_id > 0"
        ).fetchall()
    files = [
        lake.LakeFile(
            str(Path(name).relative_to(folder)),
            date.fromisoformat(Path(name).parent.name.removeprefix("day=")),
            rows,
            Path(name).stat().st_size,
            int(cost),
            unpriced,
        )
        for name, rows, cost, unpriced in found
    ]
    return files, entries_frame(book.by_id(price_id for (price_id,) in used))
