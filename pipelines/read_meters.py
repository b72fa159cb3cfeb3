"""Reads what Stripe says of meter events: its sums by day, and the events that it found wrong after it had taken them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

METERS = "/v1/billing/meters"
SUMMARIES = "/v1/billing/meters/{meter_id}/event_summaries"
EVENTS = "/v2/core/events"
ERROR_TYPES = ("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")


class Reader(Protocol):
    """What may read from Stripe: `pipelines.pull_stripe_client.StripeReader`."""

    def read(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """One object or page."""
        ...

    def pages_after(self, path: str, parameters: Mapping[str, Any], cursor: str | None) -> list[dict[str, Any]]:
        """All objects of a list."""
        ...


def active_meters(reader: Reader) -> dict[str, dict[str, Any]]:
    """Stripe's meters that take events, by event name."""
    return {one["event_name"]: one for one in reader.pages_after(METERS, {"status": "active"}, None)}


def units_by_day(reader: Reader, meter_id: str, customer_id: str, since: datetime, until: datetime) -> dict[date, int]:
    """What a customer's events come to by UTC day in [since, until), both at midnight; days without events are left out."""
    given = {
        "customer": customer_id,
        "start_time": int(since.timestamp()),
        "end_time": int(until.timestamp()),
        "value_grouping_window": "day",
    }
    rows = reader.pages_after(SUMMARIES.format(meter_id=meter_id), given, None)
    # Stripe gives the sum as a JSON number; the values that we send are whole.
    return {datetime.fromtimestamp(row["start_time"], UTC).date(): round(row["aggregated_value"]) for row in rows}


def reported_errors(reader: Reader, since: datetime) -> dict[str, tuple[str, str]]:
    """Identifiers of events that Stripe took and then did not count since then, with its code and its sentence."""
    found: dict[str, tuple[str, str]] = {}
    page: str | None = None
    given = {"types": list(ERROR_TYPES), "created": {"gte": since.astimezone(UTC).isoformat()}, "limit": 100}
    while True:
        answer = reader.read(EVENTS, given if page is None else {"page": page, "limit": 100})
        for thin in answer["data"]:
            found |= errors_of(reader.read(f"{EVENTS}/{thin['id']}", {}))
        page = _next_page(answer)
        if page is None:
            return found


def errors_of(event: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The identifiers that an event names, each with code and sentence; only samples are named where there are very many."""
    types = ((event.get("data") or {}).get("reason") or {}).get("error_types") or []
    return {
        sample["request"]["identifier"]: (kind["code"], sample["error_message"])
        for kind in types
        for sample in kind.get("sample_errors") or []
    }


def _next_page(answer: Mapping[str, Any]) -> str | None:
    url = answer.get("next_page_url")
    return None if not url else parse_qs(urlsplit(str(url)).query)["page"][0]
