"""Reconciliation: our copies and the sums of money against Stripe, in runs that may be stopped and gone on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pipelines.pull_stripe_backfill import PullProgress
from pipelines.pull_stripe_client import StripePullError, StripeReader
from pipelines.pull_stripe_pages import Pull
from pipelines.reconcile_copies import SERVICE, check_lists, confirm
from pipelines.reconcile_money import CHARGE_SIDE, check_money
from pipelines.reconcile_repair import repair_wanted
from store import discrepancies, reconciliation_runs
from store.database import Engine, tenant_transaction
from store.failpoints import reach
from store.turns import RECONCILIATION, alone

THREADS = 1  # a run is in no hurry, and leaves Stripe's limits to the pull
RESUMED_FOR = timedelta(hours=12)


class RunUnderWay(StripePullError):
    """Somebody else compares this account now; it will be done when they are."""


@dataclass(frozen=True)
class Report:
    """What a run looked at, by kind, what it could not read, and the discrepancies that are open after it, by kind.

    `pending` are objects that changed so lately that the news of it may be on its way.
    """

    checked: Mapping[str, int]
    refused: Mapping[str, str]
    open: Mapping[str, int]
    pending: int
    gone: int


def reconcile(
    engine: Engine,
    tenant_id: UUID,
    reader: StripeReader,
    *,
    now: datetime,
    started_by: str = SERVICE,
    tell: PullProgress | None = None,
) -> Report:
    """Compare everything, or go on with a run that was asked for or stopped in the last twelve hours.

    Raises a StripePullError after noting it at the run; the next call goes on from the last page that was compared. Raises
    RunUnderWay while another process compares.
    """
    with alone(engine, tenant_id, RECONCILIATION) as is_alone:
        if not is_alone:
            raise RunUnderWay("A reconciliation is under way already; wait until it is done.")
        return _reconcile(engine, tenant_id, reader, now, started_by, tell)


def _reconcile(
    engine: Engine, tenant_id: UUID, reader: StripeReader, now: datetime, started_by: str, tell: PullProgress | None
) -> Report:
    with tenant_transaction(engine, tenant_id) as connection:
        run = reconciliation_runs.begin(connection, tenant_id, by=started_by, now=now, resume_since=now - RESUMED_FOR)
    pull = Pull(engine, tenant_id, reader, now, THREADS)
    try:
        run = check_lists(pull, run, tell)
        reach("reconcile.lists_compared")
        pending = confirm(pull, run)
        reach("reconcile.confirmed")
        run = check_money(pull, run)
    except StripePullError as trouble:
        with tenant_transaction(engine, tenant_id) as connection:
            reconciliation_runs.note_trouble(connection, run, str(trouble))
        raise
    unread = set(run.refused)
    if unread & CHARGE_SIDE:  # the sums that these take part in were not checked either
        unread |= CHARGE_SIDE
    with tenant_transaction(engine, tenant_id) as connection:
        gone = discrepancies.end_unseen(connection, run.run_id, but_kinds=sorted(unread), now=now, by=SERVICE)
        run = reconciliation_runs.finish(connection, run, now=now)
        return Report(run.checked, run.refused, discrepancies.counts(connection), pending, gone)


def attend(engine: Engine, tenant_id: UUID, reader: StripeReader, *, now: datetime) -> int:
    """Do what people asked for: repairs first, then a run, also one whose process died; returns how much that was.

    A run that Stripe stopped waits until somebody asks again, or for the night.
    """
    done = repair_wanted(engine, tenant_id, reader, now=now)
    with tenant_transaction(engine, tenant_id) as connection:
        asked = reconciliation_runs.newest(connection, states=("wanted", "running"))
    if asked is None or asked.trouble is not None:
        return done
    try:
        reconcile(engine, tenant_id, reader, now=now, started_by=asked.started_by)
    except RunUnderWay:
        return done
    return done + 1
