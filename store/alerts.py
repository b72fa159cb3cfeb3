"""Writes alerts: episodes, their days, what answers tuned, and the runs that looked; one writer of a tenant at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from pricing.alert_feedback import Tuning
from pricing.finding import Finding
from store.alert_reads import ALERT_COLUMNS, StoredAlert, stored_alert
from store.schema import alert_days, alert_tunings, alerts, detection_runs

PPM = 1_000_000
SERVICE = "metering"

_runs = detection_runs.c
_tunings = alert_tunings.c


@dataclass(frozen=True)
class DetectionRun:
    """A look at one version. `late_days` by source, ISO 8601; `troubles` has a sentence for each detector that said nothing.

    `finished_at` is None until everything that follows from the findings was done too.
    """

    version: int
    ran_at: datetime
    finished_at: datetime | None
    series: int
    series_days: int
    findings: int
    opened: int
    resolved: int
    late_days: Mapping[str, Sequence[str]]
    troubles: Mapping[str, str]
    seconds: float


def take_turns(connection: Connection, tenant_id: UUID) -> None:
    """Let everybody else who changes this tenant's alerts wait until the transaction ends."""
    key = f"alerts:{tenant_id}"
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def add(connection: Connection, tenant_id: UUID, **fields: Any) -> StoredAlert:
    """A new alert; the caller holds the turn and knows that the subject has no open one. `alert_id` is made up where none is given."""
    values = {"alert_id": uuid4(), **fields, "tenant_id": tenant_id}
    return stored_alert(connection.execute(insert(alerts).values(**values).returning(*ALERT_COLUMNS)).one())


def change(connection: Connection, alert_id: UUID, *, now: datetime, **values: Any) -> StoredAlert:
    """Change an alert; the caller holds the turn."""
    row = connection.execute(
        update(alerts).where(alerts.c.alert_id == alert_id).values(changed_at=now, **values).returning(*ALERT_COLUMNS)
    ).one()
    return stored_alert(row)


def explain(
    connection: Connection, alert_id: UUID, *, explanation: Mapping[str, Any], version: int, sentence: str | None = None
) -> None:
    """Keep what an alert is made of, and the warehouse's version it was read from; a sentence where it says it better than the detector."""
    said = {} if sentence is None else {"sentence": sentence}
    connection.execute(
        update(alerts)
        .where(alerts.c.alert_id == alert_id)
        .values(explanation=dict(explanation), explanation_version=version, **said)
    )


def place(connection: Connection, alert_id: UUID, *, under: UUID | None) -> None:
    """Say which other alert this one is because of; none where it stands alone."""
    connection.execute(update(alerts).where(alerts.c.alert_id == alert_id).values(parent_alert_id=under))


def put_days(
    connection: Connection,
    tenant_id: UUID,
    alert_id: UUID,
    days: Mapping[date, Finding],
    *,
    taken_back: frozenset[date] = frozenset(),
    now: datetime,
) -> None:
    """Write an alert's days down, each in the place of what was known of it before."""
    names = ("is_provisional", "is_rise", "actual", "expected", "lower", "upper", "impact_minor", "score", "sentence")
    rows = [
        {
            "tenant_id": tenant_id,
            "alert_id": alert_id,
            "day": day,
            "is_taken_back": day in taken_back,
            "parts": dict(found.parts),
            "facts": dict(found.facts),
            "recorded_at": now,
            **{name: getattr(found, name) for name in names},
        }
        for day, found in days.items()
    ]
    if not rows:
        return
    written = upsert(alert_days).values(rows)
    replaced = {name: written.excluded[name] for name in rows[0] if name not in {"tenant_id", "alert_id", "day"}}
    connection.execute(written.on_conflict_do_update(index_elements=["tenant_id", "alert_id", "day"], set_=replaced))


