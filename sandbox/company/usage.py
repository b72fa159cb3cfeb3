"""Usage events, drawn all at once: when each call happened, on which model, and how many tokens it took."""

import numpy as np
import polars as pl
from numpy.random import Generator

from sandbox.billing.calendar import DAY, HOUR
from sandbox.company.lately import AGENT_KEY, input_factor, of_agent, with_runaway_noticed, without_late_log
from sandbox.company.models import PROFILES, RUNAWAY, SLOTS, Slot
from sandbox.company.months import Span
from sandbox.company.roster import INTERNAL_ACCOUNTS
from sandbox.company.traffic import HOURS, Calls, Floats, Ints, calls

TOKENS_SCALE = 1.92
INPUT_MAX = 900_000
ALL_SLOTS = (*SLOTS, RUNAWAY)
KEYS = ("key_prod", "key_prod", "key_prod", "key_batch", "key_staging")


def usage_events(seed: int, span: Span) -> pl.DataFrame:
    """All events in the documented schema (totals include their subsets), in order of time."""
    rng = np.random.default_rng([seed, 20_251_001])
    plan = calls(span)
    counts = rng.poisson(plan.expected)
    source, day = (index.astype(np.int64) for index in np.divmod(np.arange(counts.size), counts.shape[1]))
    source, day = np.repeat(source, counts.ravel()), np.repeat(day, counts.ravel())
    at = _moments(rng, plan, span, source, day)
    kept = at < span.as_of
    source, at = source[kept], at[kept]
    order = np.argsort(at, kind="stable")
    source, at = source[order], at[order]
    slot = _slots(rng, plan, source)
    events = _frame(rng, seed, plan, span, source=source, at=at, slot=slot)
    return without_late_log(with_runaway_noticed(events, span, at, source == plan.runaway_row), span.as_of)


def _moments(rng: Generator, plan: Calls, span: Span, source: Ints, day: Ints) -> Ints:
    chance = np.cumsum(HOURS) / np.sum(HOURS)
    hour = np.searchsorted(chance, rng.random(source.size), side="right")
    hour = (hour - np.array(plan.offsets)[source]) % 24
    second = rng.integers(0, HOUR, source.size)
    moments: Ints = span.first + day * DAY + hour * HOUR + second
    return moments


def _slots(rng: Generator, plan: Calls, source: Ints) -> Ints:
    """Which use of a model each call is: drawn from the profile of its source."""
    runaway = np.zeros(len(ALL_SLOTS))
    runaway[-1] = 1
    shares = [runaway if name == "runaway" else np.array([*PROFILES[name], 0]) for name in plan.profiles]
    chance = np.cumsum([share / share.sum() for share in shares], axis=1)
    drawn: Ints = (rng.random(source.size)[:, None] >= chance[source]).sum(axis=1)
    return np.minimum(drawn, len(ALL_SLOTS) - 1)


def _of(slot: Ints, name: str) -> Floats:
    values: Floats = np.array([getattr(one, name) for one in ALL_SLOTS], dtype=np.float64)[slot]
    return values


def _tokens(rng: Generator, slot: Ints, name: str) -> Ints:
    """Log-normal around the slot's median: many small calls, a few huge ones."""
    size = _of(slot, name) * np.exp(_of(slot, "spread") * rng.standard_normal(slot.size)) * TOKENS_SCALE
    tokens: Ints = np.minimum(size, INPUT_MAX).astype(np.int64)
    return tokens


