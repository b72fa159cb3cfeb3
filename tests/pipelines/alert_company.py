"""The company of spiky_company as a tenant's published versions, one for each morning, and what is told of its alerts."""

from datetime import UTC, datetime, time
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from pipelines.find_alerts import AlertRun, find_alerts
from pricing.money import NANO
from store import alert_reads, message_channels, outgoing_mails
from store.alert_reads import StoredAlert
from store.channel_settings import Channel
from store.database import tenant_transaction
from store.outgoing_mails import OutgoingMail
from tests.pipelines.spiky_company import CUSTOMERS, ENTRIES, PICO_PER_TOKEN, Change, Row, day
from tests.store.warehouse_rows import publish_tables, with_usage

OPS = Channel("webhook", "ops", "https://ops.example", (b"s" * 32,))


def morning(number: int) -> datetime:
    """Six o'clock (UTC) of the day of that number."""
    return datetime.combine(day(number), time(6), UTC)


def publish_morning(home: Path, tenant: UUID, rows: list[Row], *changes: Change, number: int, version: int) -> None:
    """What is known in the morning of a day: all usage of the days before it, after the changes."""
    known: list[Row] = [row for row in rows if row["day"] < day(number)]
    for change in changes:
        known = [kept for row in known if (kept := change(row)) is not None]
    now = morning(number)
    newest = datetime.combine(max(row["day"] for row in known), datetime.max.time())
    prices = [{"service_tier": "standard", "input_uncached_tokens_pico_usd": PICO_PER_TOKEN} | one for one in ENTRIES]
    tables = with_usage(
        known,
        price_entries=prices,
        customers=[{"customer_id": customer, "name": customer[-1].upper() * 3} for customer in CUSTOMERS],
        freshness=[{"source": "usage", "latest_record_at": newest, "last_success_at": now, "status": "ok"}],
        meta=[{"as_of": now, "published_at": now}],
    )
    tables["usd_rates"] = [row | {"rate_nano": NANO} for row in tables["usd_rates"]]
    publish_tables(home, tables, tenant_id=tenant, slug=str(tenant), version=version, now=now)


def look(engine: Engine, home: Path, tenant: UUID, number: int) -> AlertRun:
    """Look for alerts in the morning of a day."""
    return find_alerts(engine, home, tenant, now=morning(number))


def listen(engine: Engine, tenant: UUID) -> None:
    """Let a webhook of the tenant hear of its alerts."""
    with tenant_transaction(engine, tenant) as connection:
        message_channels.keep(connection, tenant, [OPS], now=morning(0))


def known_alerts(engine: Engine, tenant: UUID) -> list[StoredAlert]:
    """All alerts of a tenant, newest first."""
    with tenant_transaction(engine, tenant) as connection:
        return alert_reads.begun_since(connection, day(0))


def told(engine: Engine, tenant: UUID) -> list[OutgoingMail]:
    """All messages about alerts."""
    with tenant_transaction(engine, tenant) as connection:
        kinds = ("alert.opened", "alert.worsened", "alert.resolved", "alerts.more")
        return outgoing_mails.of_kinds(connection, kinds, since=morning(0))
