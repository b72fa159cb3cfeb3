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


class AlertNight:
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


def live_through(night: AlertNight) -> None:
    """Live the weeks, and then days on which nothing happens."""
    with night_tenant(night) as connection:
        message_channels.keep(connection, night.tenant_id, [OPS], now=_at(FIRST, 0))
    for number in range(DAYS + QUIET_DAYS):
        today = FIRST + timedelta(days=number)
        if number < DAYS:
            _happen(night, today)
        else:
            night.late.clear()
            night.floors.clear()
        for hour in (6, 15) if night.random.random() < 0.3 else (6,):
            _look(night, today, hour)
            if number < DAYS and night.random.random() < 0.3:
                _answer(night, _at(today, hour + 1))


def _happen(night: AlertNight, today: date) -> None:
    random = night.random
    for subject in (*CUSTOMERS, COMPANY):
        if random.random() < 0.25:
            night.truth[subject, today] = random.choice((210, 300, 320, 700, 1_500))
            night.story.append(f"{today} {subject.key} costs ${night.truth[subject, today]}")
    if random.random() < 0.3:
        night.late[today - timedelta(days=random.randint(1, 5))] = random.randint(1, 4)
    night.late = {day: looks - 1 for day, looks in night.late.items() if looks > 1}
    known = [key for key in night.truth if key[1] < today]
    if known and random.random() < 0.3:  # it turns out differently
        key = random.choice(known)
        if random.random() < 0.4:
            del night.truth[key]
        else:
            night.truth[key] = random.choice((250, 900))
        night.story.append(f"{today} {key[0].key} of {key[1]} costs ${night.truth.get(key, 100)} after all")
    if random.random() < 0.4:
        night.floors |= {today + timedelta(days=each) for each in range(random.randint(1, 4))}


def _look(night: AlertNight, today: date, hour: int) -> None:
    """A new version is published and looked at, perhaps by a process that dies on the way."""
    night.version += 1
    if night.random.random() < 0.35:
        place = f"alerts.{night.random.choice(PLACES)}"

        def die(reached: str) -> None:
            if reached == place:
                raise Killed

        night.story.append(f"{today} {hour}:00 the look at version {night.version} dies at {place}")
        try:
            with armed(die):
                _find(night, today, hour)
        except Killed:
            night.version += night.random.randint(0, 1)
    _find(night, today, hour)
    _note(night, f"{today} {hour}:00 version {night.version}")


def _find(night: AlertNight, today: date, hour: int) -> None:
    at = _at(today, hour)
    nowhere = Path("no-such-version")
    view = Warehouse(night.nothing, nowhere, night.version, str(night.tenant_id), "Acme", "usd", at, at, None)
    late = [LateDay(day, None, "late") for day in night.late]
    with (
        mock.patch.object(job, "open_current", return_value=view),
        mock.patch.object(job, "detect", return_value=Detected(night.findings(today), late, 3, 3)),
        mock.patch.object(job, "watch", return_value=night.levels(today)),
        mock.patch.object(job, "explain", return_value=0),
    ):
        run = job.find_alerts(night.engine, nowhere, night.tenant_id, now=at)
    if run.troubles:
        night.broken.append(f"{today}: {run.troubles}")


def _answer(night: AlertNight, now: datetime) -> None:
    """Somebody answers one of the alerts, in some way."""
    with night_tenant(night) as connection:
        known = alert_reads.begun_since(connection, FIRST)
    if not known:
        return
    alert = night.random.choice(sorted(known, key=lambda each: (each.opened_at, each.subject_key)))
    days = timedelta(days=night.random.randint(1, 6))
    answers: list[tuple[Callable[..., StoredAlert], list[object]]] = [
        (deeds.confirm, []),
        (deeds.mark_expected, []),
        (deeds.mark_not_an_issue, []),
        (deeds.plan_until, [(now + days).date()]),
        (deeds.snooze, [now + days]),
        (deeds.assign, ["Ada"]),
        (deeds.reopen, []),
    ]
    deed, given = night.random.choice(answers)
    night.story.append(f"{now} {deed.__name__} {alert.subject_key} of {alert.first_day}")
    for _ in range(2):  # and clicks twice
        try:
            with night_tenant(night) as connection:
                deed(connection, night.tenant_id, alert.alert_id, *given, principal=SAM, now=now)
        except AlertRefused as refused:
            night.story.append(f"    {refused}")
    _note(night, f"{now} {deed.__name__}")


def _note(night: AlertNight, what: str) -> None:
    """Hold each alert's row against how it was before and what its steps say since."""
    with night_tenant(night) as connection:
        rows = {alert.alert_id: alert for alert in alert_reads.begun_since(connection, FIRST)}
        told: dict[UUID, list[Step]] = {id_: [] for id_ in rows}
        for row in connection.execute(select(alert_steps).order_by(alert_steps.c.position)):
            told[row.alert_id].append(Step(row.step, row.at, row.who, row.why))
    for id_, alert in rows.items():
        before, new = night.before.get(id_), told[id_][len(night.told.get(id_, [])) :]
        named = ("state", "verdict", "planned_until", "snoozed_until", "assigned_to")
        is_changed = before is None or any(getattr(alert, name) != getattr(before, name) for name in named)
        if is_changed and not new:
            night.broken.append(f"{what}: {alert.subject_key} of {alert.first_day} changed without a step")
        if len(told[id_]) > len({(step.step, step.at, step.why) for step in told[id_]}):
            night.broken.append(f"{what}: {alert.subject_key} of {alert.first_day} was told the same step twice")
    gone = night.before.keys() - rows.keys()
    if gone:
        night.broken.append(f"{what}: {len(gone)} alerts have vanished")
    night.before, night.told = rows, told
    night.story.append(f"{what}: {[(each.subject_key, str(each.first_day), each.state) for each in rows.values()]}")


@contextmanager
def night_tenant(night: AlertNight) -> Iterator[Connection]:
    """The tenant's transaction."""
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        yield connection


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)
