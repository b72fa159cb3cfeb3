"""OpenRouter's activity by day and endpoint, read with a provisioning key: its dollars are the cost."""

from datetime import datetime

from pipelines.pull_usage_client import ReportClient
from pipelines.pull_usage_reports import DayStream, Line, Report, Source, parts, pico, text, usage_report, whole
from pipelines.pull_usage_reports import cost_report as cost_lines
from pricing.usage_sources.records import Record
from store.provider_reports import Days
from store.usage_connections import CountsAs

ACTIVITY = "/api/v1/activity"
# It shows the thirty UTC days that are over; what is older can be had no more.
SHOWN_DAYS = 31


def _activity(client: ReportClient, days: Days) -> Report:
    """All days that it shows in one answer; those outside of `days` were not asked for."""
    rows = [(datetime.fromisoformat(str(row["date"])).date(), row) for row in parts(client.get(ACTIVITY), "data")]
    asked = [(day, row) for day, row in rows if days.first <= day < days.end]
    usage = usage_report([{"day": day, **_used(row)} for day, row in asked])
    costs = cost_lines([{"day": day, **_cost(row)} for day, row in asked])
    return Report(usage.usage, costs.costs)


def _used(row: Record) -> Line:
    """Cached tokens are not told, so the cost cannot be computed again from these: its own dollars count."""
    return {
        "provider": "openrouter",
        "model": text(row, "model"),
        "input_uncached_tokens": whole(row, "prompt_tokens"),
        "output_text_tokens": whole(row, "completion_tokens"),
        "requests": whole(row, "requests"),
        "reported_cost_pico_usd": pico(row.get("usage") or 0),
    }


def _cost(row: Record) -> Line:
    billed = pico(row.get("usage") or 0)
    served_by = text(row, "provider_name") or "an endpoint not named"
    return {
        "provider": "openrouter",
        "model": text(row, "model"),
        "line_item": f"{text(row, 'model_permaslug') or text(row, 'model')} by {served_by}",
        "charge_category": "usage",
        "currency": "usd",
        "cost_pico_usd": billed,
        "billed_pico": billed,
    }


SOURCE = Source(
    "openrouter",
    "OpenRouter",
    CountsAs.BILL,
    (DayStream("activity", _activity, SHOWN_DAYS, SHOWN_DAYS, history_days=SHOWN_DAYS),),
)
