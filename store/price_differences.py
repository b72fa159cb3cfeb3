"""What a comparison of the price book with another list found, kept as one file for the pages to show."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

FILE = Path("prices") / "differences.parquet"


@dataclass(frozen=True)
class PriceDifferences:
    """The last comparison: `rows` as pricing.catalogue_diff.compare gives them, with what (`other`), and when (UTC)."""

    rows: pl.DataFrame
    other: str
    compared_at: datetime


def save(home: Path, rows: pl.DataFrame, *, other: str, now: datetime) -> None:
    """Keep a comparison in place of the last one; it appears whole or not at all."""
    path = home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    rows.with_columns(pl.lit(other).alias("other"), pl.lit(now).alias("compared_at")).write_parquet(unfinished)
    unfinished.replace(path)


def read(home: Path) -> PriceDifferences | None:
    """The last comparison; None when there was none, or when it found no price in either list."""
    path = home / FILE
    if not path.exists():
        return None
    kept = pl.read_parquet(path)
    if kept.is_empty():
        return None
    other, compared_at = kept.select("other", "compared_at").row(0)
    return PriceDifferences(kept.drop("other", "compared_at"), other, compared_at)
