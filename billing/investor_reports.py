"""Investor reports: what a closed month would say, locking it as a revision that never changes, and what has changed since."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID, uuid4

from billing.principals import Principal, Role
from pricing.investor_report import InvestorReport, Previous, canonical, report_from, sha256_of
from pricing.margin import cost_minor
from pricing.report_changes import Part, Totals, explain
from pricing.report_figures import Heading, assemble, trend_months
from pricing.report_ledger import Ledger, ledger_from
from store import audit, investor_reports, restatements, warehouse_report, warehouse_report_metrics
from store.database import Connection
from store.investor_reports import Snapshot
from store.restatements import Restatement
from store.warehouse_reads import Warehouse

MAY_LOCK: tuple[Role, ...] = ("founder", "finance")
REASON_MAX = 300


class ReportRefused(Exception):
    """What was asked of a report cannot be done; the sentence says why and what to do."""


class SnapshotDamaged(Exception):
    """A kept snapshot does not have the hash that it was locked with: somebody has changed the database itself."""


@dataclass(frozen=True)
class Standing:
    """A locked month against today's numbers: `parts` is empty where nothing has changed.

    `restatements` are the corrected prices written down since, newest first: who corrected what, and why.
    """

    snapshot: Snapshot
    then: Totals
    now: Totals
    parts: tuple[Part, ...]
    as_of: datetime
    warehouse_version: int
    restatements: tuple[Restatement, ...]


def may_lock(principal: Principal) -> bool:
    """Whether this role locks months and shares them; every other one only looks."""
    return principal.role in MAY_LOCK


def preview(warehouse: Warehouse, month: date) -> InvestorReport:
    """What the report of a closed month says today, unlocked. Raises ReportRefused."""
    return _assembled(warehouse, month)[0]


def lock(
    connection: Connection,
    warehouse: Warehouse,
    month: date,
    *,
    reason: str,
    after_revision: int,
    principal: Principal,
    now: datetime,
) -> Snapshot:
    """Keep the month as it stands as revision `after_revision` + 1, with its audit line, in the tenant's open transaction.

    `after_revision` is the latest one that whoever decides has seen (0 for none): a second click or another person's lock in
    between is refused and never makes a revision that nobody asked for. Raises ReportRefused.
    """
    reason = " ".join(reason.split())
    latest = _lockable(connection, month, reason, after_revision, principal)
    previous = None if latest is None else _previous(standing(connection, warehouse, latest))
    report, ledger = _assembled(warehouse, month, after_revision + 1, now, previous)
    content, facts = canonical(report), canonical(ledger)
    snapshot = Snapshot(
        snapshot_id=uuid4(),
        month=month,
        revision=report.revision,
        content_hash=sha256_of(content),
        ledger_hash=report.ledger_sha256,
        definitions_version=report.definitions_version,
        warehouse_version=report.warehouse_version,
        locked_at=now,
        locked_by=str(principal),
        reason=reason,
    )
    investor_reports.add(connection, snapshot, content=content, ledger=facts)
    _audit(connection, snapshot, latest)
    return snapshot


def _lockable(
    connection: Connection, month: date, reason: str, after_revision: int, principal: Principal
) -> Snapshot | None:
    """The latest revision, with the month held for this transaction. Raises ReportRefused."""
    if not may_lock(principal):
        raise ReportRefused(f"{principal} may look at reports; locking one takes a founder or finance.")
    if not 0 < len(reason) <= REASON_MAX:
        raise ReportRefused(
            f"Say in 1 to {REASON_MAX} characters why {month:%B %Y} is locked: it stands in the audit log."
        )
    investor_reports.hold_month(connection, month)
    latest = investor_reports.latest(connection, month)
    if (latest.revision if latest else 0) != after_revision:
        raise ReportRefused(
            f"{month:%B %Y} was locked meanwhile as revision {latest.revision if latest else 0}: look at it before locking again."
        )
    return latest


def _audit(connection: Connection, snapshot: Snapshot, before: Snapshot | None) -> None:
    audit.append(
        connection,
        at=snapshot.locked_at,
        principal=snapshot.locked_by,
        action="investor_report:lock",
        subject=f"investor_report:{snapshot.snapshot_id}",
        before=None if before is None else {"revision": before.revision, "content_hash": before.content_hash},
        after={
            "month": snapshot.month,
            "revision": snapshot.revision,
            "content_hash": snapshot.content_hash,
            "warehouse_version": snapshot.warehouse_version,
            "reason": snapshot.reason,
        },
    )


def report_of(connection: Connection, snapshot: Snapshot) -> InvestorReport:
    """The content of a locked month. Raises SnapshotDamaged where it is not what was locked."""
    return report_from(
        _sealed(investor_reports.content(connection, snapshot.snapshot_id), snapshot.content_hash, snapshot)
    )


def standing(connection: Connection, warehouse: Warehouse, snapshot: Snapshot) -> Standing:
    """What has changed in a locked month up to this version of the warehouse, by cause."""
    then = ledger_from(
        _sealed(investor_reports.ledger(connection, snapshot.snapshot_id), snapshot.ledger_hash, snapshot)
    )
    locked = _totals(report_of(connection, snapshot))
    ledger = warehouse_report.ledger(warehouse, snapshot.month)
    company = warehouse_report.company_months(warehouse, [snapshot.month])
    now = Totals(net_revenue_minor=0, cost_minor=0, margin=None)
    if company:
        margin = company[0].margin
        now = Totals(net_revenue_minor=company[0].net_revenue_minor, cost_minor=margin.cost_minor, margin=margin.share)
    return Standing(
        snapshot=snapshot,
        then=locked,
        now=now,
        parts=explain(then, ledger, locked, now),
        as_of=warehouse.as_of,
        warehouse_version=warehouse.version,
        restatements=tuple(
            one
            for one in restatements.read(connection, since=snapshot.locked_at)
            if one.first_day.replace(day=1) == snapshot.month
        ),
    )


def known(connection: Connection, snapshot_id: UUID) -> Snapshot:
    """The snapshot of this id. Raises ReportRefused when this tenant has none."""
    found = investor_reports.find(connection, snapshot_id)
    if found is None:
        raise ReportRefused(f"There is no locked report {snapshot_id}: `metering report list` shows those there are.")
    return found


def _assembled(
    warehouse: Warehouse,
    month: date,
    revision: int = 0,
    locked_at: datetime | None = None,
    previous: Previous | None = None,
) -> tuple[InvestorReport, Ledger]:
    months = trend_months(month)
    company = warehouse_report.company_months(warehouse, months)
    running = warehouse.as_of.date().replace(day=1)
    if month >= running:
        raise ReportRefused(
            f"{month:%B %Y} has not ended in what is published (as of {warehouse.as_of:%d %B %Y}): only a closed month is reported."
        )
    if not any(each.month == month for each in company):
        raise ReportRefused(f"There is neither revenue nor usage in {month:%B %Y}, so there is nothing to report.")
    ledger = warehouse_report.ledger(warehouse, month)
    heading = Heading(
        tenant_name=warehouse.tenant_name,
        month=month,
        currency=warehouse.reporting_currency,
        as_of=warehouse.as_of,
        warehouse_version=warehouse.version,
        definitions_version=ledger.definitions_version,
        revision=revision,
        locked_at=locked_at,
        previous=previous,
    )
    confidence = warehouse_report.confidence(warehouse, company[-1])
    subscriptions = warehouse_report_metrics.figures(warehouse, month)
    report = assemble(
        heading,
        company,
        warehouse_report.customer_months(warehouse, months[-2:]),
        warehouse_report.margin_history(warehouse, months),
        confidence,
        ledger,
        more_figures=subscriptions,
        more_definitions=warehouse_report_metrics.definitions() if subscriptions else (),
    )
    _agree(report, ledger)
    return report, ledger


def _agree(report: InvestorReport, ledger: Ledger) -> None:
    """Raise ReportRefused where the figures are not the sums of the facts kept behind them: nobody could explain a change later."""
    stated = _totals(report)
    cost = cost_minor(
        sum(fact.cost_pico_usd or 0 for fact in ledger.costs), ledger.currency, ledger.usd_rate_nano or 10**9
    )
    net = sum(fact.counted_minor for fact in ledger.revenue)
    if stated.cost_minor != cost or (stated.net_revenue_minor is not None and stated.net_revenue_minor != net):
        raise ReportRefused(
            f"The facts of {report.month:%B %Y} come to {net} and {cost} minor units, its figures to {stated.net_revenue_minor} and "
            f"{stated.cost_minor}: publish again with `metering refresh`."
        )


def _totals(report: InvestorReport) -> Totals:
    last = report.trend[-1]
    return Totals(net_revenue_minor=last.net_revenue_minor, cost_minor=last.cost_minor, margin=last.margin)


def _previous(stands: Standing) -> Previous:
    margin: Fraction | None = stands.then.margin
    return Previous(
        revision=stands.snapshot.revision,
        locked_at=stands.snapshot.locked_at,
        content_hash=stands.snapshot.content_hash,
        margin=margin,
        parts=stands.parts,
    )


def _sealed(text: str, expected: str, snapshot: Snapshot) -> str:
    if sha256_of(text) != expected:
        raise SnapshotDamaged(
            f"{snapshot.month:%B %Y}, revision {snapshot.revision}, was locked with hash {expected[:16]} and has "
            f"{sha256_of(text)[:16]} now: do not show it, and compare with a backup."
        )
    return text
