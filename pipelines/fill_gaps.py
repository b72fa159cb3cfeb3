"""Finds events that Stripe lists and that never came here, and puts them into the inbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from billing.inbox_rules import read_event
from pipelines.pull_stripe_client import Raw, StripeReader
from pipelines.pull_stripe_streams import EVENTS
from store import inbox, stripe_mirror
from store.database import Engine, tenant_transaction

LISTED_FOR = timedelta(days=30)
# Younger ones may still be on their way; Stripe's own first repetition comes later than that.
GRACE = timedelta(minutes=5)
# Stripe does not promise that its list is complete in the order of creation.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True)
class GapReport:
    """What a search looked at: from when until when, how many events Stripe lists there, and how many never came."""

    since: datetime
    until: datetime
    listed: int
    missed: int


def fill_gaps(engine: Engine, tenant_id: UUID, reader: StripeReader, *, now: datetime) -> GapReport:
    """Search Stripe's list from where the last search ended (at most 30 days back) until five minutes ago.

    A missed event enters the inbox as `backfill` and is handled like any other; one that a pull has followed already is not
    missed. Safe to kill and to repeat: every page is a transaction, and the mark moves when the last one is done.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        until_before = inbox.scanned_until(connection)
    until = now - GRACE
    since = max(now - LISTED_FOR, (until_before or now - LISTED_FOR) - OVERLAP)
    listed = missed = 0
    cursor: dict[str, str] = {}
    window = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
    has_more = True
    while has_more:
        page = reader.page(EVENTS.path, {"created": window, **cursor})
        listed += len(page.objects)
        missed += _store_missed(engine, tenant_id, page.objects, now)
        has_more = page.has_more and bool(page.objects)
        cursor = {"starting_after": page.objects[-1]["id"]} if page.objects else {}
    with tenant_transaction(engine, tenant_id) as connection:
        inbox.write_scan(connection, tenant_id, until=until, missed=missed, now=now)
    return GapReport(since, until, listed, missed)


def _store_missed(engine: Engine, tenant_id: UUID, events: list[Raw], now: datetime) -> int:
    """Store those of a page's events that neither came nor were followed; returns how many."""
    ids = [event["id"] for event in events]
    with tenant_transaction(engine, tenant_id) as connection:
        never_came = inbox.unknown_ids(connection, ids) & stripe_mirror.unknown_events(connection, ids)
        told = [read_event(msgspec.json.encode(event)) for event in events if event["id"] in never_came]
        return len(inbox.add(connection, tenant_id, told, source="backfill", endpoint=None, now=now))
