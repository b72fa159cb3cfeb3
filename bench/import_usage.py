"""Importing and pricing one million events, as a ratio to reading, grouping and writing the same Parquet file in the same run."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from pipelines.import_usage import import_files
from store import database, embedded_postgres, lake
from store.tenants import ensure_tenant

RESULTS = Path(__file__).parent / "results" / "import_usage.json"
NOW = datetime(2026, 11, 25, tzinfo=UTC)
EVENTS = 1_000_000
CUSTOMERS = 255
DAYS = 14
MODELS = (("openai", "gpt-4o"), ("google", "gemini-2.5-flash"), ("anthropic", "claude-sonnet-4-5"))
SEED = 7


@dataclass(frozen=True)
class Measure:
    """One step in a process of its own: its wall and CPU time (without Postgres), its peak memory, and what it counted."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: int
    accepted: int
    duplicate: int
    lake_rows: int


def make_events(path: Path) -> None:
    """Write synthetic events in order of time: few customers with most calls, long tails of tokens, three models."""
    dice = np.random.default_rng(SEED)
    model = dice.choice(len(MODELS), EVENTS, p=[0.6, 0.3, 0.1])
    seconds = np.sort(dice.random(EVENTS)) * DAYS * 86_400
    pl.DataFrame(
        {
            "event_id": [f"bench-{number:08d}" for number in range(EVENTS)],
            "occurred_at": pl.Series(seconds * 1e6).cast(pl.Int64).cast(pl.Datetime("us")) + _since_epoch(),
            "customer_id": [f"c{number:03d}" for number in np.minimum(dice.zipf(1.5, EVENTS), CUSTOMERS)],
            "provider": [MODELS[index][0] for index in model],
            "model": [MODELS[index][1] for index in model],
            "input_tokens": np.minimum(dice.lognormal(6.5, 1.3, EVENTS).astype(np.int64) + 1, 120_000),
            "output_tokens": np.minimum(dice.lognormal(5.0, 1.0, EVENTS).astype(np.int64) + 1, 16_000),
        }
    ).write_parquet(path, compression="zstd")


def _since_epoch() -> timedelta:
    return datetime(2026, 11, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)


def write_again(source: Path, target: Path) -> None:
    """The same events in another file: nothing but their ids can tell that they are known."""
    pl.read_parquet(source).reverse().write_parquet(target, compression="lz4")


def floor(source: Path, folder: Path) -> None:
    """What no import can do without: read every event, find its group, write it again."""
    con = duckdb.connect()
    con.execute("set threads = 2")
    con.execute(f"create table events as select * from '{source}'")
    con.execute(
        "select customer_id, model, cast(occurred_at as date), sum(input_tokens) from events group by all"
    ).fetchall()
    con.execute(f"copy events to '{folder / 'copy.parquet'}' (format parquet, compression zstd)")


def step(name: str, source: Path, home: Path) -> Measure:
    """Run one step here and measure it; imports start from a database that is up and migrated."""
    if name == "floor":
        begun, worked = time.perf_counter(), time.process_time()
        floor(source, home)
        return Measure(name, time.perf_counter() - begun, time.process_time() - worked, _peak_mb(), 0, 0, 0)
    urls = database.prepare_roles(embedded_postgres.start(home))
    database.migrate(urls.owner)
    engine = database.open_engine(urls.app)
    tenant_id = ensure_tenant(engine, "bench", "Bench", "usd")
    begun, worked = time.perf_counter(), time.process_time()
    summary = import_files(engine, home, tenant_id, [source], now=NOW)
    wall, cpu = time.perf_counter() - begun, time.process_time() - worked
    with database.tenant_transaction(engine, tenant_id) as connection:
        rows = lake.read_sums(connection).rows
    engine.dispose()
    return Measure(name, wall, cpu, _peak_mb(), summary.accepted, summary.duplicate, rows)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measured(name: str, source: Path, home: Path) -> Measure:
    """The step in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.import_usage", "--step", name, "--file", str(source), "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return Measure(**json.loads(done.stdout.splitlines()[-1]))


def run(source: Path, folder: Path) -> list[Measure]:
    """The floor, then the file three times: new, the very same again, and its events in another file."""
    home, again = folder / "home", folder / "again.parquet"
    home.mkdir()
    write_again(source, again)
    try:
        return [
            measured("floor", source, home),
            measured("first import", source, home),
            measured("same file again", source, home),
            measured("same events, other file", again, home),
        ]
    finally:
        embedded_postgres.stop(home)


def report(measures: list[Measure], source: str) -> dict[str, object]:
    """The measures as a document, each relative to the floor."""
    floor_seconds = measures[0].cpu_seconds
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": source,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load_1_minute": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
            "polars": pl.__version__,
        },
        "measures": [
            asdict(measure)
            | {
                "wall_seconds": round(measure.wall_seconds, 2),
                "cpu_seconds": round(measure.cpu_seconds, 2),
                "cpu_ratio_to_floor": round(measure.cpu_seconds / floor_seconds, 1),
            }
            for measure in measures
        ],
    }


def show(console: Console, result: dict[str, object]) -> None:
    """The result as a table."""
    table = Table(title=f"Importing usage: {result['source']}")
    headings = {
        "name": "step",
        "wall_seconds": "wall s",
        "cpu_seconds": "CPU s",
        "cpu_ratio_to_floor": "CPU / floor",
        "peak_memory_mb": "peak MB",
        "accepted": "accepted",
        "duplicate": "duplicate",
        "lake_rows": "rows in the lake",
    }
    for name, heading in headings.items():
        table.add_column(heading, justify="left" if name == "name" else "right")
    measures = result["measures"]
    assert isinstance(measures, list)
    for measure in measures:
        table.add_row(*(str(measure[name]) for name in headings))
    console.print(table)


def main() -> int:
    """Measure, print the table and keep the result as JSON; `--file` takes a usage file of one's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, help="a usage file instead of a million synthetic events")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(asdict(step(options.step, options.file, options.home))))
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-import-usage-") as folder:
        source = options.file or Path(folder) / "events.parquet"
        if options.file is None:
            make_events(source)
        result = report(
            run(source, Path(folder)), options.file.name if options.file else f"{EVENTS:,} synthetic events"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(Console(), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
