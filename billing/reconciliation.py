"""What a person does with reconciliation: ask for a run or a repair, or put a discrepancy aside; each with an audit line."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.principals import Principal
from store import audit, discrepancies, reconciliation_runs
from store.database import Connection
from store.reconciliation_runs import Run


class ReasonMissing(Exception):
    """A discrepancy may not be ignored without saying why."""


def ask_for_run(connection: Connection, tenant_id: UUID, *, principal: Principal, now: datetime) -> Run:
    """Let the worker compare everything now; one that waits or is under way is not asked for twice."""
    before = reconciliation_runs.newest(connection, states=("wanted", "running"))
    run = reconciliation_runs.ask(connection, tenant_id, by=str(principal), now=now)
    if before is None or before.run_id != run.run_id:
        _write(connection, principal, "reconciliation:ask", str(run.run_id), now)
    return run


def ask_for_repair(
    connection: Connection,
    *,
    principal: Principal,
    now: datetime,
    ids: Sequence[UUID] | None = None,
    kind: str | None = None,
) -> int:
    """Let the worker fetch again what open discrepancies are about: those named, all of a kind, or all; how many."""
    asked = discrepancies.want_repair(connection, ids, kind=kind, by=str(principal))
    if asked:
        named = str(ids[0]) if ids is not None and len(ids) == 1 else f"{asked} discrepancies"
        _write(connection, principal, "discrepancy:ask_for_repair", named, now, {"count": asked, "kind": kind})
    return asked


def ignore(connection: Connection, discrepancy_id: UUID, *, principal: Principal, reason: str, now: datetime) -> bool:
    """Put one aside for as long as it stays the same; False when it is not open any more. Raises ReasonMissing."""
    why = " ".join(reason.split())
    if not why:
        raise ReasonMissing("Say why it is ignored: it is not shown again while it stays as it is.")
    done = discrepancies.ignore(connection, discrepancy_id, reason=why, by=str(principal), now=now)
    if done:
        _write(connection, principal, "discrepancy:ignore", str(discrepancy_id), now, {"reason": why})
    return done


def _write(
    connection: Connection,
    principal: Principal,
    action: str,
    subject: str,
    now: datetime,
    after: dict[str, object] | None = None,
) -> None:
    audit.append(connection, at=now, principal=str(principal), action=action, subject=subject, after=after)
