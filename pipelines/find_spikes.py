"""Finds the unusual days of a table of daily usage, with no database: one row per alert, and what it came to by episode."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from pipelines.read_daily_usage import DailyUsage, day_number, read_daily_usage
from pricing.anomaly_alerts import AT_STAKE_PICO_USD, Alert, alerts, part_pico_usd
from pricing.anomaly_detector import judge
from pricing.anomaly_series import UsageSeries, usage_series
from pricing.anomaly_words import sentence

_AMOUNTS = ("actual", "expected", "lower", "upper", "impact")
_PARTS = ("usage_volume", "tokens_per_request", "token_price")


@dataclass(frozen=True)
class Spikes:
    """What was found in a file: the alerts as rows, the days of which nobody has any row, and rows that could not be used."""

    rows: pl.DataFrame
    series: int
    days: int
    days_without_data: list[date]
    rejected: int


def find_spikes(file: Path, *, at_stake_pico_usd: int = AT_STAKE_PICO_USD) -> Spikes:
    """Judge every day of the file, each by the days before it alone. Raises UsageFileRefused."""
    usage = read_daily_usage(file)
    series = usage_series(usage.rows, usage.keys, usage.quantities)
    judged = judge(series.fixed_cost, series.requests)
    found = alerts(series, judged, usage.rows, usage.quantities, at_stake_pico_usd=at_stake_pico_usd)
    late = [series.day(day) for day in range(series.place.shape[1]) if (series.place[:, day] < 0).all()]
    return Spikes(_rows(usage, series, found), len(series.place), series.place.shape[1], late, usage.rejected)


def _rows(usage: DailyUsage, series: UsageSeries, found: list[Alert]) -> pl.DataFrame:
    names = series.keys.to_dicts()
    rows = []
    for alert in found:
        key = names[alert.series]
        parts = part_pico_usd(alert.parts)
        # One model in a file without a cache's share: what division leaves to these is a few pico-USD of tokens.
        parts["tokens_per_request"] += parts.pop("model_mix") + parts.pop("cache_rate")
        amounts = [getattr(alert, f"{name}_pico_usd") for name in _AMOUNTS] + [parts[name] for name in _PARTS]
        customer = str(key.get("customer_id", f"series {key.get('series_id')}"))
        rows.append(
            (
                *key.values(),
                day_number(alert.day, series.first_day, has_dates=usage.has_dates),
                alert.day if usage.has_dates else None,
                day_number(alert.episode_first_day, series.first_day, has_dates=usage.has_dates),
                round(alert.score, 4),
                "rise" if alert.is_rise else "fall",
                alert.component,
                *(_dollars(amount) for amount in amounts),
                sentence(alert, f"{customer}'s {key['model']}"),
            )
        )
    schema = {
        **series.keys.schema,
        "day": pl.Int64(),
        "date": pl.Date(),
        "episode_first_day": pl.Int64(),
        "score": pl.Float64(),
        "direction": pl.String(),
        "component": pl.String(),
        **{f"{name}_usd": pl.String() for name in (*_AMOUNTS, *_PARTS)},
        "sentence": pl.String(),
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame if usage.has_dates else frame.drop("date")


def _dollars(pico_usd: int) -> str:
    return f"{Decimal(pico_usd).scaleb(-12):f}"
