"""What-if on the day cube of 10 M events: all history under another model, cache rate and price list, beside a plain sum of the cube."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from bench.usage_events import make_events
from pricing.cost_engine import price_usage
from pricing.coverage import Coverage
from pricing.price_book import PriceBook, entries_frame, load_catalogue
from pricing.usage import BUCKETS
from pricing.what_if import PriceChange, outcomes
from pricing.what_if_costs import CostChange
from store.duck import bound
from store.warehouse_reads import Warehouse
from store.warehouse_tables import TABLES, create_statements
from store.warehouse_what_if import read_months

RESULTS = Path(__file__).parent / "results" / "what_if.json"
REPETITIONS = 3
FIRST, LAST = date(2026, 6, 1), date(2026, 11, 1)
CHANGES = {
    "nothing changes": CostChange(),
    "everybody to openai/gpt-4o-mini": CostChange(to_model=("openai", "gpt-4o-mini")),
    "everybody to google/gemini-2.5-pro (length tiers)": CostChange(to_model=("google", "gemini-2.5-pro")),
    "80 % of the input from the cache": CostChange(cache_percent=80),
    "15 % off what OpenAI charges": CostChange(discount_basis_points=1500, discount_provider="openai"),
    "one customer to openai/gpt-4o-mini": CostChange(customers=("c0000",), to_model=("openai", "gpt-4o-mini")),
}


def make_cube(file: Path, events: int, folder: Path, book: PriceBook) -> int:
    """A published version's tables with the cube of synthetic events; the number of the cube's rows."""
    with duckdb.connect(str(file)) as con:
        bound(con, spill_folder=folder)
        for statement in create_statements():
            con.execute(statement)
        files = [str(path) for path in make_events(con, folder, events)]
        priced = price_usage(con, con.read_parquet(files), book)
        keys = (
            "occurred_at::date as day, customer_id, provider, model, feature, service_tier, price_id, unpriced_reason"
        )
        sums = ", ".join(f"sum({bucket})::bigint as {bucket}" for bucket in BUCKETS)
        cube = priced.aggregate(
            f"{keys}, count(*) as events, {sums}, sum(cost_pico_usd)::hugeint as cost_pico_usd",
            "day, customer_id, provider, model, feature, service_tier, price_id, unpriced_reason",
        )
        con.register("priced_cube", cube.to_arrow_table())
        con.execute(
            """insert into usage_cube by name select *, date_trunc('month', day)::date as month, customer_id as customer_ref,
            cost_pico_usd as list_cost_pico_usd, case when price_id is not null then 'catalogue' end as cost_source
            from priced_cube order by customer_id, day"""
        )
        con.unregister("priced_cube")
        used = [row[0] for row in con.execute("select distinct price_id from usage_cube where price_id > 0").fetchall()]
        frame = entries_frame(book.by_id(used)).select(list(TABLES["price_entries"]))
        con.from_arrow(frame.to_arrow()).insert_into("price_entries")
        con.execute("insert into usd_rates select distinct month, 1000000000 from usage_cube")
        con.execute(
            """insert into customer_month by name select distinct month, customer_id, 'service' as basis,
            20000 as gross_minor, 20000 as net_revenue_minor from usage_cube"""
        )
        row = con.execute("select count(*) from usage_cube").fetchone()
    assert row is not None, "a count is one row"
    return int(row[0])


def measured(name: str, ask: Callable[[], object]) -> dict[str, object]:
    """The best wall and CPU time of all repetitions."""
    walls, clocks = [], []
    for _ in range(REPETITIONS):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append(time.perf_counter() - wall)
        clocks.append(time.process_time() - cpu)
    return {"name": name, "wall_seconds": round(min(walls), 3), "cpu_seconds": round(min(clocks), 3)}


def run(events: int, folder: Path) -> dict[str, object]:
    """Make the cube, then ask each what-if to its last margin."""
    book, file = load_catalogue(), folder / "bench.duckdb"
    rows = make_cube(file, events, folder, book)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    with duckdb.connect(str(file), read_only=True) as con:
        bound(con, spill_folder=folder)
        warehouse = Warehouse(con, file, 1, "bench", "Bench", "usd", now, now, None)

        def ask(change: CostChange) -> None:
            months = read_months(warehouse, "service", FIRST, LAST, change, book)
            outcomes(months, "usd", PriceChange(), Fraction(7, 10), Coverage())

        floor = "select month, customer_id, sum(cost_pico_usd) from usage_cube group by all"
        measures = [measured("floor: sum of the cube by month and customer", lambda: con.execute(floor).fetchall())]
        measures += [measured(name, lambda change=change: ask(change)) for name, change in CHANGES.items()]
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "duckdb": duckdb.__version__}
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine | {"load_1_minute": round(os.getloadavg()[0], 1), "events": events, "cube_rows": rows},
        "measures": measures,
    }


def main() -> int:
    """Measure, print the table, keep the result as JSON; exit code 1 when a what-if takes three seconds or more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-what-if-") as folder:
        result = run(options.events, Path(folder))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    measures = result["measures"]
    assert isinstance(measures, list)
    table = Table(title=f"What-if: {result['machine']}")
    for heading in measures[0]:
        table.add_column(heading)
    for measure in measures:
        table.add_row(*(str(value) for value in measure.values()))
    Console().print(table)
    return int(any(measure["wall_seconds"] >= 3 for measure in measures))


if __name__ == "__main__":
    sys.exit(main())
