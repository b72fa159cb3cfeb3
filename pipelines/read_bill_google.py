"""Google's billing export (standard or detailed, from BigQuery) to lines of cost: credits netted, tax and adjustments apart."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from pipelines.pull_usage_client import UsageReportRefused
from pipelines.pull_usage_reports import PICO, Line, pico
from pricing.google_skus import read_sku
from pricing.usage_sources.records import Record, decoded

# Other services of Google stand in the same export and are no cost of models.
AI_SERVICES = frozenset({"gemini api", "generative language api", "vertex ai"})
_CATEGORIES = {"regular": "usage", "tax": "tax", "adjustment": "adjustment", "rounding_error": "adjustment"}


def account_of(record: Record) -> str:
    """The billing account that a row belongs to."""
    return str(_field(record, "billing_account_id") or "main")


def is_of_models(record: Record) -> bool:
    """Whether a row is for models; a tax or adjustment names the service that it is for, too."""
    service = str(_field(record, "service.description") or "").lower()
    return service in AI_SERVICES or "gemini" in str(_field(record, "sku.description") or "").lower()


def to_line(record: Record) -> Line:
    """A row as a line of cost in its UTC day. Raises UsageReportRefused, with the values, when it cannot be one."""
    description = str(_field(record, "sku.description") or "")
    cost_type = str(_field(record, "cost_type") or "regular")
    category = _CATEGORIES.get(cost_type)
    if category is None:
        raise UsageReportRefused(f"cost_type is {cost_type!r}, which is none of {', '.join(_CATEGORIES)}")
    sku = read_sku(description)
    credit = sum(pico(each.get("amount") or 0) for each in _credits(record))
    billed = pico(_field(record, "cost") or 0) + credit
    rate = _rate(record)
    return {
        "day": _day(record),
        "provider": "google",
        "model": sku.model,
        "service_tier": sku.service_tier,
        "project": _text(record, "project.id"),
        "line_item": description or cost_type,
        "charge_category": category,
        "unit": sku.unit,
        "quantity": None if sku.unit is None or category != "usage" else _quantity(record),
        "currency": (_text(record, "currency") or "USD").lower(),
        "cost_pico_usd": pico(Decimal(billed) / rate, scale=1),
        "credit_pico_usd": pico(Decimal(credit) / rate, scale=1),
        "billed_pico": billed,
        "invoice_id": _text(record, "invoice.month"),
    }


def _field(record: Record, name: str) -> object:
    """A field as BigQuery nests it, or as exports flatten it: `sku.description`, `sku_description`."""
    value: object = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        value = record.get(name, record.get(name.replace(".", "_")))
    return None if value == "" else value


def _text(record: Record, name: str) -> str | None:
    value = _field(record, name)
    return None if value is None else str(value)


def _credits(record: Record) -> list[Mapping[str, object]]:
    """What was given back, each a negative amount; in CSV they are JSON."""
    written = given = _field(record, "credits")
    if isinstance(written, str):
        try:
            given = decoded(written)
        except ValueError:
            raise UsageReportRefused(f"credits ({written[:80]!r}) are no JSON") from None
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise UsageReportRefused(f"credits ({str(given)[:80]!r}) are no list of credits")
    return given


def _rate(record: Record) -> Decimal:
    """How many units of the bill's currency a dollar was worth."""
    currency = _text(record, "currency") or "USD"
    told = _text(record, "currency_conversion_rate")
    if told is None and currency.upper() == "USD":
        return Decimal(1)
    try:
        rate = Decimal(told or "")
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise UsageReportRefused(
            f"the row is in {currency} and its currency_conversion_rate ({told}) does not say what a dollar was worth"
        )
    return rate


def _quantity(record: Record) -> int | None:
    """Tokens and searches are counted in ones; anything else is no quantity of ours."""
    amount, unit = _text(record, "usage.amount"), _text(record, "usage.unit")
    if amount is None or unit not in {"count", "requests"}:
        return None
    whole = Decimal(amount)
    return int(whole) if whole == whole.to_integral_value() and 0 <= whole < PICO * 1000 else None


def _day(record: Record) -> object:
    told = _text(record, "usage_start_time")
    try:
        at = datetime.fromisoformat((told or "").replace(" UTC", "+00:00"))
    except ValueError:
        raise UsageReportRefused(f"usage_start_time ({told!r}) is no moment") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).date()
