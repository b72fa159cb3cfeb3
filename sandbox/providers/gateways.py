"""What stands between the company and its providers: OpenRouter's activity, LiteLLM's, Langfuse's and Helicone's single calls."""

import base64
import binascii
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from sandbox.providers.account import Accounts
from sandbox.providers.answers import Answer, Asked, Refusal, dollars
from sandbox.providers.meter import UNLOGGED_PROJECT
from sandbox.providers.prices import UNITS, midnight, rates

# OpenRouter shows the last thirty days that are over; the demo company buys Mistral's models there.
ACTIVITY_DAYS = 30
BOUGHT_AT_OPENROUTER = "mistral"
LANGFUSE_LIMIT, LITELLM_LIMIT, HELICONE_LIMIT = 1000, 100, 1000


def activity(accounts: Accounts, asked: Asked) -> Answer:
    """`GET /api/v1/activity`: by day and endpoint, with the dollars that it took, and no word on cached tokens."""
    if not asked.headers.get("authorization", "").startswith("Bearer sk-or-"):
        raise Refusal(401, {"error": {"message": "No auth credentials found", "code": 401}})
    today = accounts.moment().date()
    first, end = today - timedelta(days=ACTIVITY_DAYS), today
    if asked.one("date"):
        asked_for = date.fromisoformat(asked.one("date") or "")
        if not first <= asked_for < end:
            raise Refusal(400, {"error": {"message": "Date must be within the last 30 completed days", "code": 400}})
        first, end = asked_for, asked_for + timedelta(days=1)
    lines = accounts.lines(BOUGHT_AT_OPENROUTER, first, end).filter(pl.col("project") != UNLOGGED_PROJECT)
    costs = [pl.col(f"{unit}_pico_usd") for unit in UNITS]
    sums = (
        lines.group_by("day", "model")
        .agg(
            pl.sum_horizontal("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h").sum().alias("prompt"),
            pl.col("output", "requests").sum(),
            pl.sum_horizontal(costs).sum().alias("pico_usd"),
        )
        .sort("day", "model", descending=[True, False])
    )
    rows = [
        {
            "date": f"{row['day']} 00:00:00",
            "model": f"mistralai/{row['model']}",
            "model_permaslug": f"mistralai/{row['model']}",
            "endpoint_id": f"ep-{row['model']}",
            "provider_name": "Mistral",
            "usage": float(dollars(row["pico_usd"])),
            "byok_usage_inference": 0,
            "requests": row["requests"],
            "prompt_tokens": row["prompt"],
            "completion_tokens": row["output"],
            "reasoning_tokens": 0,
        }
        for row in sums.iter_rows(named=True)
    ]
    return {"data": rows}


