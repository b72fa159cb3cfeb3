"""The same queries on DuckDB and on a Spark cluster of two workers give the same rows, to the last pico-dollar."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from bench.usage_events import make_events
from pricing.cost_engine import price_usage
from pricing.cube_query import cost_by, day_cube, repriced, unit_prices
from pricing.price_book import load_catalogue
from store.cluster import SETTINGS, ClusterNotReachable, answer, name_tables, session, to_spark
from tests.pricing.usage_tables import usage_frame, usage_row
from tests.store.cluster_fixtures import need_cluster, two_workers

EVENTS = 20_000
LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    # The work waits for both workers, so that both take part in it.
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
}
MIDNIGHT = datetime(2026, 11, 1)


def odd_events() -> pl.DataFrame:
    """What the made-up events lack: nobody's, unpriced, repeating decimals, search fees, midnight, and a dear day."""
    rows = [
        usage_row("gpt-4o", at=MIDNIGHT, input_uncached_tokens=7) | {"customer_ref": None, "feature": None},
        usage_row("unknown-model", provider="nobody", images=3) | {"customer_ref": "ada", "feature": "chat"},
        usage_row("sonar-pro", provider="perplexity", search_requests=2) | {"customer_ref": "ada", "feature": "chat"},
    ]
    rows += [
        usage_row("google/gemini-3.7-flash", provider="openrouter", cache_write_5m_tokens=count)
        | {"customer_ref": "mallory", "feature": "chat"}
        for count in (1, 2, 3, 5)
    ]
    # $12 M a day each at $180 a million output tokens and more: beyond the 63 bits in which Spark would add integers.
    rows += [
        usage_row("gpt-5.5-pro", output_text_tokens=10**10) | {"customer_ref": "ada", "feature": "film"}
        for _ in range(40)
    ]
    return usage_frame(rows).drop("n")


class Lake:
    """Priced events and the cube as Parquet files, the prices they refer to, and a DuckDB connection over them."""

    def __init__(self, folder: Path) -> None:
        self.con = duckdb.connect()
        self.con.execute("set TimeZone = 'UTC'")
        book = load_catalogue()
        [made] = make_events(self.con, folder, EVENTS)
        odd = self.con.from_arrow(odd_events().to_arrow())
        usage = self.con.read_parquet(str(made)).project(
            "customer_id as customer_ref, * exclude (customer_id), null::varchar as region, null::varchar as search_context_size"
        )
        both = usage.project(", ".join(odd.columns)).union(odd)
        self.files = {name: str(folder / f"{name}.parquet") for name in ("events", "prices", "cube")}
        price_usage(self.con, both, book).write_parquet(self.files["events"])
        self.con.read_parquet(self.files["events"]).create_view("events")
        ids = self.con.sql("select distinct price_id from events where price_id is not null").fetchall()
        self.prices = unit_prices(book.by_id(price_id for (price_id,) in ids))
        self.prices.write_parquet(self.files["prices"])
        self.con.read_parquet(self.files["prices"]).create_view("prices")
        cube = self.con.sql(day_cube("events", "prices", self.prices))
        # Parquet has no HUGEINT; the cube's quantities fit 63 bits.
        kept = (
            f'{name}::bigint as "{name}"' if kind == "HUGEINT" else name
            for name, kind in zip(cube.columns, cube.types, strict=True)
        )
        cube.project(", ".join(name for name in kept if "cost" not in name)).write_parquet(self.files["cube"])
        self.con.read_parquet(self.files["cube"]).create_view("cube")

    def queries(self) -> dict[str, str]:
        month = {"customer_ref": "u.customer_ref", "month": "cast(date_trunc('month', u.day) as date)"}
        return {
            "day cube": day_cube("events", "prices", self.prices),
            "cost by customer and day": cost_by(
                "events",
                "prices",
                self.prices,
                {"customer_ref": "u.customer_ref", "day": "cast(u.occurred_at as date)"},
            ),
            "cube priced anew by customer and month": repriced("cube", "prices", self.prices, month),
        }


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    made = Lake(tmp_path_factory.mktemp("lake"))
    yield made
    made.con.close()


def canonical(rows: list[Any]) -> list[str]:
    """The rows in one order, every number written as the integer it is."""

    def word(value: Any) -> str:
        return str(value if value is None or isinstance(value, str) or hasattr(value, "year") else int(value))

    return sorted("|".join(word(value) for value in row) for row in rows)


@pytest.mark.slow
@pytest.mark.timeout(900)  # 40 seconds on two idle cores, minutes where others work on them, too
def test_two_workers_answer_every_query_as_one_machine_does(lake: Lake, tmp_path: Path) -> None:
    need_cluster()
    with two_workers(tmp_path) as (address, workers), session(address, settings=LOCAL) as spark:
        for worker in workers:
            worker.says("Asked to launch executor")
        name_tables(spark, {table: [path] for table, path in lake.files.items()})
        for name, query in lake.queries().items():
            here = lake.con.sql(query).fetchall()
            there = answer(spark, query).collect()
            assert canonical(there) == canonical(here), name
            digests = {hashlib.sha256("\n".join(canonical(rows)).encode()).hexdigest() for rows in (here, there)}
            assert len(digests) == 1
        dearest = max(int(row[-1]) for row in here)
    assert dearest > 2**63, "a sum that no 64-bit integer holds is among the answers"


def test_the_translation_widens_every_sum_and_divides_whole() -> None:
    text = to_spark("select sum(a * b) as s, sum((a + 1) // 3600) as t, sum(cast(a as hugeint) * b) as u from events")
    assert text == (
        "SELECT SUM(CAST(a * b AS DECIMAL(38, 0))) AS s, SUM(CAST((a + 1) DIV 3600 AS DECIMAL(38, 0))) AS t, "
        "SUM(CAST(CAST(a AS DECIMAL(38, 0)) * b AS DECIMAL(38, 0))) AS u FROM events"
    )


def test_a_cluster_counts_days_in_utc_and_refuses_what_does_not_fit() -> None:
    assert SETTINGS["spark.sql.session.timeZone"] == "UTC"
    assert SETTINGS["spark.sql.ansi.enabled"] == "true"


def test_a_cluster_without_pyspark_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    with pytest.raises(ClusterNotReachable, match="uv sync --extra cluster"), session("spark://127.0.0.1:1"):
        pass
