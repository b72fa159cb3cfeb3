"""The cost engine: one vectorised pass that joins usage to the price entry in force and multiplies integers."""

from collections.abc import Callable, Iterable

import duckdb
import polars as pl

from pricing.catalogue import entries_for
from pricing.price_book import STANDARD_TIER, PriceEntry, entries_frame
from pricing.usage import BUCKETS, INPUT_BUCKETS

EntriesFor = Callable[[str | None, str], tuple[PriceEntry, ...] | str]

# Tiers that providers call by other names: their standard price.
STANDARD_NAMES = frozenset({"", "standard", "default", "auto", "on_demand", "standard_only"})
_FAR_PAST = "TIMESTAMP '0001-01-01'"
_FAR_FUTURE = "TIMESTAMP '9999-12-31'"
_UNBOUNDED = 2**62


def price_usage(
    con: duckdb.DuckDBPyConnection, usage: duckdb.DuckDBPyRelation, entries_of: EntriesFor = entries_for
) -> duckdb.DuckDBPyRelation:
    """The same rows with `price_id`, `cost_pico_usd` (BIGINT, 1e-12 $) and `unpriced_reason` added.

    `usage` needs `occurred_at` (TIMESTAMP, UTC), `provider`, `model`, `service_tier` and the disjoint buckets; other columns pass
    through. Names are resolved once per distinct (provider, model, tier); each row then finds the entry whose validity,
    hour and input length hold it by a range hash join. An event that no entry holds, or that used a unit without a
    price, has NULL cost and its reason. Nothing is rounded but prices that no whole pico-USD expresses (half a pico).
    """
    names = usage.project("provider, model, coalesce(lower(service_tier), 'standard') as service_tier").distinct().pl()
    found, reasons = resolve_names(names.iter_rows(), entries_of)
    # Registered under a name of its own, so that two lazy relations of one connection never share a price book.
    suffix = f"{abs(hash((found.height, reasons.height, names.height, id(names)))):x}"
    con.register(f"price_entries_{suffix}", found)
    con.register(f"price_reasons_{suffix}", reasons)
    priced = usage.query("usage_to_price", pricing_sql("usage_to_price", suffix, found))
    assert priced is not None, "a SELECT always gives a relation"
    return priced


def resolve_names(
    names: Iterable[tuple[str | None, str | None, str]], entries_of: EntriesFor
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Price entries to join (one row per asked name and entry) and, for names without any, the reason.

    A tier that the model has no prices of its own for is priced at its standard price, as providers do; the price entry's
    key then shows no tier.
    """
    frames: list[pl.DataFrame] = []
    reasons: list[tuple[str | None, str | None, str, str]] = []
    for provider, model, tier in names:
        entries = entries_of(provider, model) if model else "the event names no model"
        if isinstance(entries, str):
            reasons.append((provider, model, tier, entries))
            continue
        wanted = STANDARD_TIER if tier in STANDARD_NAMES else tier
        chosen = [entry for entry in entries if entry.service_tier == wanted]
        chosen = chosen or [entry for entry in entries if entry.service_tier == STANDARD_TIER]
        asked = [
            pl.lit(provider, pl.String).alias("asked_provider"),
            pl.lit(model, pl.String).alias("asked_model"),
            pl.lit(tier, pl.String).alias("asked_tier"),
        ]
        frames.append(entries_frame(chosen).with_columns(asked))
    empty = entries_frame([]).with_columns(
        pl.lit(None, pl.String).alias(name) for name in ("asked_provider", "asked_model", "asked_tier")
    )
    schema = {"asked_provider": pl.String, "asked_model": pl.String, "asked_tier": pl.String, "reason": pl.String}
    return pl.concat([empty, *frames]), pl.DataFrame(reasons, schema=schema, orient="row")


def pricing_sql(usage: str, suffix: str, entries: pl.DataFrame) -> str:
    """The pass as one SELECT over the relation named `usage` and the registered entries and reasons.

    Columns that no entry here needs (hours, missing units) cost nothing: their conditions are left out.
    """
    by_hour = ""
    if entries["tod_from_minute"].is_not_null().any():
        minute = "(extract(hour from u.occurred_at) * 60 + extract(minute from u.occurred_at))"
        by_hour = f"and {minute} >= coalesce(e.tod_from_minute, 0) and {minute} < coalesce(e.tod_to_minute, 1440)"
    length = " + ".join(f"u.{bucket}" for bucket in INPUT_BUCKETS)
    missing = [f"(u.{bucket} > 0 and e.{bucket}_pico_usd is null)" for bucket in _never_priced(entries)]
    lacks = " or ".join(missing) or "false"
    # S608: the text is built from our own bucket names and counters, never from a usage log's words.
    return f"""
        select u.*,
            case when {lacks} then null else e.price_id end as price_id,
            case when e.price_id is null or {lacks} then null else {_cost_sql(entries)} end as cost_pico_usd,
            case
                when e.price_id is not null and not ({lacks}) then null
                when r.reason is not null then r.reason
                when e.price_id is null then 'no price of ' || coalesce(u.provider || '/', '') || u.model
                    || ' is in force on ' || strftime(u.occurred_at, '%Y-%m-%d')
                else e.price_key || ' has no price for ' || {_lacking_sql(entries)}
            end as unpriced_reason
        from {usage} u
        left join price_entries_{suffix} e
            on e.asked_provider is not distinct from u.provider
            and e.asked_model = u.model
            and e.asked_tier = coalesce(lower(u.service_tier), 'standard')
            and u.occurred_at >= coalesce(e.valid_from, {_FAR_PAST})
            and u.occurred_at < coalesce(e.valid_to, {_FAR_FUTURE})
            and {length} > coalesce(e.above_input_tokens, -1)
            and {length} <= coalesce(e.up_to_input_tokens, {_UNBOUNDED}) {by_hour}
        left join price_reasons_{suffix} r
            on r.asked_provider is not distinct from u.provider
            and r.asked_model is not distinct from u.model
            and r.asked_tier = coalesce(lower(u.service_tier), 'standard')
    """  # noqa: S608


def _never_priced(entries: pl.DataFrame) -> list[str]:
    """Buckets that some entry has no price for; a request is counted by every event and priced by few, so it is no lack."""
    return [bucket for bucket in BUCKETS if bucket != "requests" and entries[f"{bucket}_pico_usd"].is_null().any()]


def _cost_sql(entries: pl.DataFrame) -> str:
    priced = [bucket for bucket in BUCKETS if entries[f"{bucket}_pico_usd"].is_not_null().any()]
    total = " + ".join(f"u.{bucket} * coalesce(e.{bucket}_pico_usd, 0)" for bucket in priced) or "0"
    if entries.height == 0 or entries["pricing_quantity"].max() == 1:
        return f"({total})"
    return f"(case when e.pricing_quantity = 1 then {total} else (2 * ({total}) + e.pricing_quantity) // (2 * e.pricing_quantity) end)"


def _lacking_sql(entries: pl.DataFrame) -> str:
    cases = [
        f"when u.{bucket} > 0 and e.{bucket}_pico_usd is null then u.{bucket} || ' {bucket}'"
        for bucket in _never_priced(entries)
    ]
    return f"case {' '.join(cases)} end" if cases else "''"
