"""Reads a table of daily usage (customer, model, day, requests, tokens, cost) from CSV or Parquet; bad rows are set aside."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from pipelines.read_usage_chunks import UsageFileRefused

_NAMES = {
    "customer_id": ("customer_id", "customer"),
    "model": ("model",),
    "day": ("date", "day"),
    "requests": ("requests", "num_requests"),
    "cost_usd": ("cost_usd", "cost"),
}
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "tokens")
# Whole-number days count from here on; only their distance matters.
DAY_ZERO = date(2000, 1, 3)


@dataclass(frozen=True)
class DailyUsage:
    """Rows by `keys` and `day` (Date), with `requests`, the token columns `quantities` (Int64) and `cost_pico_usd`.

    `has_dates` says that the file gave dates and not whole numbers of days; `rejected` rows had no usable day or a number below zero.
    """

    rows: pl.DataFrame
    keys: tuple[str, ...]
    quantities: tuple[str, ...]
    has_dates: bool
    rejected: int


def read_daily_usage(file: Path) -> DailyUsage:
    """The file's rows, summed where it has several of one series and day. Raises UsageFileRefused."""
    table = _table(file)
    found = {name: next((given for given in names if given in table.columns), None) for name, names in _NAMES.items()}
    quantities = tuple(name for name in _TOKENS if name in table.columns)
    keys = tuple(name for name in ("series_id", found["customer_id"], found["model"]) if name in table.columns)
    lacking = [
        names[0] for name, names in _NAMES.items() if found[name] is None and name in {"day", "requests", "cost_usd"}
    ]
    if lacking or not quantities or not keys:
        raise UsageFileRefused(
            f"{file} is no table of daily usage: it has the columns {', '.join(table.columns)}, and needs customer_id and model "
            "(or series_id), date or day, requests, input_tokens and output_tokens (or tokens), cost_usd."
        )
    given = pl.col(str(found["day"]))
    has_dates = not table.schema[str(found["day"])].is_integer()
    day = (
        given.cast(pl.String).str.slice(0, 10).str.to_date(strict=False)
        if has_dates
        else pl.lit(DAY_ZERO) + pl.duration(days=given)
    )
    named = table.select(
        *(pl.col(key).cast(pl.String) if key != "series_id" else pl.col(key) for key in keys),
        day.cast(pl.Date).alias("day"),
        pl.col(str(found["requests"])).cast(pl.Int64, strict=False).alias("requests"),
        *(pl.col(name).cast(pl.Int64, strict=False) for name in quantities),
        # An export's floats: what they hold beyond 10^-12 dollars is noise.
        (pl.col(str(found["cost_usd"])).cast(pl.Float64, strict=False) * 10**12)
        .round()
        .cast(pl.Int64, strict=False)
        .alias("cost_pico_usd"),
    )
    named = named.rename({str(found[name]): name for name in ("customer_id", "model") if found[name] is not None})
    named = named.with_columns(pl.col(keys[0]).cast(pl.String).alias("model")) if found["model"] is None else named
    numbers = ("requests", *quantities, "cost_pico_usd")
    good = named.filter(pl.col("day").is_not_null(), *(pl.col(name) >= 0 for name in numbers))
    kept = tuple(name for name in ("series_id", "customer_id", "model") if name in named.columns)
    summed = good.group_by(*kept, "day", maintain_order=True).agg(pl.col(*numbers).sum())
    if summed.is_empty():
        raise UsageFileRefused(
            f"{file} has no usable row of {table.height:,}: each lacks a day or a number, or has one below zero."
        )
    return DailyUsage(summed, kept, quantities, has_dates, table.height - good.height)


def day_number(day: date, first_day: date, *, has_dates: bool) -> int:
    """The day as the file counted it, or days since its first date."""
    return (day - (first_day if has_dates else DAY_ZERO)) // timedelta(days=1)


def _table(file: Path) -> pl.DataFrame:
    try:
        if file.suffix == ".parquet":
            return pl.read_parquet(file)
        return pl.read_csv(file, infer_schema_length=10_000)
    except FileNotFoundError as problem:
        raise UsageFileRefused(f"There is no file {file}.") from problem
    except (PolarsError, OSError) as problem:
        raise UsageFileRefused(
            f"{file} cannot be read as {file.suffix or 'CSV'}: {str(problem).splitlines()[0]}."
        ) from problem
