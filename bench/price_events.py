"""Pricing synthetic usage events, as ratios to a plain scan-and-group of the same Parquet files in the same run."""

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from pricing.cost_engine import price_usage
from pricing.price_book import entries_frame, load_catalogue
from pricing.usage import BUCKETS, TOKEN_BUCKETS

RESULTS = Path(__file__).parent / "results" / "price_events.json"
THREADS = 2
REPETITIONS = 3
CUSTOMERS = 2_000
DAYS = 174
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
GROUPS = "customer_id, provider, model, cast(occurred_at as date)"
SUMS = ", ".join(f"sum({bucket}) as {bucket}" for bucket in TOKEN_BUCKETS)
# Fifty models that people run in 2026, with length tiers, dated prices, peak hours and tier prices among them.
MODELS = (
    (
        "openai",
        "gpt-4o gpt-4o-mini gpt-4.1 gpt-4.1-mini gpt-5 gpt-5-mini gpt-5.1 gpt-5.2 gpt-5.4 gpt-5.4-mini gpt-5.5 o3",
    ),
    ("openai", "gpt-5.6-sol gpt-5.6-luna gpt-6-sol gpt-6-luna gpt-6-astra gpt-6.1-terra"),
    ("anthropic", "claude-haiku-4-5 claude-sonnet-4-5 claude-opus-4-5 claude-opus-5 claude-haiku-5-5 claude-opus-5-5"),
    ("google", "gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-3-pro-preview gemini-flash-latest"),
    ("mistral", "mistral-large-4 mistral-small-latest codestral-latest ministral-8b-latest mistral-medium-latest"),
    ("deepseek", "deepseek-chat deepseek-reasoner deepseek-v4-flash deepseek-v4-pro"),
    ("x-ai", "grok-4 grok-4-fast grok-3-mini"),
    ("cohere", "command-a command-r command-r-plus"),
    ("perplexity", "sonar sonar-pro sonar-deep-research"),
    ("azure", "gpt-4o gpt-5.4 gpt-4.1"),
)


