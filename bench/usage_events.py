"""Synthetic usage events for the benchmarks: real models, skewed customers, every tier, the same on every machine."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

CUSTOMERS = 2_000
DAYS = 174
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
# One file of the events; a hundred million are made and priced file by file, so that memory does not grow with them.
EVENTS_PER_FILE = 10_000_000
# Fifty models that people run in 2026, with length tiers, dated prices, peak hours and tier prices among them.
MODELS = (
    (
        "openai",
        "gpt-4o gpt-4o-mini gpt-4.1 gpt-4.1-mini gpt-5 gpt-5-mini gpt-5.1 gpt-5.2 gpt-5.4 gpt-5.4-mini gpt-5.5 o3",
    ),
    ("openai", "gpt-5.6-sol gpt-5.6-luna gpt-6-sol gpt-6-luna gpt-6-astra gpt-6.1-terra"),
    ("anthropic", "claude-haiku-4-5 claude-sonnet-4-5 claude-opus-4-5 claude-opus-5 claude-haiku-5-5 claude-opus-5-5"),
    ("google", "gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-3-pro-preview gemini-flash-latest"),
    ("mistral", "mistral-large-4 mistral-small-latest codestral-latest ministral-8b-latest mistral-medium-latest"),
    ("deepseek", "deepseek-chat deepseek-reasoner deepseek-v4-flash deepseek-v4-pro"),
    ("x-ai", "grok-4 grok-4-fast grok-3-mini"),
    ("cohere", "command-a command-r command-r-plus"),
    ("perplexity", "sonar sonar-pro sonar-deep-research"),
    ("azure", "gpt-4o gpt-5.4 gpt-4.1"),
)
NAMES = [(provider, model) for provider, models in MODELS for model in models.split()]


def make_events(con: duckdb.DuckDBPyConnection, folder: Path, events: int) -> list[Path]:
    """Write `events` events in the order of their moments as Parquet files of EVENTS_PER_FILE; returns the files."""
    names = pl.DataFrame(NAMES, schema=["provider", "model"], orient="row").with_row_index("model_number")
    con.register("models", names.with_columns(pl.col("model_number").cast(pl.Int64)))
    files = []
    for first in range(0, events, EVENTS_PER_FILE):
        files.append(folder / f"events-{first:012d}.parquet")
        rows = _rows(first, min(events, first + EVENTS_PER_FILE), events)
        con.execute(f"copy ({rows}) to '{files[-1]}' (format parquet, compression zstd)")
    return files


def _rows(first: int, end: int, events: int) -> str:
    """The events numbered `first` until before `end` of `events`, spread evenly over DAYS."""
    # hash() of the row number stands for chance, so that every run on every machine makes the same events.
    return f"""select 'c' || lpad(customer::varchar, 4, '0') as customer_id, provider, model,
        case when slot > 0 or draw % 3 > 0 then ['chat', 'search', 'summaries', 'agents'][slot + 1] else 'mail' end as feature,
        case when tier < 80 then 'standard' when tier < 92 then 'batch' when tier < 96 then 'flex' else 'priority' end as service_tier,
        timestamp '{FIRST_DAY:%Y-%m-%d}' + to_seconds(second_of_all::bigint) as occurred_at,
        input_total - cached as input_uncached_tokens, cached as cache_read_tokens,
        0::bigint as cache_write_5m_tokens, 0::bigint as cache_write_1h_tokens, 0::bigint as input_audio_tokens,
        output_total - reasoning as output_text_tokens, reasoning as reasoning_tokens, 0::bigint as output_audio_tokens,
        0::bigint as images, 0::bigint as seconds, 0::bigint as pages, 0::bigint as search_requests, 1::bigint as requests
    from (
        select *, case when long < 2 then 150000 + draw % 250000 else 50 + (draw % 4000) end as input_total,
            case when draw % 3 = 0 then (case when long < 2 then 100000 else 40 end) else 0 end as cached,
            20 + (draw // 7) % 1500 as output_total,
            case when draw % 5 = 0 then 15 else 0 end as reasoning,
            least({CUSTOMERS - 1}, floor({CUSTOMERS} * pow(u1, 3)))::bigint as customer,
            floor(4 * pow(u2, 2))::bigint as slot,
            ((customer * 7 + slot) % {len(NAMES)})::bigint as model_number
        from (
            select (hash(i) >> 8)::bigint as draw, (hash(i + 1000000007) % 1000000) / 1e6 as u1,
                (hash(i + 2000000011) % 1000000) / 1e6 as u2, (hash(i + 3000000019) % 100)::bigint as tier,
                (hash(i + 4000000007) % 100)::bigint as long, i * {DAYS * 86_400} // {events} as second_of_all
            from range({first}, {end}) rows(i)
        )
    ) join models using (model_number)"""