def spend_logs(accounts: Accounts, asked: Asked) -> Answer:
    """`GET /spend/logs/v2` of a LiteLLM proxy: rows of its spend table, page by page."""
    if not asked.headers.get("authorization", "").startswith("Bearer sk-"):
        raise Refusal(
            401,
            {"error": {"message": "Authentication Error, No api key passed in.", "type": "auth_error", "code": "401"}},
        )
    page, size = int(asked.one("page") or 1), min(LITELLM_LIMIT, int(asked.one("page_size") or 50))
    span = [
        _moment(asked.one(name), Refusal(400, {"error": {"message": f"{name} is required"}}))
        for name in ("start_date", "end_date")
    ]
    calls = accounts.calls(*span)
    shown = calls.slice((page - 1) * size, size)
    return {
        "data": [_spend_log(row) for row in shown.iter_rows(named=True)],
        "total": calls.height,
        "page": page,
        "page_size": size,
        "total_pages": -(-calls.height // size),
    }


def _spend_log(row: Answer) -> Answer:
    written = row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"]
    extra = {"cache_read_input_tokens": row["cache_read_tokens"], "cache_creation_input_tokens": written}
    split = {"cache_creation_token_details": {"ephemeral_1h_input_tokens": row["cache_write_1h_tokens"]}}
    return {
        "request_id": row["event_id"],
        "call_type": "acompletion",
        "api_key": row["api_key"],
        "spend": float(dollars(_pico_usd(row))),
        "total_tokens": row["input_tokens"] + row["output_tokens"],
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "startTime": row["occurred_at"].isoformat(),
        "endTime": row["occurred_at"].isoformat(),
        "model": row["model"],
        "custom_llm_provider": row["provider"],
        "end_user": row["customer_id"],
        "cache_hit": "False",
        "status": "success",
        "metadata": {"additional_usage_values": {**extra, "prompt_tokens_details": split}},
    }


def observations(accounts: Accounts, asked: Asked) -> Answer:
    """`GET /api/public/v2/observations` of Langfuse: buckets that exclude each other, the cursor in `meta`."""
    scheme, _, given = asked.headers.get("authorization", "").partition(" ")
    try:
        names = base64.b64decode(given, validate=True).decode() if scheme == "Basic" else ""
    except (ValueError, binascii.Error):
        names = ""
    if not (names.startswith("pk-lf-") and ":sk-lf-" in names):
        raise Refusal(401, {"message": "Invalid credentials. Confirm that you've configured the correct host."})
    missing = Refusal(400, {"message": "Invalid request data"})
    first, end = (_moment(asked.one(name), missing) for name in ("fromStartTime", "toStartTime"))
    limit = min(LANGFUSE_LIMIT, int(asked.one("limit") or 50))
    cursor = asked.one("cursor")
    done = int(base64.b64decode(cursor)) if cursor else 0
    calls = accounts.calls(first, end)
    shown = [_observation(row) for row in calls.slice(done, limit).iter_rows(named=True)]
    more = done + limit < calls.height
    return {"data": shown, "meta": {"cursor": base64.b64encode(str(done + limit).encode()).decode()} if more else {}}


def _observation(row: Answer) -> Answer:
    written = row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"]
    usage = {
        "input": row["input_tokens"] - row["cache_read_tokens"] - written,
        "cache_read_input_tokens": row["cache_read_tokens"],
        "input_cache_creation_5m": row["cache_write_5m_tokens"],
        "input_cache_creation_1h": row["cache_write_1h_tokens"],
        "output": row["output_tokens"] - row["reasoning_tokens"],
        "output_reasoning_tokens": row["reasoning_tokens"],
    }
    return {
        "id": row["event_id"],
        "traceId": f"trace-{row['event_id']}",
        "type": "GENERATION",
        "name": row["feature"],
        "level": "DEFAULT",
        "startTime": row["occurred_at"].isoformat(),
        "endTime": row["occurred_at"].isoformat(),
        "userId": row["customer_id"],
        "providedModelName": row["model"],
        "metadata": {"ls_provider": row["provider"]},
        "usageDetails": {**usage, "total": row["input_tokens"] + row["output_tokens"]},
    }


def requests(_accounts: Accounts, asked: Asked) -> Answer:
    """`POST /v1/request/query-clickhouse` of Helicone: a filter over `request_response_rmt`, by offset and limit."""
    if not asked.headers.get("authorization", "").startswith("Bearer sk-helicone-"):
        raise Refusal(401, {"error": "Invalid API key"})
    bounds = _bounds(asked.sent.get("filter", {}))
    calls = _accounts.calls(_moment(bounds.get("gte"), _HELICONE_WANTS), _moment(bounds.get("lt"), _HELICONE_WANTS))
    offset, limit = int(asked.sent.get("offset", 0)), min(HELICONE_LIMIT, int(asked.sent.get("limit", 10)))
    return {"data": [_request(row) for row in calls.slice(offset, limit).iter_rows(named=True)], "error": None}


_HELICONE_WANTS = Refusal(400, {"error": "filter: request_created_at needs gte and lt"})


def _bounds(node: Any) -> dict[str, str]:
    """The bounds of request_created_at anywhere in a tree of ands."""
    if not isinstance(node, dict):
        return {}
    own = node.get("request_response_rmt", {}).get("request_created_at", {})
    return {**_bounds(node.get("left")), **_bounds(node.get("right")), **own}


def _request(row: Answer) -> Answer:
    written = row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"]
    return {
        "request_id": row["event_id"],
        "request_created_at": row["occurred_at"].isoformat(),
        "response_status": 200,
        "request_user_id": row["customer_id"],
        "request_properties": {"feature": row["feature"]},
        "request_model": row["model"],
        "response_model": row["model"],
        "provider": row["provider"].upper(),
        "prompt_tokens": row["input_tokens"] - row["cache_read_tokens"] - written,
        "prompt_cache_read_tokens": row["cache_read_tokens"],
        "prompt_cache_write_tokens": written,
        "completion_tokens": row["output_tokens"],
        "total_tokens": row["input_tokens"] + row["output_tokens"],
        "costUSD": float(dollars(_pico_usd(row))),
    }


def _pico_usd(row: Answer) -> int:
    """What one call cost by the catalogue; 0 where nobody lists a price, as gateways say it."""
    listed = rates(row["provider"], row["model"], row["service_tier"], midnight(row["occurred_at"].date()))
    reached = [rate for rate in listed if row["input_tokens"] > rate.above_input_tokens]
    if not reached:
        return 0
    written = row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"]
    units = {
        "uncached_input": row["input_tokens"] - row["cache_read_tokens"] - written,
        "cache_read": row["cache_read_tokens"],
        "cache_write_5m": row["cache_write_5m_tokens"],
        "cache_write_1h": row["cache_write_1h_tokens"],
        "output": row["output_tokens"],
        "requests": row["requests"],
    }
    return sum(quantity * reached[-1].pico_usd[unit] for unit, quantity in units.items())


def _moment(text: str | None, missing: Refusal) -> datetime:
    if text is None:
        raise missing
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def sent(body: bytes) -> Any:
    """The JSON of a request; nothing for an empty one."""
    return json.loads(body) if body else {}
