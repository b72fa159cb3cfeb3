"""Reads when each source of data last succeeded: pulls and imports by their freshness, webhooks by the inbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from store import freshness, usage_connections
from store.schema import stripe_inbox

WEBHOOKS = "webhooks"


@dataclass(frozen=True)
class SourceRuns:
    """A source, its last successes (oldest first), and what the last try said where it failed."""

    name: str
    successes: Sequence[datetime]
    trouble: str | None


def source_runs(connection: Connection, *, webhooks_since: datetime) -> list[SourceRuns]:
    """Every source that has ever succeeded, by name; connections that are no longer open are left out.

    Webhooks come in bursts, so that each hour with some counts once.
    """
    open_ones = {known.source for known in usage_connections.read(connection)}
    found = [
        SourceRuns(
            source.source,
            source.recent_successes,
            source.message if source.status is freshness.Status.FAILED else None,
        )
        for source in freshness.read(connection)
        if ":" not in source.source or source.source in open_ones or source.source.startswith("stripe: ")
    ]
    inbox = stripe_inbox.c
    hour = func.date_trunc("hour", inbox.received_at)
    last_of_hours = connection.scalars(
        select(func.max(inbox.received_at))
        .where(inbox.source == "webhook", inbox.received_at >= webhooks_since)
        .group_by(hour)
        .order_by(hour)
    ).all()
    return [
        *(each for each in found if each.successes),
        *([SourceRuns(WEBHOOKS, last_of_hours, None)] if last_of_hours else []),
    ]
