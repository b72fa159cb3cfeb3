"""Usage tables for the tests of the engine: rows with everything zero but what a test names."""

from collections.abc import Mapping
from datetime import datetime

import duckdb
import polars as pl

from pricing.cost_engine import price_usage
from pricing.price_book import PriceBook
from pricing.usage import BUCKETS

NOVEMBER = datetime(2026, 11, 1, 12)


def usage_row(
    model: str | None,
    *,
    provider: str | None = "openai",
    tier: str | None = None,
    at: datetime = NOVEMBER,
    region: str | None = None,
    size: str | None = None,
    **buckets: int,
) -> dict[str, object]:
    """One event of one request; buckets as named, all others zero."""
    named = {"provider": provider, "model": model, "service_tier": tier, "occurred_at": at}
    named |= {"region": region, "search_context_size": size}
    return named | dict.fromkeys(BUCKETS, 0) | {"requests": 1} | buckets


def usage_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """The rows as a frame, numbered in `n`."""
    types: Mapping[str, pl.DataType] = {
        "provider": pl.String(),
        "model": pl.String(),
        "service_tier": pl.String(),
        "region": pl.String(),
        "search_context_size": pl.String(),
        "occurred_at": pl.Datetime("us"),
        **dict.fromkeys(BUCKETS, pl.Int64()),
    }
    return pl.DataFrame(rows, schema_overrides=dict(types)).with_row_index("n")


def price_rows(rows: list[dict[str, object]], book: PriceBook) -> list[dict[str, object]]:
    """The engine's answers in the rows' order; one for each, or the test fails."""
    frame = usage_frame(rows)
    with duckdb.connect() as con:
        answers = price_usage(con, con.from_arrow(frame.to_arrow()), book).pl().sort("n").to_dicts()
    assert [answer["n"] for answer in answers] == list(range(len(rows))), "one row in, one row out"
    return answers
