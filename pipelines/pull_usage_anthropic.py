"""Anthropic's usage and cost reports of an organization, read with an admin key."""

from collections.abc import Iterator
from datetime import date, datetime

from pipelines.pull_usage_client import ReportClient, UsageReportRefused
from pipelines.pull_usage_reports import (
    PICO,
    DayStream,
    Line,
    Report,
    Source,
    cost_report,
    parts,
    pico,
    start_of,
    text,
    usage_report,
    whole,
)
from pricing.usage_sources.records import Record, inner
from store.provider_reports import Days
from store.usage_connections import CountsAs

VERSION = "2023-06-01"
USAGE, COSTS = "/v1/organizations/usage_report/messages", "/v1/organizations/cost_report"
REPORT_DAYS = 31  # the most buckets of a day in one answer
_UNITS = {
    "uncached_input_tokens": "input_uncached_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m_tokens",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    "output_tokens": "output_text_tokens",
}
_CENT = PICO // 100


def _buckets(client: ReportClient, path: str, days: Days, groups: tuple[str, ...]) -> Iterator[tuple[date, Record]]:
    """Every result of every page with the UTC day of its bucket."""
    asked = [
        ("starting_at", f"{start_of(days.first):%Y-%m-%dT%H:%M:%SZ}"),
        ("ending_at", f"{start_of(days.end):%Y-%m-%dT%H:%M:%SZ}"),
        ("bucket_width", "1d"),
        ("limit", str(REPORT_DAYS)),
        *(("group_by[]", name) for name in groups),
    ]
    page: str | None = None
    while True:
        answer = client.get(path, [*asked, ("page", page)] if page else asked)
        for bucket in parts(answer, "data"):
            day = datetime.fromisoformat(text(bucket, "starting_at") or "").date()
            for result in parts(bucket, "results"):
                yield day, result
        following = text(answer, "next_page")
        if not answer.get("has_more") or following is None:
            return
        if following == page:
            raise UsageReportRefused(f"Anthropic names the same page of {path} again and again.")
        page = following


def _usage(client: ReportClient, days: Days) -> Report:
    groups = ("model", "service_tier", "inference_geo", "api_key_id", "workspace_id")
    return usage_report([_used(day, result) for day, result in _buckets(client, USAGE, days, groups)])


def _used(day: date, result: Record) -> Line:
    """Input is without what the cache gave and took; thinking is output like any other, and requests are not counted."""
    written = inner(result, "cache_creation")
    region = text(result, "inference_geo")
    return {
        "day": day,
        "provider": "anthropic",
        "model": text(result, "model"),
        "service_tier": text(result, "service_tier") or "standard",
        "region": None if region == "not_available" else region,
        "api_key": text(result, "api_key_id"),
        "project": text(result, "workspace_id"),
        "input_uncached_tokens": whole(result, "uncached_input_tokens"),
        "cache_read_tokens": whole(result, "cache_read_input_tokens"),
        "cache_write_5m_tokens": whole(written, "ephemeral_5m_input_tokens"),
        "cache_write_1h_tokens": whole(written, "ephemeral_1h_input_tokens"),
        "output_text_tokens": whole(result, "output_tokens"),
        "search_requests": whole(inner(result, "server_tool_use"), "web_search_requests"),
    }


def _costs(client: ReportClient, days: Days) -> Report:
    found = _buckets(client, COSTS, days, ("workspace_id", "description"))
    return cost_report([_cost(day, result) for day, result in found])


def _cost(day: date, result: Record) -> Line:
    """The amount is a decimal string in cents: "123.45" is 1.2345 dollars."""
    currency = (text(result, "currency") or "USD").lower()
    if currency != "usd":
        raise UsageReportRefused(f"Anthropic bills {day} in {currency.upper()}; its costs are known in USD only.")
    billed = pico(result.get("amount") or 0, scale=_CENT)
    kind = text(result, "cost_type") or "not told apart"
    unit = "search_requests" if kind == "web_search" else _UNITS.get(text(result, "token_type") or "")
    return {
        "day": day,
        "provider": "anthropic",
        "model": text(result, "model"),
        "service_tier": text(result, "service_tier") or "standard",
        "project": text(result, "workspace_id"),
        "line_item": text(result, "description") or kind,
        "charge_category": "usage",
        "unit": unit,
        "currency": currency,
        "cost_pico_usd": billed,
        "billed_pico": billed,
    }


SOURCE = Source(
    "anthropic",
    "Anthropic",
    CountsAs.BILL,
    (DayStream("messages", _usage, REPORT_DAYS, 3), DayStream("cost_report", _costs, REPORT_DAYS, 40)),
)