@dataclass(frozen=True)
class Measure:
    """One way to the answer: its best wall and CPU time of all repetitions, and the CPU time relative to the floor."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    cpu_ratio_to_floor: float
    million_events_per_second: float
    groups: int


def make_events(con: duckdb.DuckDBPyConnection, path: Path, events: int) -> None:
    """Write synthetic events: skewed customers and models, every tier, long and short inputs, one file."""
    names = [(provider, model) for provider, models in MODELS for model in models.split()]
    models = pl.DataFrame(names, schema=["provider", "model"], orient="row").with_row_index("model_number")
    con.register("models", models.with_columns(pl.col("model_number").cast(pl.Int64)))
    # hash() of the row number stands for chance, so that every run on every machine makes the same events.
    con.execute(
        f"""copy (
        select 'c' || lpad(customer::varchar, 4, '0') as customer_id, provider, model,
            case when tier < 80 then 'standard' when tier < 92 then 'batch' when tier < 96 then 'flex' else 'priority' end as service_tier,
            timestamp '{FIRST_DAY:%Y-%m-%d}' + to_seconds(second_of_all::bigint) as occurred_at,
            input_total - cached as input_uncached_tokens, cached as cache_read_tokens,
            0::bigint as cache_write_5m_tokens, 0::bigint as cache_write_1h_tokens, 0::bigint as input_audio_tokens,
            output_total - reasoning as output_text_tokens, reasoning as reasoning_tokens, 0::bigint as output_audio_tokens,
            0::bigint as images, 0::bigint as seconds, 0::bigint as pages, 0::bigint as search_requests, 1::bigint as requests
        from (
            select *, case when long < 2 then 150000 + draw % 250000 else 50 + (draw % 4000) end as input_total,
                case when draw % 3 = 0 then (case when long < 2 then 100000 else 40 end) else 0 end as cached,
                20 + (draw // 7) % 1500 as output_total,
                case when draw % 5 = 0 then 15 else 0 end as reasoning,
                least({CUSTOMERS - 1}, floor({CUSTOMERS} * pow(u1, 3)))::bigint as customer,
                ((customer * 7 + floor(4 * pow(u2, 2))) % {len(names)})::bigint as model_number
            from (
                select (hash(i) >> 8)::bigint as draw, (hash(i + 1000000007) % 1000000) / 1e6 as u1,
                    (hash(i + 2000000011) % 1000000) / 1e6 as u2, (hash(i + 3000000019) % 100)::bigint as tier,
                    (hash(i + 4000000007) % 100)::bigint as long, i * {DAYS * 86_400} // {events} as second_of_all
                from range({events}) rows(i)
            )
        ) join models using (model_number)
        ) to '{path}' (format parquet, compression zstd)"""
    )


def measured(name: str, events: int, ask: Callable[[], duckdb.DuckDBPyRelation]) -> tuple[Measure, object]:
    """Run a query REPETITIONS times to its last group; the least of each clock counts."""
    walls, clocks, total, groups = [], [], None, 0
    for _ in range(REPETITIONS):
        wall, cpu = time.perf_counter(), time.process_time()
        groups, *rest = ask().fetchall()[0]
        walls.append(time.perf_counter() - wall)
        clocks.append(time.process_time() - cpu)
        total = rest[0] if rest else None
    best = min(walls)
    return Measure(name, best, min(clocks), 0.0, events / best / 1e6, groups), total


def run(events: int, folder: Path) -> dict[str, object]:
    """Make the events, then measure the floor, pricing at intake and pricing by stored price_id."""
    book = load_catalogue()
    con = duckdb.connect()
    con.execute(f"set threads = {THREADS}; set TimeZone = 'UTC'; set temp_directory = '{folder}'")
    raw, stored = folder / "events.parquet", folder / "priced.parquet"
    make_events(con, raw, events)
    price_usage(con, con.read_parquet(str(raw)), book).write_parquet(str(stored), compression="zstd")
    con.from_arrow(entries_frame(book.by_id(ids(con, stored))).to_arrow()).create("price_entries")

    def grouped(relation: str, sums: str, outer: str) -> duckdb.DuckDBPyRelation:
        return con.sql(f"select count(*), {outer} from (select {sums} from {relation} group by {GROUPS})")

    def intake() -> duckdb.DuckDBPyRelation:
        priced = price_usage(con, con.read_parquet(str(raw)), book)
        groups = priced.aggregate("sum(cost_pico_usd) as cost, count(*) as events", GROUPS)
        return groups.aggregate("count(*), sum(cost)")

    product = " + ".join(f"u.{bucket} * coalesce(p.{bucket}_pico_usd, 0)" for bucket in BUCKETS)
    by_id = f"(select u.*, {product} as cost from '{stored}' u join price_entries p using (price_id))"
    floor, _ = measured(
        "floor: scan, group, sum tokens", events, lambda: grouped(f"'{raw}'", SUMS, "sum(output_text_tokens)")
    )
    measures, totals = [floor], []
    for name, ask in (
        ("intake: names, range join, cost", intake),
        ("stored price_id: hash join, cost", lambda: grouped(by_id, "sum(cost) as cost", "sum(cost)")),
        ("stored cost: sum", lambda: grouped(f"'{stored}'", "sum(cost_pico_usd) as cost", "sum(cost)")),
    ):
        measure, total = measured(name, events, ask)
        measures.append(measure)
        totals.append(total)
    if len(set(totals)) != 1:
        raise SystemExit(f"The ways disagree on the cost: {totals}")
    return report(events, measures, totals[0], raw)


def ids(con: duckdb.DuckDBPyConnection, stored: Path) -> list[int]:
    """The price entries that the stored events name."""
    rows = con.sql(f"select distinct price_id from '{stored}' where price_id is not null").fetchall()
    return [price_id for (price_id,) in rows]


def report(events: int, measures: list[Measure], total_pico_usd: object, raw: Path) -> dict[str, object]:
    """The measures as a document, each relative to the first."""
    floor = measures[0].cpu_seconds
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "events": events,
        "bytes_per_event": round(raw.stat().st_size / events, 1),
        "total_pico_usd": str(total_pico_usd),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load_1_minute": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
            "threads": THREADS,
        },
        "measures": [
            {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(measure).items()}
            | {"cpu_ratio_to_floor": round(measure.cpu_seconds / floor, 2)}
            for measure in measures
        ],
    }


def show(console: Console, result: dict[str, object]) -> None:
    """The result as a table: what a person compares."""
    table = Table(title=f"Pricing {result['events']:,} events on {THREADS} threads, best of {REPETITIONS}")
    headings = {
        "name": "way",
        "wall_seconds": "wall s",
        "cpu_seconds": "CPU s",
        "cpu_ratio_to_floor": "CPU / floor",
        "million_events_per_second": "M events/s",
        "groups": "groups",
    }
    for name, heading in headings.items():
        table.add_column(heading, justify="left" if name == "name" else "right")
    measures = result["measures"]
    assert isinstance(measures, list)
    for measure in measures:
        table.add_row(*(str(measure[name]) for name in headings))
    console.print(table)
    console.print(f"peak memory {result['peak_memory_mb']} MB; every way came to {result['total_pico_usd']} pico-USD")


def main() -> int:
    """Measure, print the table and keep the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-price-events-") as folder:
        result = run(options.events, Path(folder))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(Console(), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
