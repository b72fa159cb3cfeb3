"""Weeks of alerts from a seed: spikes that come and go, data that come late or differently, answers, and runs that die anywhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from unittest import mock
from uuid import UUID

import duckdb
from sqlalchemy import Engine, select

from billing import alerts as deeds
from billing.alerts import AlertRefused
from billing.principals import Principal
from pipelines import find_alerts as job
from pipelines.detect_spikes import Detected
from pricing.anomaly_lateness import LateDay
from pricing.finding import Finding, Subject
from store import alert_reads, message_channels
from store.alert_reads import StoredAlert
from store.channel_settings import Channel
from store.database import Connection, tenant_transaction
from store.failpoints import armed
from store.schema import alert_steps
from store.steps import Step
from store.warehouse_reads import Warehouse
from tests.alert_fixtures import found

FIRST = date(2026, 9, 1)
DAYS, QUIET_DAYS = 12, 9
SAM = Principal("sam", "support")
OPS = Channel("webhook", "ops", "https://ops.example", (b"s" * 32,))
CUSTOMERS = tuple(Subject(scope="customer", customer_id=f"cus_{letter}") for letter in "ab")
COMPANY = Subject(scope="company")
PLACES = ("detected", "written", "committed", "explained", "announced", "finished")


class Killed(BaseException):
    """The process died here: whatever its transaction had not committed is gone."""


class AlertWeeks:
    """One tenant's weeks. `truth` is what each subject's days would cost if all data had come, `late` what has not come yet."""

    def __init__(self, seed: int, engine: Engine, tenant_id: UUID) -> None:
        """Weeks that have not begun."""
        self.random = Random(seed)
        self.engine, self.tenant_id = engine, tenant_id
        self.truth: dict[tuple[Subject, date], int] = {}
        self.floors: set[date] = set()
        self.late: dict[date, int] = {}
        self.version = 0
        self.nothing = duckdb.connect()
        self.story: list[str] = []
        self.broken: list[str] = []
        self.before: dict[UUID, StoredAlert] = {}
        self.told: dict[UUID, list[Step]] = {}

    def findings(self, today: date) -> list[Finding]:
        """What the detectors find: a company's spike is because of its first customer that has one."""
        spikes = []
        for (subject, day), usd in self.truth.items():
            if day > today or day in self.late:
                continue
            leaders = [each.key for each in CUSTOMERS if (each, day) in self.truth]
            facts = {"parent": leaders[0]} if subject == COMPANY and leaders else {}
            spikes.append(found(day, subject, usd=usd, score=usd / 200, facts=facts, is_provisional=day == today))
        return spikes

    def levels(self, today: date) -> list[Finding]:
        """A customer below its margin's floor, while it is."""
        given = {"detector": "margin_floor", "unit": "ppm", "actual": 350_000, "expected": 400_000, "score": 1.2}
        return [found(today, CUSTOMERS[0], **given)] if today in self.floors else []  # type: ignore[arg-type]  # fields


def live_through(weeks: AlertWeeks) -> None:
    """Live the weeks, and then days on which nothing happens."""
    with tenant_of(weeks) as connection:
        message_channels.keep(connection, weeks.tenant_id, [OPS], now=_at(FIRST, 0))
    for number in range(DAYS + QUIET_DAYS):
        today = FIRST + timedelta(days=number)
        if number < DAYS:
            _happen(weeks, today)
        else:
            weeks.late.clear()
            weeks.floors.clear()
        for hour in (6, 15) if weeks.random.random() < 0.3 else (6,):
            _look(weeks, today, hour)
            if number < DAYS and weeks.random.random() < 0.3:
                _answer(weeks, _at(today, hour + 1))


def _happen(weeks: AlertWeeks, today: date) -> None:
    random = weeks.random
    for subject in (*CUSTOMERS, COMPANY):
        if random.random() < 0.25:
            weeks.truth[subject, today] = random.choice((210, 300, 320, 700, 1_500))
            weeks.story.append(f"{today} {subject.key} costs ${weeks.truth[subject, today]}")
    if random.random() < 0.3:
        weeks.late[today - timedelta(days=random.randint(1, 5))] = random.randint(1, 4)
    weeks.late = {day: looks - 1 for day, looks in weeks.late.items() if looks > 1}
    known = [key for key in weeks.truth if key[1] < today]
    if known and random.random() < 0.3:  # it turns out differently
        key = random.choice(known)
        if random.random() < 0.4:
            del weeks.truth[key]
        else:
            weeks.truth[key] = random.choice((250, 900))
        weeks.story.append(f"{today} {key[0].key} of {key[1]} costs ${weeks.truth.get(key, 100)} after all")
    if random.random() < 0.4:
        weeks.floors |= {today + timedelta(days=each) for each in range(random.randint(1, 4))}


