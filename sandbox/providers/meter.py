"""What each provider metered: the demo company's calls by day, and some that its own log never saw, with what they cost."""

import polars as pl

from sandbox.providers.prices import UNITS, midnight, rates

# Every sixteenth call or so comes into the reports late.
_LATE_OF = 16
# A team tries things out with a key of its own, past the log: this share of the chat models' tokens, in thousandths.
UNLOGGED_PER_MILLE = 12
UNLOGGED_KEY, UNLOGGED_PROJECT = "key_evals", "proj_evals"
LOGGED_PROJECT = "proj_main"
# The names under which bills and reports list what is called by an alias.
SNAPSHOTS = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-5.2": "gpt-5.2-2025-12-11",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-5": "claude-opus-4-5-20251101",
}
_PRICED_BY = ("provider", "model", "service_tier", "day")
LABELS = ("day", "provider", "model", "service_tier", "api_key", "project", "length_step", "is_late")


def metered(events: pl.DataFrame) -> pl.DataFrame:
    """One row for each of LABELS with the units of UNITS and what each cost (`…_pico_usd`, exact; null where nobody lists a price).

    `events` are in the documented schema of usage files.
    """
    lines = _with_rates(_with_unlogged(_by_day(events)))
    return lines.with_columns((pl.col(unit) * pl.col(f"{unit}_rate")).alias(f"{unit}_pico_usd") for unit in UNITS).drop(
        f"{unit}_rate" for unit in UNITS
    )


def _by_day(events: pl.DataFrame) -> pl.DataFrame:
    """Calls summed by day, kept apart where a longer input costs more."""
    written = pl.col("cache_write_5m_tokens") + pl.col("cache_write_1h_tokens")
    calls = events.select(
        pl.col("occurred_at").dt.date().alias("day"),
        "provider",
        "model",
        pl.col("service_tier").fill_null("standard"),
        "api_key",
        pl.lit(LOGGED_PROJECT).alias("project"),
        "input_tokens",
        (pl.col("event_id").hash(seed=16) % _LATE_OF == 0).alias("is_late"),
        (pl.col("input_tokens") - pl.col("cache_read_tokens") - written).alias("uncached_input"),
        pl.col("cache_read_tokens").alias("cache_read"),
        pl.col("cache_write_5m_tokens").alias("cache_write_5m"),
        pl.col("cache_write_1h_tokens").alias("cache_write_1h"),
        pl.col("output_tokens").alias("output"),
        "requests",
    )
    steps = [
        (*names, [rate.above_input_tokens for rate in rates(*names[:3], midnight(names[3]))])
        for names in calls.select(_PRICED_BY).unique().iter_rows()
    ]
    schema = {**{name: calls.schema[name] for name in _PRICED_BY}, "steps": pl.List(pl.Int64)}
    known = pl.DataFrame(steps, schema=schema, orient="row")
    reached = [
        (pl.col("input_tokens") > pl.col("steps").list.get(place, null_on_oob=True))
        .fill_null(value=False)
        .cast(pl.Int64)
        for place in range(1, 1 + max((len(each[-1]) for each in steps), default=0))
    ]
    placed = calls.join(known, on=_PRICED_BY, how="left").with_columns(pl.sum_horizontal(reached).alias("length_step"))
    return placed.group_by(LABELS).agg(pl.col(unit).sum() for unit in UNITS).sort(LABELS)


def _with_unlogged(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines, and a share of OpenAI's chat traffic again under the key that no log sees."""
    chat = (pl.col("provider") == "openai") & (pl.col("output") > 0)
    shadow = (
        lines.filter(chat)
        .with_columns(pl.lit(UNLOGGED_KEY).alias("api_key"), pl.lit(UNLOGGED_PROJECT).alias("project"))
        .group_by(LABELS)
        .agg((pl.col(unit).sum() * UNLOGGED_PER_MILLE // 1000) for unit in UNITS)
        .sort(LABELS)
    )
    return pl.concat([lines, shadow.select(lines.columns)])


def _with_rates(lines: pl.DataFrame) -> pl.DataFrame:
    """Each line's rates beside it; null where the model has no price."""
    found = [
        (*names, place, *(rate.pico_usd[unit] for unit in UNITS))
        for names in lines.select(_PRICED_BY).unique().iter_rows()
        for place, rate in enumerate(rates(*names[:3], midnight(names[3])))
    ]
    labels = {name: lines.schema[name] for name in (*_PRICED_BY, "length_step")}
    priced = pl.DataFrame(found, schema={**labels, **{f"{unit}_rate": pl.Int64 for unit in UNITS}}, orient="row")
    return lines.join(priced, on=list(labels), how="left")
