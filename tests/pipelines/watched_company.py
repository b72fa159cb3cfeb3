"""A small company whose numbers a person can add up, published for real: invoices in the mirror, usage in the lake, one version."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from pipelines.import_usage import import_files
from pipelines.publish_warehouse import publish
from pricing.finding import Finding
from store import warehouse_reads
from store.warehouse_reads import Warehouse
from tests.pipelines.imported_usage import HEADER
from tests.store.stripe_money import Raw, invoice, keep, seconds

ACME, BROOK = "cus_acme", "cus_brook"
# November is closed: the last 30 days are its own, the 30 days before are 2 to 31 October.
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DOLLAR_TOKENS = 400_000  # of gpt-4o's input: $2.50 a million


def customer(id_: str, name: str) -> Raw:
    """A customer whose usage carries the id itself."""
    return {"id": id_, "object": "customer", "name": name, "created": seconds(1, 1), "metadata": {}}


def month_paid(customer_id: str, month: int, minor: int) -> Raw:
    """An invoice without tax or discount for all days of a month of 2026."""
    id_ = f"in_{customer_id}_{month}"
    line = {
        "id": f"il_{id_}",
        "object": "line_item",
        "invoice": id_,
        "description": "Plan",
        "currency": "usd",
        "amount": minor,
        "period": {"start": seconds(month, 1), "end": seconds(month + 1, 1)},
    }
    return invoice(
        id_,
        customer=customer_id,
        total=minor,
        total_excluding_tax=minor,
        status_transitions={"finalized_at": seconds(month, 1, 1)},
        lines={"object": "list", "data": [line], "has_more": False},
    )


def spent(customer_id: str, day: date, dollars: int, *, model: str = "gpt-4o") -> str:
    """A line of a usage file: one call that costs so many dollars."""
    tokens = dollars * DOLLAR_TOKENS
    return f"{customer_id}-{day}-{model},{day}T12:00:00Z,{customer_id},openai,{model},{tokens},0\n"


def steady_usage(*customers: str) -> list[str]:
    """Each costs a dollar on 1 October and $270 in the 30 days from 2 October on and in November, whose last day has a dollar of it."""
    october, november = (date(2026, 10, 20), 270), (date(2026, 11, 20), 269)
    days = ((date(2026, 10, 1), 1), october, november, (date(2026, 11, 30), 1))
    return [spent(who, day, dollars) for who in customers for day, dollars in days]


def published(engine: Engine, home: Path, tenant: UUID, objects: Iterable[Raw], usage: Iterable[str]) -> Warehouse:
    """The company as of NOW, in one version."""
    keep(engine, tenant, *objects)
    lines = "".join(usage)
    if lines:
        path = home / f"usage-{tenant}.csv"
        path.write_text(HEADER + lines, encoding="utf-8")
        import_files(engine, home, tenant, [path], mapping=None, now=NOW)
    publication = publish(engine, home, tenant, now=NOW)
    assert publication.is_published, publication.message
    view = warehouse_reads.open_current(home, tenant)
    assert view is not None
    return view


def failed_case(customer_id: str, failed_at: datetime) -> dict[str, Any]:
    """A case in recovery, of an invoice of $49.00 that failed then."""
    return {
        "invoice_id": f"in_{customer_id}_{failed_at:%d}",
        "customer_id": customer_id,
        "amount_minor": 49_00,
        "currency": "usd",
        "state": "scheduled",
        "owner": "ours",
        "decline_class": "later",
        "reason": "later",
        "sentence": "It is tried again.",
        "failed_at": failed_at,
        "opened_at": failed_at,
        "changed_at": failed_at,
        "try_number": 1,
        "tries_made": 1,
        "network_tries_left": 14,
        "policy_version": "rules-2026-11",
        "planned_mails": [],
    }


def of(found: list[Finding], detector: str) -> list[Finding]:
    return [each for each in found if each.detector == detector]


def two_customers() -> list[Raw]:
    """Acme and Brook pay $10.00 a day in October (31 days) and in November (30)."""
    paid = [month_paid(who, month, minor) for who in (ACME, BROOK) for month, minor in ((10, 310_00), (11, 300_00))]
    return [customer(ACME, "Acme"), customer(BROOK, "Brook"), *paid]


def their_usage() -> list[str]:
    """Acme costs $75 in October and $375 in November, Brook $270 in each; on 1 October there is a dollar of each."""
    acme = [spent(ACME, date(2026, 10, 20), 75), spent(ACME, date(2026, 11, 20), 374)]
    return [spent(ACME, date(2026, 10, 1), 1), *acme, spent(ACME, date(2026, 11, 30), 1), *steady_usage(BROOK)]