def _look(weeks: AlertWeeks, today: date, hour: int) -> None:
    """A new version is published and looked at, perhaps by a process that dies on the way."""
    weeks.version += 1
    if weeks.random.random() < 0.35:
        place = f"alerts.{weeks.random.choice(PLACES)}"

        def die(reached: str) -> None:
            if reached == place:
                raise Killed

        weeks.story.append(f"{today} {hour}:00 the look at version {weeks.version} dies at {place}")
        try:
            with armed(die):
                _find(weeks, today, hour)
        except Killed:
            weeks.version += weeks.random.randint(0, 1)
    _find(weeks, today, hour)
    _note(weeks, f"{today} {hour}:00 version {weeks.version}")


def _find(weeks: AlertWeeks, today: date, hour: int) -> None:
    at = _at(today, hour)
    nowhere = Path("no-such-version")
    view = Warehouse(weeks.nothing, nowhere, weeks.version, str(weeks.tenant_id), "Acme", "usd", at, at, None)
    late = [LateDay(day, None, "late") for day in weeks.late]
    with (
        mock.patch.object(job, "open_current", return_value=view),
        mock.patch.object(job, "detect", return_value=Detected(weeks.findings(today), late, 3, 3)),
        mock.patch.object(job, "watch", return_value=weeks.levels(today)),
        mock.patch.object(job, "explain", return_value=0),
    ):
        run = job.find_alerts(weeks.engine, nowhere, weeks.tenant_id, now=at)
    if run.troubles:
        weeks.broken.append(f"{today}: {run.troubles}")


def _answer(weeks: AlertWeeks, now: datetime) -> None:
    """Somebody answers one of the alerts, in some way."""
    with tenant_of(weeks) as connection:
        known = alert_reads.begun_since(connection, FIRST)
    if not known:
        return
    alert = weeks.random.choice(sorted(known, key=lambda each: (each.opened_at, each.subject_key)))
    days = timedelta(days=weeks.random.randint(1, 6))
    answers: list[tuple[Callable[..., StoredAlert], list[object]]] = [
        (deeds.confirm, []),
        (deeds.mark_expected, []),
        (deeds.mark_not_an_issue, []),
        (deeds.plan_until, [(now + days).date()]),
        (deeds.snooze, [now + days]),
        (deeds.assign, ["Ada"]),
        (deeds.reopen, []),
    ]
    deed, given = weeks.random.choice(answers)
    weeks.story.append(f"{now} {deed.__name__} {alert.subject_key} of {alert.first_day}")
    for _ in range(2):  # and clicks twice
        try:
            with tenant_of(weeks) as connection:
                deed(connection, weeks.tenant_id, alert.alert_id, *given, principal=SAM, now=now)
        except AlertRefused as refused:
            weeks.story.append(f"    {refused}")
    _note(weeks, f"{now} {deed.__name__}")


def _note(weeks: AlertWeeks, what: str) -> None:
    """Hold each alert's row against how it was before and what its steps say since."""
    with tenant_of(weeks) as connection:
        rows = {alert.alert_id: alert for alert in alert_reads.begun_since(connection, FIRST)}
        told: dict[UUID, list[Step]] = {id_: [] for id_ in rows}
        for row in connection.execute(select(alert_steps).order_by(alert_steps.c.position)):
            told[row.alert_id].append(Step(row.step, row.at, row.who, row.why))
    for id_, alert in rows.items():
        before, new = weeks.before.get(id_), told[id_][len(weeks.told.get(id_, [])) :]
        named = ("state", "verdict", "planned_until", "snoozed_until", "assigned_to")
        is_changed = before is None or any(getattr(alert, name) != getattr(before, name) for name in named)
        if is_changed and not new:
            weeks.broken.append(f"{what}: {alert.subject_key} of {alert.first_day} changed without a step")
        if len(told[id_]) > len({(step.step, step.at, step.why) for step in told[id_]}):
            weeks.broken.append(f"{what}: {alert.subject_key} of {alert.first_day} was told the same step twice")
    gone = weeks.before.keys() - rows.keys()
    if gone:
        weeks.broken.append(f"{what}: {len(gone)} alerts have vanished")
    weeks.before, weeks.told = rows, told
    weeks.story.append(f"{what}: {[(each.subject_key, str(each.first_day), each.state) for each in rows.values()]}")


@contextmanager
def tenant_of(weeks: AlertWeeks) -> Iterator[Connection]:
    """The tenant's transaction."""
    with tenant_transaction(weeks.engine, weeks.tenant_id) as connection:
        yield connection


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)
