"""Pricing synthetic usage events, as ratios to a plain scan-and-group of the same Parquet files in the same run."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from bench.usage_events import make_events
from pricing.cost_engine import price_usage
from pricing.cube_query import cost_by, day_cube, repriced, unit_prices
from pricing.price_book import PriceBook, load_catalogue
from pricing.usage import BUCKETS, TOKEN_BUCKETS
from pricing.usage_bounds import UsageBounds, read_bounds, together

RESULTS = Path(__file__).parent / "results" / "price_events.json"
THREADS = 2
MEMORY_LIMIT = "2GB"
# Of so many events the second run is as warm as the third, and each takes minutes.
REPETITIONS, REPETITIONS_OF_MANY = 3, 2
MANY = 50_000_000
GROUPS = {
    "customer_id": "u.customer_id",
    "provider": "u.provider",
    "model": "u.model",
    "day": "cast(u.occurred_at as date)",
}
GRAIN = ", ".join(GROUPS.values())
CUBE_KEYS = ("customer_id", "provider", "model", "feature")


@dataclass(frozen=True)
class Measure:
    """One way to the answer: its least wall and CPU time of all repetitions; rates are per second of CPU time."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    million_events_per_cpu_second: float
    rows: int
    cost_pico_usd: int | None


@dataclass(frozen=True)
class Bench:
    """The tables of one run: raw events, the same priced at intake, the day cube, and the prices they refer to."""

    con: duckdb.DuckDBPyConnection
    book: PriceBook
    events: int
    folder: Path

    @property
    def raw(self) -> str:
        """The events as they come."""
        return f"read_parquet('{self.folder}/events-*.parquet')"

    @property
    def stored(self) -> str:
        """The same priced."""
        return f"read_parquet('{self.folder}/priced-events-*.parquet')"

    def measured(self, ways: Mapping[str, Callable[[], duckdb.DuckDBPyRelation]]) -> Iterator[Measure]:
        """Run queries of (rows, cost) in turn, several times; the least of each clock counts.

        In turn, so that whatever else the machine does meanwhile meets all of them alike.
        """
        walls, clocks, answers = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list), {}
        for _ in range(repetitions(self.events)):
            for name, ask in ways.items():
                wall, cpu = time.perf_counter(), time.process_time()
                answer = ask().fetchall()[0]
                walls[name].append(time.perf_counter() - wall)
                clocks[name].append(time.process_time() - cpu)
                # The same query answers the same, whichever thread comes first; a sum of doubles would not.
                assert answers.setdefault(name, answer) == answer, name
        for name, (rows, cost) in answers.items():
            best = min(clocks[name])
            yield Measure(name, min(walls[name]), best, self.events / best / 1e6, rows, cost)

    def summed(self, query: str) -> Callable[[], duckdb.DuckDBPyRelation]:
        """The query's rows and their cost."""
        return lambda: self.con.sql(f"select count(*), sum(cost_pico_usd) from ({query})")

    def ways(self) -> Iterator[Measure]:
        """Floor first, then each way to the cost."""
        sums = ", ".join(f"sum(u.{bucket}) as {bucket}" for bucket in TOKEN_BUCKETS)
        prices = unit_prices(self.book.by_id(self.ids()))
        self.con.from_arrow(prices.to_arrow()).create("unit_prices")
        floor = f"select {sums}, null as cost_pico_usd from {self.raw} u group by {GRAIN}"
        kept = f"select sum(u.cost_pico_usd) as cost_pico_usd from {self.stored} u group by {GRAIN}"

        def by_entry() -> duckdb.DuckDBPyRelation:
            query = cost_by(self.stored, "unit_prices", prices, GROUPS, self.used())
            return self.summed(query)()

        yield from self.measured(
            {
                "floor: scan, group, sum tokens": self.summed(floor),
                "stored price_id: hash join, cost": by_entry,
                "stored cost: sum": self.summed(kept),
                "intake: names, range join, cost": self.intake,
            }
        )
        yield self.build_cube(day_cube(self.stored, "unit_prices", prices, CUBE_KEYS, self.used()))
        by_month = {"customer_id": "u.customer_id", "month": "cast(date_trunc('month', u.day) as date)"}
        by_day = {name: f"u.{name}" for name in GROUPS}
        yield from self.measured(
            {
                f"all history priced anew from the cube, by {grain}": self.summed(
                    repriced("cube.usage_cube", "unit_prices", prices, keys)
                )
                for grain, keys in (("customer and month", by_month), ("customer, model and day", by_day))
            }
        )

    def intake(self) -> duckdb.DuckDBPyRelation:
        """Events without a price entry, priced and grouped as the floor groups them."""
        priced = price_usage(
            self.con, self.con.sql(f"select * from {self.raw}"), self.book, bounds=self.bounds("events")
        ).set_alias("u")
        return priced.aggregate("sum(cost_pico_usd) as cost", GRAIN).aggregate("count(*), sum(cost)")

    def build_cube(self, query: str) -> Measure:
        """The day cube built once as a table of a database file, sorted as the warehouse keeps it."""
        narrow = ", ".join(f"{bucket}::bigint as {bucket}" for bucket in BUCKETS)
        wall, cpu = time.perf_counter(), time.process_time()
        self.con.execute(
            f"create table cube.usage_cube as select * replace ({narrow}) from ({query}) order by customer_id, day"
        )
        walls, clocks = time.perf_counter() - wall, time.process_time() - cpu
        [(rows, cost)] = self.con.sql("select count(*), sum(cost_pico_usd) from cube.usage_cube").fetchall()
        name = "day cube: customer x model x price entry x feature x day"
        return Measure(name, walls, clocks, self.events / clocks / 1e6, rows, int(cost))

    def bounds(self, stem: str) -> UsageBounds:
        """The bounds of the files of that name."""
        return together(
            read_bounds(self.con.read_parquet(str(file))) for file in sorted(self.folder.glob(f"{stem}-*.parquet"))
        )

    def used(self) -> tuple[str, ...]:
        """The buckets that some event uses, from the footers of the files."""
        return self.bounds("priced-events").used

    def ids(self) -> list[int]:
        """The price entries that the stored events name."""
        rows = self.con.sql(f"select distinct price_id from {self.stored} where price_id is not null").fetchall()
        return [price_id for (price_id,) in rows]


