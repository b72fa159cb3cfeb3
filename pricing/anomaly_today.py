"""The day that still runs: its cost so far against what was usual by the same hour, and what it comes to by the day's end."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pricing.anomaly_alerts import USUAL_DAYS, Alert
from pricing.anomaly_subjects import KEYS, Subjects

# What one day's calls tell; a week's mean has been judged with the day before.
COMPONENTS_OF_ONE_DAY = frozenset({"requests", "sparse"})
# A part of a day is less than a day: it must surprise more.
LIMIT = 1.25


@dataclass(frozen=True, slots=True)
class Projection:
    """A running day by its end, if what usually still comes comes: whole days' amounts in pico-USD."""

    actual_pico_usd: int
    expected_pico_usd: int
    lower_pico_usd: int
    upper_pico_usd: int


def until_hour(usage: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """Daily costs by scope (store.warehouse_spikes.daily_costs) cut at the hour of `shares` (store.warehouse_hours.shares_until).

    Each day keeps the share of its cost that had come by then. Days that no event of the lake is known of are left out.
    """
    cut = usage.join(shares, on=["scope", "day", *KEYS], how="inner", nulls_equal=True, maintain_order="left")
    return cut.with_columns(
        pl.col("requests_until").alias("requests"),
        (pl.col("cost_pico_usd") * pl.col("share_until")).round().cast(pl.Int64).alias("cost_pico_usd"),
        pl.col("fixed_usd") * pl.col("share_until"),
    ).drop("requests_until", "share_until")


def projected(alert: Alert, until: Subjects, whole: pl.DataFrame, today: date) -> Projection:
    """A day's end from what it cost so far: what usually comes after the hour is added to all of its amounts.

    `whole` are the daily costs of the same scope. A spike that goes on costs more than this.
    """
    subject = until.subjects[alert.series]
    named = [pl.col(key).eq_missing(pl.lit(getattr(subject, key), dtype=pl.String())) for key in KEYS]
    rows = whole.filter(pl.col("scope") == until.scope, *named, pl.col("day") < today).tail(USUAL_DAYS)
    days = (rows["day"] - until.series.first_day).dt.total_days().to_numpy()
    by_then = int(until.series.cost_pico_usd[alert.series, days[days >= 0]].sum())
    all_day = int(rows["cost_pico_usd"].sum())
    # What was expected by then, made as large as a whole day is beside its part.
    rest = alert.expected_pico_usd * (all_day - by_then) // by_then if by_then else 0
    rest = max(rest, 0)
    return Projection(
        alert.actual_pico_usd + rest,
        alert.expected_pico_usd + rest,
        alert.lower_pico_usd + rest,
        alert.upper_pico_usd + rest,
    )
