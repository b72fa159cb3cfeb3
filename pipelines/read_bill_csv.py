"""Any provider's bill as a table: one row per day and what was billed; only day, provider and cost are needed."""

from datetime import date

from pipelines.pull_usage_client import UsageReportRefused
from pipelines.pull_usage_reports import Line, pico, text, whole
from pricing.usage import BUCKETS
from pricing.usage_sources.records import Record

REQUIRED = ("day", "provider", "cost")
COLUMNS = (
    *REQUIRED,
    "model",
    "service_tier",
    "line_item",
    "unit",
    "quantity",
    "currency",
    "invoice_id",
    "project",
    "charge_category",
)
CATEGORIES = ("usage", "credit", "tax", "adjustment")


def to_line(record: Record) -> Line:
    """A row as a line of cost. Raises UsageReportRefused, with the values, when it cannot be one."""
    provider, unit = text(record, "provider"), text(record, "unit")
    category = (text(record, "charge_category") or "usage").lower()
    currency = (text(record, "currency") or "usd").lower()
    if provider is None:
        raise UsageReportRefused("provider is empty")
    if text(record, "cost") is None:
        raise UsageReportRefused("cost is empty")
    if unit is not None and unit not in BUCKETS:
        raise UsageReportRefused(f"unit ({unit}) is none of {', '.join(BUCKETS)}; leave it empty where none fits")
    if category not in CATEGORIES:
        raise UsageReportRefused(f"charge_category ({category}) is none of {', '.join(CATEGORIES)}")
    if currency != "usd":
        raise UsageReportRefused(f"the row is in {currency.upper()}: give the cost in USD at the rate of the bill")
    billed = pico(record.get("cost"))
    model = text(record, "model")
    return {
        "day": _day(text(record, "day")),
        "provider": provider.lower(),
        "model": model,
        "service_tier": text(record, "service_tier") or "standard",
        "project": text(record, "project"),
        "line_item": text(record, "line_item") or " ".join(part for part in (model, unit) if part) or provider,
        "charge_category": category,
        "unit": unit,
        "quantity": None if text(record, "quantity") is None else whole(record, "quantity"),
        "currency": currency,
        "cost_pico_usd": billed,
        "billed_pico": billed,
        "invoice_id": text(record, "invoice_id"),
    }


def _day(told: str | None) -> date:
    try:
        return date.fromisoformat(told or "")
    except ValueError:
        raise UsageReportRefused(f"day ({told}) is no day such as 2026-11-01") from None
