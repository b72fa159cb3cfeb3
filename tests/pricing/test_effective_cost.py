"""Who says what usage cost: the provider's own word goes before the price list, a gateway's reckoning does not."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import polars as pl
import pytest

from pricing.effective_cost import COSTED_COLUMNS, CUBE_KEYS, effective_cost
from pricing.usage import BUCKETS

SCHEMA: dict[str, Any] = {
    "day": pl.Date,
    **dict.fromkeys(CUBE_KEYS, pl.String),
    "price_id": pl.Int64,
    **dict.fromkeys(("events", *BUCKETS), pl.Int64),
    "list_cost_pico_usd": pl.Decimal(38, 0),
    "reported_cost_pico_usd": pl.Decimal(38, 0),
}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def cube(con: duckdb.DuckDBPyConnection, *rows: dict[str, Any]) -> duckdb.DuckDBPyRelation:
    """Rows of the lake's cube: one event of gpt-4o each, with what a test names."""
    blank = dict.fromkeys(SCHEMA) | dict.fromkeys(BUCKETS, 0) | {"day": date(2026, 11, 1), "events": 1}
    blank |= {"provider": "openai", "model": "gpt-4o"}
    return con.from_arrow(pl.DataFrame([blank | row for row in rows], schema=SCHEMA, orient="row").to_arrow())


@pytest.mark.parametrize(
    ("listed", "reported", "by", "cost", "source"),
    [
        (30, None, None, 30, "catalogue"),
        (30, 12, "provider", 12, "reported"),
        (30, 0, "provider", 0, "reported"),
        (30, 12, "gateway", 30, "catalogue"),
        (None, 12, "provider", 12, "reported"),
        (None, 12, "gateway", None, None),
        (None, None, None, None, None),
    ],
)
def test_the_providers_word_goes_before_the_list_and_nobodys_word_is_no_cost(
    con: duckdb.DuckDBPyConnection,
    listed: int | None,
    reported: int | None,
    by: str | None,
    cost: int | None,
    source: str | None,
) -> None:
    given = {"list_cost_pico_usd": listed, "reported_cost_pico_usd": reported, "reported_by": by}
    costed = effective_cost(cube(con, given))
    assert costed.columns == list(COSTED_COLUMNS)
    assert costed.project(
        "list_cost_pico_usd, reported_cost_pico_usd, cost_pico_usd, cost_source, contract_id"
    ).fetchall() == [(listed, reported, cost, source, None)]
