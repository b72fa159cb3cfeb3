"""OpenAI's usage and costs of an organization, in the shape of its admin API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl

from sandbox.providers.account import Accounts
from sandbox.providers.answers import Answer, Asked, Refusal, days_of_page, dollars, start_of
from sandbox.providers.meter import SNAPSHOTS

ADMIN_KEY = "sk-admin-"
EMBEDDINGS = "text-embedding"
NOT_BOUGHT = frozenset(
    ("moderations", "images", "audio_speeches", "audio_transcriptions", "code_interpreter_sessions", "web_search_calls")
)


def let_in(asked: Asked) -> None:
    """Refuse whoever has no admin key."""
    key = asked.headers.get("authorization", "").removeprefix("Bearer ")
    if not key.startswith("sk-"):
        raise _refusal(401, "Incorrect API key provided.", "invalid_api_key")
    if not key.startswith(ADMIN_KEY):
        raise _refusal(
            403, "You have insufficient permissions for this operation. Missing scopes: api.usage.read.", None
        )


def usage(accounts: Accounts, asked: Asked, kind: str) -> Answer:
    """`GET /v1/organization/usage/{kind}`: buckets of a day."""
    if kind not in NOT_BOUGHT | {"completions", "embeddings"}:
        raise _refusal(404, f"Invalid URL (GET {asked.path})", None)
    groups = asked.query.get("group_by", [])

    def results(lines: pl.DataFrame) -> list[Answer]:
        if kind in NOT_BOUGHT:
            return []
        is_embedding = pl.col("model").str.starts_with(EMBEDDINGS)
        lines = lines.filter(is_embedding if kind == "embeddings" else ~is_embedding)
        return [_result(kind, groups, row) for row in _grouped(lines, groups).iter_rows(named=True)]

    return _page(accounts, asked, results, limit_max=31)


def costs(accounts: Accounts, asked: Asked) -> Answer:
    """`GET /v1/organization/costs`: what stands on the invoice, by day."""
    groups = asked.query.get("group_by", [])

    def results(lines: pl.DataFrame) -> list[Answer]:
        sums: dict[tuple[str | None, str | None], list[int]] = {}
        for row in lines.iter_rows(named=True):
            for unit, word in (("uncached_input", "input"), ("cache_read", "cached input"), ("output", "output")):
                item = f"{_listed(row)}, {word}" if "line_item" in groups else None
                project = row["project"] if "project_id" in groups else None
                held = sums.setdefault((item, project), [0, 0])
                held[0] += row[unit]
                held[1] += row[f"{unit}_pico_usd"]
        return [_cost(item, project, *held) for (item, project), held in sorted(sums.items(), key=str) if held[0]]

    return _page(accounts, asked, results, limit_max=180)


def _listed(row: Answer) -> str:
    """A model as line items spell it, with the tier before it where it is not the standard one."""
    name = str(SNAPSHOTS.get(row["model"], row["model"]))
    return f"batch | {name}" if row["service_tier"] == "batch" else name


def _cost(item: str | None, project: str | None, quantity: int, pico_usd: int) -> Answer:
    return {
        "object": "organization.costs.result",
        "amount": {"value": float(dollars(pico_usd)), "currency": "usd"},
        "line_item": item,
        "project_id": project,
        "organization_id": "org-demo",
        "quantity": None if item is None else float(quantity),
        "quantity_unit": None if item is None else "tokens",
    }


def _grouped(lines: pl.DataFrame, groups: list[str]) -> pl.DataFrame:
    named = lines.with_columns(
        pl.col("model").replace(SNAPSHOTS),
        pl.col("project").alias("project_id"),
        pl.col("api_key").alias("api_key_id"),
        (pl.col("service_tier") == "batch").alias("batch"),
        pl.lit("default").alias("service_tier"),
    )
    sums = [pl.col(name).sum() for name in ("uncached_input", "cache_read", "output", "requests")]
    kept = [name for name in groups if name in named.columns]
    return named.group_by(kept).agg(sums).sort(kept) if kept else named.select(sums)


def _result(kind: str, groups: list[str], row: Answer) -> Answer:
    shared = {
        "object": f"organization.usage.{kind}.result",
        "input_tokens": row["uncached_input"] + row["cache_read"],
        "num_model_requests": row["requests"],
        "user_id": None,
        **{name: row.get(name) if name in groups else None for name in ("project_id", "api_key_id", "model")},
    }
    if kind == "embeddings":
        return shared
    return shared | {
        "output_tokens": row["output"],
        "input_cached_tokens": row["cache_read"],
        "input_cache_write_tokens": 0,
        "input_uncached_tokens": row["uncached_input"],
        "input_text_tokens": row["uncached_input"] + row["cache_read"],
        "output_text_tokens": row["output"],
        "input_cached_text_tokens": row["cache_read"],
        "input_audio_tokens": 0,
        "input_cached_audio_tokens": 0,
        "output_audio_tokens": 0,
        "input_image_tokens": 0,
        "input_cached_image_tokens": 0,
        "output_image_tokens": 0,
        "batch": row.get("batch") if "batch" in groups else None,
        "service_tier": row.get("service_tier") if "service_tier" in groups else None,
    }


def _page(
    accounts: Accounts, asked: Asked, results: Callable[[pl.DataFrame], list[Answer]], *, limit_max: int
) -> Answer:
    if asked.one("start_time") is None:
        raise _refusal(400, "Missing required parameter: 'start_time'.", "missing_required_parameter")
    if asked.one("bucket_width") not in (None, "1d"):
        raise _refusal(400, "This stand-in has buckets of a day (bucket_width=1d).", "unsupported_value")
    limit = int(asked.one("limit") or 7)
    if not 1 <= limit <= limit_max:
        raise _refusal(400, f"Invalid 'limit': must be between 1 and {limit_max}.", "invalid_value")
    first = datetime.fromtimestamp(int(asked.one("start_time") or 0), UTC).date()
    end = datetime.fromtimestamp(int(asked.one("end_time") or 0), UTC).date() if asked.one("end_time") else None
    end = end or first + timedelta(days=limit)
    days, more = days_of_page(first, end, limit, asked.one("page"), lambda said: _refusal(400, said, "invalid_value"))
    by_day = accounts.by_day("openai", days)
    buckets = [
        {
            "object": "bucket",
            "start_time": int(start_of(day).timestamp()),
            "end_time": int(start_of(day + timedelta(days=1)).timestamp()),
            "results": results(by_day[day]),
        }
        for day in days
    ]
    return {"object": "page", "data": buckets, "has_more": more is not None, "next_page": more}


def _refusal(status: int, message: str, code: str | None) -> Refusal:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Refusal(status, {"error": error})


def too_many(seconds: int) -> Refusal:
    """What a caller that asks too fast is told."""
    said = _refusal(429, "Rate limit reached for organization usage.", "rate_limit_exceeded")
    return Refusal(said.status, said.body, (("Retry-After", str(seconds)),))