def add_tuning(connection: Connection, tenant_id: UUID, tuning: Tuning, *, because_of: UUID) -> None:
    """Keep what an answer tuned."""
    connection.execute(
        insert(alert_tunings).values(
            tenant_id=tenant_id,
            tuning_id=uuid4(),
            detector=tuning.detector,
            subject_key=tuning.subject_key,
            factor_ppm=round(tuning.factor * PPM),
            impact_minor=tuning.impact_minor,
            level=tuning.level,
            is_rise=tuning.is_rise,
            because_of=because_of,
            set_at=tuning.set_at,
            ends_at=tuning.ends_at,
        )
    )


def end_tunings(connection: Connection, *, because_of: UUID, now: datetime) -> None:
    """Take back what the answers to an alert tuned."""
    _end(connection, _tunings.because_of == because_of, _tunings.subject_key != "", now=now)


def end_wide_tuning(connection: Connection, detector: str, *, now: datetime) -> None:
    """Take back what all subjects of a detector were tuned by."""
    _end(connection, _tunings.detector == detector, _tunings.subject_key == "", now=now)


def _end(connection: Connection, *conditions: Any, now: datetime) -> None:
    connection.execute(update(alert_tunings).where(*conditions, _tunings.ends_at > now).values(ends_at=now))


def tunings(connection: Connection, since: datetime) -> list[Tuning]:
    """What answers have tuned at a moment or later, in the order they were given."""
    rows = connection.execute(
        select(
            _tunings.detector,
            _tunings.subject_key,
            _tunings.factor_ppm,
            _tunings.impact_minor,
            _tunings.level,
            _tunings.is_rise,
            _tunings.set_at,
            _tunings.ends_at,
        )
        .where(_tunings.ends_at > since)
        .order_by(_tunings.set_at, _tunings.tuning_id)
    )
    return [
        Tuning(
            detector=row.detector,
            subject_key=row.subject_key,
            factor=Fraction(row.factor_ppm, PPM),
            impact_minor=row.impact_minor,
            level=None if row.level is None else int(row.level),
            is_rise=row.is_rise,
            set_at=row.set_at,
            ends_at=row.ends_at,
        )
        for row in rows
    ]


def begin_run(connection: Connection, tenant_id: UUID, run: DetectionRun) -> None:
    """Write down that a version was looked at, in the transaction that writes what was found."""
    values = {name: getattr(run, name) for name in DetectionRun.__dataclass_fields__}
    values |= {"late_days": {source: list(days) for source, days in run.late_days.items()}}
    connection.execute(insert(detection_runs).values(tenant_id=tenant_id, **values | {"troubles": dict(run.troubles)}))


def finish_runs(connection: Connection, versions: Sequence[int], *, now: datetime, troubles: Mapping[str, str]) -> None:
    """Write down that everything that follows from these runs was done, and what of it could not be."""
    connection.execute(
        update(detection_runs)
        .where(_runs.version.in_(versions), _runs.finished_at.is_(None))
        .values(finished_at=now, troubles=_runs.troubles.concat(dict(troubles)))
    )


def unfinished_versions(connection: Connection) -> list[int]:
    """The versions that were looked at and of which something is still to be done."""
    found = select(_runs.version).where(_runs.finished_at.is_(None)).order_by(_runs.version)
    return list(connection.execute(found).scalars())


def first_version_since(connection: Connection, moment: datetime) -> int | None:
    """The oldest version that was looked at since a moment; None where none was."""
    oldest: int | None = connection.scalar(select(func.min(_runs.version)).where(_runs.ran_at >= moment))
    return oldest


def last_run(connection: Connection) -> DetectionRun | None:
    """The look at the newest version; None before the first."""
    columns = [_runs[name] for name in DetectionRun.__dataclass_fields__]
    row = connection.execute(select(*columns).order_by(_runs.version.desc()).limit(1)).one_or_none()
    return None if row is None else DetectionRun(**row._asdict())


def last_finished(connection: Connection) -> datetime | None:
    """When the newest look began of which everything that follows is done; None before the first."""
    newest: datetime | None = connection.scalar(select(func.max(_runs.ran_at)).where(_runs.finished_at.is_not(None)))
    return newest