def _frame(rng: Generator, seed: int, plan: Calls, span: Span, *, source: Ints, at: Ints, slot: Ints) -> pl.DataFrame:
    accounts, features = _pick(plan.sources, source), _pick([one.feature for one in ALL_SLOTS], slot)
    inputs, outputs = _tokens(rng, slot, "input_tokens"), _tokens(rng, slot, "output_tokens")
    longer = inputs * input_factor(span.as_of, at, accounts, features)
    inputs = np.minimum(longer, INPUT_MAX).astype(np.int64)
    warm = rng.random(slot.size) < 0.8
    cache_read = (inputs * _of(slot, "cached_share") * warm * rng.uniform(0.6, 1.4, slot.size)).astype(np.int64)
    cache_read = np.minimum(cache_read, inputs)
    written = (inputs * _of(slot, "cache_write_share") * rng.uniform(0.5, 1.5, slot.size)).astype(np.int64)
    written = np.minimum(written, inputs - cache_read)
    for_an_hour = rng.random(slot.size) < 0.15
    reasoning = np.minimum(outputs, (outputs * _of(slot, "reasoning_share")).astype(np.int64))
    batched = rng.random(slot.size) < _of(slot, "batch_share")
    models = _models(span, at, slot)
    zeros = pl.Series(np.zeros(slot.size, dtype=np.int64))
    return pl.DataFrame(
        {
            "event_id": pl.select(pl.format("ue_{}_{}", pl.lit(seed), pl.int_range(slot.size))).to_series(),
            "occurred_at": pl.Series(at * 1_000_000 + rng.integers(0, 1_000_000, at.size))
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC"),
            "customer_id": accounts,
            "provider": _pick([one.provider for one in ALL_SLOTS], slot),
            "model": models,
            "feature": features,
            "api_key": _keys(rng, accounts, features),
            "service_tier": _pick(("standard", "batch"), batched.astype(np.int64)),
            # Where each provider processed the call: Mistral's regional endpoints cost more, and the company uses its global one.
            "region": pl.select(
                pl.when(pl.lit(_pick([one.provider for one in ALL_SLOTS], slot)) == "mistral")
                .then(pl.lit("global"))
                .otherwise(pl.lit(_pick(["eu" if offset == 1 else "global" for offset in plan.offsets], source)))
            ).to_series(),
            "input_tokens": inputs,
            "cache_read_tokens": cache_read,
            "cache_write_5m_tokens": np.where(for_an_hour, 0, written),
            "cache_write_1h_tokens": np.where(for_an_hour, written, 0),
            "input_audio_tokens": zeros,
            "output_tokens": outputs,
            "reasoning_tokens": reasoning,
            "output_audio_tokens": zeros,
            "images": zeros,
            "seconds": zeros,
            "pages": zeros,
            "search_requests": zeros,
            "requests": np.ones(slot.size, dtype=np.int64),
            "reported_cost_usd": pl.Series([None], dtype=pl.Float64).extend_constant(None, slot.size - 1),
        }
    )


def _pick(words: list[str] | tuple[str, ...], index: Ints) -> pl.Series:
    return pl.Series(list(words), dtype=pl.String).gather(pl.Series(index))


def _keys(rng: Generator, accounts: pl.Series, features: pl.Series) -> pl.Series:
    """Any of the company's keys; the power user's agent has one of its own."""
    shared = _pick(KEYS, rng.integers(0, len(KEYS), accounts.len()))
    is_agent = pl.Series(of_agent(accounts, features))
    return pl.select(pl.when(is_agent).then(pl.lit(AGENT_KEY)).otherwise(shared)).to_series()


def _models(span: Span, at: Ints, slot: Ints) -> pl.Series:
    """The successor from its month on."""
    switched = at >= np.array([span.month(one.successor_month) for one in ALL_SLOTS])[slot]
    names = [one.model for one in ALL_SLOTS] + [one.successor for one in ALL_SLOTS]
    return _pick(names, slot + switched.astype(np.int64) * len(ALL_SLOTS))


def daily_kilotokens(events: pl.DataFrame) -> pl.DataFrame:
    """What metered prices count: thousands of tokens, in and out, by account and day (`at` in unix seconds)."""
    tokens = (pl.col("input_tokens") + pl.col("output_tokens")).sum()
    return (
        events.filter(~pl.col("customer_id").is_in(INTERNAL_ACCOUNTS))
        .group_by("customer_id", pl.col("occurred_at").dt.truncate("1d").dt.epoch("s").alias("at"))
        .agg((tokens // 1000).alias("kilotokens"))
        .sort("customer_id", "at")
    )


__all__ = ["Slot", "daily_kilotokens", "usage_events"]
