"""The engine against cases on which two independent calculators agree."""

from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pricing.cost_engine import price_usage
from pricing.price_book import load_catalogue


@pytest.mark.shared
def test_every_golden_case_is_met_to_a_billionth(shared: Path) -> None:
    """input_tokens is inclusive; what is left of it after cache and audio is the uncached bucket, and so for the output."""
    cases = pl.read_csv(shared / "golden" / "golden_cases_dev.csv", schema_overrides={"expected_cost_usd": pl.String})
    usage = cases.select(
        "case_id",
        "expected_cost_usd",
        "provider",
        "model",
        pl.col("service_context").alias("service_tier"),
        pl.col("as_of").str.to_datetime(time_zone="UTC").dt.replace_time_zone(None).alias("occurred_at"),
        (
            pl.col("input_tokens")
            - pl.col("cache_read_tokens")
            - pl.col("cache_write_5m_tokens")
            - pl.col("cache_write_1h_tokens")
            - pl.col("input_audio_tokens")
        ).alias("input_uncached_tokens"),
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "input_audio_tokens",
        (pl.col("output_tokens") - pl.col("reasoning_tokens") - pl.col("output_audio_tokens")).alias(
            "output_text_tokens"
        ),
        "reasoning_tokens",
        "output_audio_tokens",
        *(pl.lit(0, pl.Int64).alias(name) for name in ("images", "seconds", "pages", "search_requests")),
        pl.lit(1, pl.Int64).alias("requests"),
    )
    with duckdb.connect() as con:
        con.register("cases", usage)
        answers = price_usage(con, con.table("cases"), load_catalogue()).pl()
    wrong = []
    for row in answers.iter_rows(named=True):
        expected = Decimal(row["expected_cost_usd"])
        cost = None if row["cost_pico_usd"] is None else Decimal(row["cost_pico_usd"]) / 10**12
        if cost is None or abs(cost - expected) > expected * Decimal("1e-9"):
            wrong.append((row["case_id"], expected, cost, row["unpriced_reason"]))
    assert answers.height == cases.height > 1000
    assert wrong == []
