"""What the recovery page shows beside a case: the failures of a period with their tries, and the AI cost burned meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, func, select

from store.recovery_cases import RecoveryCase
from store.schema import recovery_attempts, recovery_cases
from store.warehouse_reads import Warehouse

# "Per day now" is the mean of so many days up to the last one with usage.
RECENT_DAYS = 7


@dataclass(frozen=True)
class Failure:
    """A failed invoice as the figures need it, in minor units of `currency`; `tries` counts all, the first failure included."""

    case_id: UUID
    customer_id: str | None
    currency: str
    amount_minor: int
    state: str
    failed_at: datetime
    ended_at: datetime | None
    recovered_minor: int | None
    attribution: str | None
    tries: int

    @property
    def retries(self) -> int:
        """Tries after the first one."""
        return max(self.tries - 1, 0)


@dataclass(frozen=True)
class UsageCost:
    """AI cost in pico-USD while an invoice was unpaid, and per day lately; events of that time without a price are counted apart."""

    since_pico_usd: int
    per_day_pico_usd: int
    unpriced_events: int


def failures(
    connection: Connection,
    *,
    failed_since: datetime | None = None,
    ended_since: datetime | None = None,
    states: Sequence[str] | None = None,
) -> list[Failure]:
    """Cases that failed since a moment, that ended since one, that are in some states: by all that is given; oldest first."""
    case, attempt = recovery_cases.c, recovery_attempts.c
    counted = (
        select(attempt.tenant_id, attempt.case_id, func.count().label("tries"))
        .group_by(attempt.tenant_id, attempt.case_id)
        .subquery()
    )
    wanted = (
        select(
            case.case_id,
            case.customer_id,
            case.currency,
            case.amount_minor,
            case.state,
            case.failed_at,
            case.ended_at,
            case.recovered_minor,
            case.attribution,
            func.coalesce(counted.c.tries, 0).label("tries"),
        )
        .join(counted, (counted.c.tenant_id == case.tenant_id) & (counted.c.case_id == case.case_id), isouter=True)
        .order_by(case.failed_at, case.case_id)
    )
    if failed_since is not None:
        wanted = wanted.where(case.failed_at >= failed_since)
    if ended_since is not None:
        wanted = wanted.where(case.ended_at >= ended_since)
    if states is not None:
        wanted = wanted.where(case.state.in_(states))
    return [Failure(**row._asdict()) for row in connection.execute(wanted)]


def unpaid_days(case: Failure | RecoveryCase) -> tuple[str, date, date] | None:
    """Whose usage counts as burned, from which day to which (UTC, both included); None without a customer."""
    if case.customer_id is None:
        return None
    return case.customer_id, case.failed_at.date(), case.ended_at.date() if case.ended_at else date.max


def usage_costs(warehouse: Warehouse, cases: Sequence[Failure | RecoveryCase]) -> Mapping[UUID, UsageCost]:
    """The AI cost of each case's customer while the invoice was unpaid, and per day over the last week of known usage."""
    days = {case.case_id: span for case in cases if (span := unpaid_days(case)) is not None}
    if not days:
        return {}
    rows = warehouse.rows(
        """with wanted as (
            select unnest($1) as case_id, unnest($2) as customer_id, unnest($3)::date as first, unnest($4)::date as last),
        newest as (select max(day) as day from usage_cube)
        select w.case_id,
            coalesce(sum(u.cost_pico_usd) filter (u.day between w.first and w.last), 0) as cost,
            coalesce(sum(u.cost_pico_usd) filter (u.day > n.day - $5::integer), 0) as recent,
            coalesce(sum(u.events) filter (u.day between w.first and w.last and u.cost_pico_usd is null), 0) as unpriced
        from wanted w cross join newest n left join usage_cube u on u.customer_id = w.customer_id
        group by w.case_id""",
        [
            [str(case_id) for case_id in days],
            [customer_id for customer_id, _, _ in days.values()],
            [first.isoformat() for _, first, _ in days.values()],
            [last.isoformat() for _, _, last in days.values()],
            RECENT_DAYS,
        ],
    )
    return {
        UUID(row["case_id"]): UsageCost(int(row["cost"]), int(row["recent"]) // RECENT_DAYS, int(row["unpriced"]))
        for row in rows.iter_rows(named=True)
    }
