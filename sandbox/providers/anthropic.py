"""Anthropic's usage and cost reports of an organization, in the shape of its admin API."""

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

from sandbox.providers.account import Accounts
from sandbox.providers.answers import Answer, Asked, Refusal, day_of, days_of_page, dollars, start_of
from sandbox.providers.meter import SNAPSHOTS

ADMIN_KEY = "sk-ant-admin"
_TOKEN_TYPES = {
    "uncached_input": ("uncached_input_tokens", "Input Tokens"),
    "cache_read": ("cache_read_input_tokens", "Input Tokens, Cache Hit"),
    "cache_write_5m": ("cache_creation.ephemeral_5m_input_tokens", "Input Tokens, Cache Write 5m"),
    "cache_write_1h": ("cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write 1h"),
    "output": ("output_tokens", "Output Tokens"),
}


def let_in(asked: Asked) -> None:
    """Refuse whoever names no version of the API or has no admin key."""
    if not asked.headers.get("x-api-key", "").startswith(ADMIN_KEY):
        raise _refusal(401, "authentication_error", "invalid x-api-key")
    if "anthropic-version" not in asked.headers:
        raise _refusal(400, "invalid_request_error", "anthropic-version: header is required")


def usage(accounts: Accounts, asked: Asked) -> Answer:
    """`GET /v1/organizations/usage_report/messages`: input without what the cache gave and took."""
    groups = asked.query.get("group_by", [])

    def results(lines: pl.DataFrame) -> list[Answer]:
        lines = _named(lines)
        kept = [name for name in groups if name in lines.columns]
        sums = [pl.col(unit).sum() for unit in _TOKEN_TYPES]
        grouped = lines.group_by(kept).agg(sums).sort(kept) if kept else lines.select(sums)
        return [_result(groups, row) for row in grouped.iter_rows(named=True)]

    return _page(accounts, asked, results)


def cost(accounts: Accounts, asked: Asked) -> Answer:
    """`GET /v1/organizations/cost_report`: amounts are decimal strings in cents."""
    groups = asked.query.get("group_by", [])

    def results(lines: pl.DataFrame) -> list[Answer]:
        lines = _named(lines)
        sums: dict[tuple[str, str, str, str], int] = {}
        for row in lines.iter_rows(named=True):
            for unit in _TOKEN_TYPES:
                key = (row["model"], row["service_tier"], row["context_window"], unit)
                sums[key] = sums.get(key, 0) + row[f"{unit}_pico_usd"]
        if "description" not in groups:
            return [_amount(sum(sums.values()))] if sums else []
        return [_cost(*key, pico) for key, pico in sorted(sums.items()) if pico]

    return _page(accounts, asked, results)


def _named(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.with_columns(
        pl.col("model").replace(SNAPSHOTS),
        pl.col("api_key").alias("api_key_id"),
        pl.lit(None, pl.String).alias("workspace_id"),
        pl.when(pl.col("length_step") > 0).then(pl.lit("200k-1M")).otherwise(pl.lit("0-200k")).alias("context_window"),
    )


def _result(groups: list[str], row: Answer) -> Answer:
    labels = (
        "account_id",
        "api_key_id",
        "context_window",
        "inference_geo",
        "model",
        "service_account_id",
        "service_tier",
        "speed",
        "workspace_id",
    )
    return {
        "uncached_input_tokens": row["uncached_input"],
        "cache_read_input_tokens": row["cache_read"],
        "cache_creation": {
            "ephemeral_5m_input_tokens": row["cache_write_5m"],
            "ephemeral_1h_input_tokens": row["cache_write_1h"],
        },
        "output_tokens": row["output"],
        "server_tool_use": {"web_search_requests": 0},
        **{name: row.get(name) if name in groups else None for name in labels},
    }


def _amount(pico_usd: int, **labels: str) -> Answer:
    """Cents as a decimal string: "123.45" is 1.2345 dollars."""
    names = ("cost_type", "description", "model", "service_tier", "token_type", "context_window", "inference_geo")
    cents = format((dollars(pico_usd) * 100).normalize(), "f")
    return {
        "amount": cents,
        "currency": "USD",
        "workspace_id": None,
        **{name: labels.get(name) for name in names},
    }


def _cost(model: str, tier: str, window: str, unit: str, pico_usd: int) -> Answer:
    token_type, words = _TOKEN_TYPES[unit]
    return _amount(
        pico_usd,
        cost_type="tokens",
        description=f"{model} Usage - {words}",
        model=model,
        service_tier=tier,
        token_type=token_type,
        context_window=window,
        inference_geo="not_available",
    )


def _page(accounts: Accounts, asked: Asked, results: Callable[[pl.DataFrame], list[Answer]]) -> Answer:
    starting_at = asked.one("starting_at")
    if starting_at is None:
        raise _refusal(400, "invalid_request_error", "starting_at: Field required")
    if asked.one("bucket_width") not in (None, "1d"):
        raise _refusal(400, "invalid_request_error", "bucket_width: this stand-in has buckets of a day")
    limit = int(asked.one("limit") or 7)
    if not 1 <= limit <= 31:
        raise _refusal(400, "invalid_request_error", "limit: Input should be less than or equal to 31")
    first = datetime.fromisoformat(starting_at).date()
    ending_at = asked.one("ending_at")
    end = day_of(datetime.fromisoformat(ending_at)) if ending_at else first + timedelta(days=limit)
    days, more = days_of_page(
        first, end, limit, asked.one("page"), lambda said: _refusal(400, "invalid_request_error", said)
    )
    by_day = accounts.by_day("anthropic", days)
    buckets = [
        {
            "starting_at": start_of(day).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ending_at": start_of(day + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "results": results(by_day[day]),
        }
        for day in days
    ]
    return {"data": buckets, "has_more": more is not None, "next_page": more}


def _refusal(status: int, kind: str, message: str) -> Refusal:
    return Refusal(status, {"type": "error", "error": {"type": kind, "message": message}})


def too_many(seconds: int) -> Refusal:
    """What a caller that asks too fast is told."""
    said = _refusal(429, "rate_limit_error", "This request would exceed the rate limit of your organization.")
    return Refusal(said.status, said.body, (("retry-after", str(seconds)),))
