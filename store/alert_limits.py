"""The limits that a tenant has set for its detectors, by detector and subject key."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from pricing.finding import Detector
from pricing.watch_limits import LimitUnit
from store.schema import alert_limits

_table = alert_limits.c


@dataclass(frozen=True, kw_only=True)
class AlertLimit:
    """A limit in parts per million or in minor units of the reporting currency, who set it and when.

    `subject_key` is a subject's (pricing.finding.Subject.key), a scope for all its subjects, or empty for everything.
    """

    detector: Detector
    subject_key: str
    limit: int
    unit: LimitUnit
    set_by: str
    set_at: datetime


def read(connection: Connection) -> list[AlertLimit]:
    """All limits of the tenant, in order."""
    rows = connection.execute(select(alert_limits).order_by(_table.detector, _table.subject_key))
    return [
        AlertLimit(
            detector=cast("Detector", row.detector),
            subject_key=row.subject_key,
            limit=row.limit_minor if row.limit_ppm is None else row.limit_ppm,
            unit="minor" if row.limit_ppm is None else "ppm",
            set_by=row.set_by,
            set_at=row.set_at,
        )
        for row in rows
    ]


def put(connection: Connection, limit: AlertLimit) -> None:
    """Write a limit in the tenant's open transaction, in the place of the one that was there."""
    values = {
        "limit_ppm": limit.limit if limit.unit == "ppm" else None,
        "limit_minor": limit.limit if limit.unit == "minor" else None,
        "set_by": limit.set_by,
        "set_at": limit.set_at,
    }
    connection.execute(
        insert(alert_limits)
        .values(tenant_id=func.current_tenant_id(), detector=limit.detector, subject_key=limit.subject_key, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "detector", "subject_key"], set_=values)
    )


def remove(connection: Connection, detector: Detector, subject_key: str) -> bool:
    """Take a limit away; False when there was none."""
    gone = connection.execute(
        delete(alert_limits).where(_table.detector == detector, _table.subject_key == subject_key)
    )
    return gone.rowcount > 0
