"""Pulls Stripe into Postgres: everything once, then what events say has changed; safe to stop and to repeat at any point."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pipelines import pull_stripe_backfill, pull_stripe_events
from pipelines.pull_stripe_backfill import PullProgress, Tally
from pipelines.pull_stripe_client import StripeConfig, StripePullError, StripeReader
from pipelines.pull_stripe_events import EventsGone
from pipelines.pull_stripe_pages import Pull
from pipelines.pull_stripe_streams import EVENTS, SOURCE, STREAMS
from store import freshness, stripe_mirror, sync_windows
from store.database import Engine, tenant_transaction
from store.freshness import Status
from store.stripe_rows import KINDS

__all__ = ["PullProgress", "PullSummary", "StripeConfig", "StripePullError", "backfill", "sync"]


@dataclass(frozen=True)
class PullSummary:
    """What one pull brought.

    `rows` counts what was read by stream (`changes` are objects read again), `events` the events that were new, and
    `refused` has a sentence for each stream that the key may not read.
    """

    is_backfill: bool
    rows: dict[str, int] = field(default_factory=dict)
    events: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def sync(
    engine: Engine, tenant_id: UUID, config: StripeConfig, *, now: datetime, progress: PullProgress | None = None
) -> PullSummary:
    """Bring the mirror up to date: finish or begin the backfill where needed, then follow the events since.

    Raises a StripePullError, with the sentence to show, after noting it in the source's freshness.
    """
    with _pulling(engine, tenant_id, config, now, progress) as (pull, tally):
        is_backfill = not _is_backfilled(pull)
        if _is_planned(pull):
            pull_stripe_backfill.plan_new_lists(pull)
            pull_stripe_events.queue_money(pull)
        else:
            pull_stripe_backfill.begin(pull, tally)
        pull_stripe_backfill.finish(pull, tally)
        try:
            events = pull_stripe_events.follow(pull, tally)
        except EventsGone:
            is_backfill = True
            pull_stripe_backfill.begin(pull, tally)
            pull_stripe_backfill.finish(pull, tally)
            events = pull_stripe_events.follow(pull, tally)
    return PullSummary(is_backfill=is_backfill, rows=tally.rows, events=events, refused=tally.refused)


def backfill(
    engine: Engine, tenant_id: UUID, config: StripeConfig, *, now: datetime, progress: PullProgress | None = None
) -> PullSummary:
    """Read everything at Stripe: go on with a backfill that was stopped, or else begin a new one. Raises as `sync`."""
    with _pulling(engine, tenant_id, config, now, progress) as (pull, tally):
        if _is_backfilled(pull) or not _is_planned(pull):
            pull_stripe_backfill.begin(pull, tally)
        pull_stripe_backfill.finish(pull, tally)
    return PullSummary(is_backfill=True, rows=tally.rows, refused=tally.refused)


@contextmanager
def _pulling(
    engine: Engine, tenant_id: UUID, config: StripeConfig, now: datetime, progress: PullProgress | None
) -> Iterator[tuple[Pull, Tally]]:
    """A pull whose attempt and outcome are noted in the freshness of the source, whatever the outcome is."""
    with tenant_transaction(engine, tenant_id) as connection:
        freshness.record(connection, SOURCE, status=Status.RUNNING, now=now)
    tally = Tally(progress)
    try:
        with StripeReader(config) as reader:
            pull = Pull(engine, tenant_id, reader, now, config.threads)
            yield pull, tally
            _note_success(pull, tally)
    except Exception as trouble:
        with tenant_transaction(engine, tenant_id) as connection:
            freshness.record(connection, SOURCE, status=Status.FAILED, now=now, message=str(trouble))
        raise


def _note_success(pull: Pull, tally: Tally) -> None:
    """Freshness of the whole, and of each stream that may not be read or could not be before."""
    # Without events nothing can be followed, so a pull without them does not make the mirror any fresher.
    status = Status.FAILED if EVENTS.name in tally.refused else Status.OK
    message = " ".join(tally.refused[name] for name in sorted(tally.refused)) or None
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        freshness.record(
            connection,
            SOURCE,
            status=status,
            now=pull.now,
            latest_record_at=stripe_mirror.newest_created(connection, EVENTS.kind),
            rows_total=sum(stripe_mirror.row_count(connection, kind) for kind in KINDS),
            message=message,
        )
        known = {item.source for item in freshness.read(connection)}
        for stream in STREAMS:
            source = f"{SOURCE}: {stream.words}"
            if stream.name in tally.refused:
                sentence = tally.refused[stream.name]
                freshness.record(connection, source, status=Status.FAILED, now=pull.now, message=sentence)
            elif source in known:
                freshness.record(connection, source, status=Status.OK, now=pull.now)


def _is_planned(pull: Pull) -> bool:
    """Whether a backfill has ever been begun."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        return sync_windows.read_state(connection, SOURCE) is not None


def _is_backfilled(pull: Pull) -> bool:
    """Whether the last backfill that was begun is complete."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        state = sync_windows.read_state(connection, SOURCE)
    return state is not None and state.backfill_completed_at is not None
