"""Server time of every page's rerun, and of every query that it asks, on a lake of ten million events and five hundred alerts."""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event
from streamlit.testing.v1 import AppTest

from bench.alert_rows import store_alerts
from bench.published_company import publish_company
from pipelines.installation import open_installation
from store.settings import load_settings
from store.warehouse_reads import Warehouse
from tests.dashboard.synthetic_company import AS_OF

RESULTS = Path(__file__).parent / "results" / "pages.json"
SLUG = "bench"
RERUNS = 7
RERUN_TARGET_MS, QUERY_TARGET_MS = 200, 5
CUSTOMER = "cus_0001"
ALERTS = 500


@dataclass(frozen=True)
class Measure:
    """One page: its first run, the median of its reruns, and the slowest of the medians of its queries, in milliseconds."""

    page: str
    first_ms: float
    rerun_ms: float
    rerun_cpu_ms: float
    queries: int
    query_ms: float
    slowest_query: str


@contextmanager
def timed_queries() -> Iterator[dict[str, list[float]]]:
    """The milliseconds of every query that is asked of a warehouse or of Postgres within the block, by its text."""
    asked: dict[str, list[float]] = defaultdict(list)
    begun: list[float] = []

    def begin(*_: Any) -> None:
        begun.append(time.perf_counter())

    def end(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked[statement].append((time.perf_counter() - begun.pop()) * 1000)

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    real = Warehouse.rows

    def rows(self: Warehouse, query: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        started = time.perf_counter()
        try:
            return real(self, query, parameters)
        finally:
            asked[query].append((time.perf_counter() - started) * 1000)

    Warehouse.rows = rows  # type: ignore[method-assign] # for the time of the block
    try:
        yield asked
    finally:
        Warehouse.rows = real  # type: ignore[method-assign] # as above
        event.remove(Engine, "before_cursor_execute", begin)
        event.remove(Engine, "after_cursor_execute", end)


def script(url_path: str | None) -> None:
    """dashboard/app.py with the page of that address; None lists the pages as this run's query parameter."""
    import runpy  # noqa: PLC0415 - the function is run as a script of its own
    from pathlib import Path  # noqa: PLC0415 - as above

    import streamlit as st  # noqa: PLC0415 - as above

    import dashboard  # noqa: PLC0415 - as above

    class Chosen:
        def __init__(self, pages, **_) -> None:
            self.pages = [page for group in pages.values() for page in group]

        def run(self) -> None:
            if url_path is None:
                st.session_state["url_paths"] = [page.url_path or "overview" for page in self.pages]
                return
            # Streamlit's own test runner cannot follow the navigation to a page that is a function.
            [page] = [page for page in self.pages if (page.url_path or "overview") == url_path]
            page._page()  # noqa: SLF001 - the function that st.Page was given

    real = st.navigation
    st.navigation = Chosen
    try:
        runpy.run_path(str(Path(dashboard.__file__).with_name("app.py")))
    finally:
        st.navigation = real


def app(url_path: str | None, **address: str) -> AppTest:
    """The page, not yet run."""
    test = AppTest.from_function(script, default_timeout=120, args=(url_path,))
    for name, value in address.items():
        test.query_params[name] = value
    return test


def measured(name: str, url_path: str, **address: str) -> Measure:
    """Run the page once, then RERUNS times; the queries are those of the reruns."""
    test = app(url_path, **address)
    started = time.perf_counter()
    test.run()
    first = (time.perf_counter() - started) * 1000
    walls, clocks = [], []
    with timed_queries() as asked:
        for _ in range(RERUNS):
            wall, cpu = time.perf_counter(), time.process_time()
            test.run()
            walls.append((time.perf_counter() - wall) * 1000)
            clocks.append((time.process_time() - cpu) * 1000)
    if test.exception:
        print(f"{name}: {test.exception[0].message}", file=sys.stderr)
    medians = {" ".join(query.split()): statistics.median(times) for query, times in asked.items()}
    slowest = max(medians, key=lambda query: medians[query], default="")
    return Measure(
        page=name,
        first_ms=round(first, 1),
        rerun_ms=round(statistics.median(walls), 1),
        rerun_cpu_ms=round(statistics.median(clocks), 1),
        queries=len(medians),
        query_ms=round(medians.get(slowest, 0.0), 2),
        slowest_query=slowest[:160],
    )


def measure_all() -> list[Measure]:
    """Every page of dashboard/app.py, and a customer's own."""
    listing = app(None)
    listing.run()
    assert not listing.exception, listing.exception[0].message
    measures = [measured(path, path) for path in listing.session_state["url_paths"]]
    return [*measures, measured("customers, one customer", "customers", customer=CUSTOMER)]


def run(events: int, home: Path) -> dict[str, object]:
    """Publish, then measure."""
    os.environ |= {"METERING_HOME": str(home), "METERING_TENANT": SLUG}
    with open_installation(load_settings(), tenant_name="Bench") as installation:
        publication = publish_company(home, installation.tenant_id, SLUG, events)
        assert publication.is_published, publication.message
        store_alerts(installation.engine, installation.tenant_id, ALERTS, AS_OF)
        os.environ["DATABASE_URL"] = installation.app_url
        measures = measure_all()
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "events": events,
        "cube_rows": publication.row_counts["usage_cube"],
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load_1_minute": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
        "measures": [asdict(measure) for measure in measures],
    }


def show(console: Console, result: dict[str, Any]) -> None:
    """The result as a table; what misses its target is marked."""
    table = Table(
        title=f"Pages on {result['events']:,} events, {result['cube_rows']:,} rows of the cube; "
        f"targets: rerun {RERUN_TARGET_MS} ms, query {QUERY_TARGET_MS} ms"
    )
    for heading in ("page", "first ms", "rerun ms", "rerun CPU ms", "queries", "slowest query's median ms"):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for each in result["measures"]:
        rerun = f"{each['rerun_ms']}{' !' if each['rerun_ms'] > RERUN_TARGET_MS else ''}"
        query = f"{each['query_ms']}{' !' if each['query_ms'] > QUERY_TARGET_MS else ''}"
        table.add_row(
            each["page"], str(each["first_ms"]), rerun, str(each["rerun_cpu_ms"]), str(each["queries"]), query
        )
    console.print(table)
    for each in result["measures"]:
        if each["query_ms"] > QUERY_TARGET_MS:
            console.print(f"{each['page']}: {each['slowest_query']}", highlight=False, markup=False)


def main() -> int:
    """Publish, measure, print the table and keep the result as JSON. `--home` keeps the data, and uses what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        result = run(events, Path(folder))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(Console(width=140), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