def repetitions(events: int) -> int:
    """How often each way is run."""
    return REPETITIONS if events < MANY else REPETITIONS_OF_MANY


def run(events: int, folder: Path) -> dict[str, object]:
    """Make the events, price them once, then measure every way."""
    con = duckdb.connect()
    con.execute(
        f"set threads = {THREADS}; set memory_limit = '{MEMORY_LIMIT}'; set TimeZone = 'UTC'; set temp_directory = '{folder}'"
    )
    con.execute(f"attach '{folder}/cube.duckdb' as cube")
    book = load_catalogue()
    files = make_events(con, folder, events)
    for file in files:
        priced = price_usage(con, con.read_parquet(str(file)), book)
        priced.write_parquet(str(folder / f"priced-{file.name}"), compression="zstd")
    measures = list(Bench(con, book, events, folder).ways())
    costs = {measure.cost_pico_usd for measure in measures[1:]}
    if len(costs) != 1:
        raise SystemExit(f"The ways disagree on the cost: {measures}")
    return report(events, measures, sum(file.stat().st_size for file in files), peers())


def peers() -> dict[str, object]:
    """Calls per CPU second of the calculators that others use, measured in a process of its own for the memory's sake."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.peer_calculators"], check=True, stdout=subprocess.PIPE, text=True
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def report(events: int, measures: list[Measure], raw_bytes: int, peer: dict[str, object]) -> dict[str, object]:
    """The measures as a document, each relative to the first; the stored price entry is what the peers are set against."""
    floor, engine = measures[0].cpu_seconds, measures[1]
    calls = peer["calls_per_cpu_second"]
    assert isinstance(calls, dict)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "events": events,
        "bytes_per_event": round(raw_bytes / events, 1),
        "total_pico_usd": str(engine.cost_pico_usd),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load_1_minute": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
            "threads": THREADS,
        },
        "peers": peer
        | {
            "events_per_call": {
                name: round(engine.million_events_per_cpu_second * 1e6 / rate) for name, rate in calls.items()
            }
        },
        "measures": [
            {
                name: round(value, 3) if isinstance(value, float) else value
                for name, value in asdict(measure).items()
                if name != "cost_pico_usd"
            }
            | {"cpu_ratio_to_floor": round(measure.cpu_seconds / floor, 2)}
            for measure in measures
        ],
    }


def show(console: Console, result: dict[str, object]) -> None:
    """The result as two tables: the ways, and the peers."""
    events = result["events"]
    assert isinstance(events, int)
    table = Table(title=f"Pricing {events:,} events on {THREADS} threads, best of {repetitions(events)}")
    headings = {
        "name": "way",
        "wall_seconds": "wall s",
        "cpu_seconds": "CPU s",
        "cpu_ratio_to_floor": "CPU / floor",
        "million_events_per_cpu_second": "M events/CPU s",
        "rows": "rows",
    }
    for name, heading in headings.items():
        table.add_column(heading, justify="left" if name == "name" else "right")
    measures, peer = result["measures"], result["peers"]
    assert isinstance(measures, list)
    assert isinstance(peer, dict)
    for measure in measures:
        table.add_row(*(str(measure[name]) for name in headings))
    console.print(table)
    console.print(f"peak memory {result['peak_memory_mb']} MB; every way came to {result['total_pico_usd']} pico-USD")
    for name, rate in peer["calls_per_cpu_second"].items():
        ratio = peer["events_per_call"][name]
        console.print(
            f"{name}: {rate:,} calls per CPU second; the stored price entry does {ratio:,} events in that time"
        )
    for sentence in peer["left_out"]:
        console.print(f"[yellow]{sentence}[/yellow]")


def main() -> int:
    """Measure, print the tables and keep the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="bench-price-events-") as folder:
        result = run(events, Path(folder))
    RESULTS.parent.mkdir(exist_ok=True)
    target = RESULTS if events <= 10_000_000 else RESULTS.with_stem(f"{RESULTS.stem}_{events // 10**6}m")
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(Console(width=140), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
