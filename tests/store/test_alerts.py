"""Alerts as rows: one open one per subject, whole numbers of any size, days that stay to be read, and nobody else's."""

from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from pricing.alert_feedback import NORMAL_FOR, Tuning
from store import alert_reads, alerts
from store.alerts import DetectionRun
from store.database import tenant_transaction
from tests.alert_fixtures import BIG, DAY, NOW, PICO, found, stored

HUGE = 12_345_678_901 * PICO  # more dollars than 64 bits hold as pico-USD


def test_an_alert_comes_back_as_it_was_written_and_no_stranger_sees_it(
    engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    with tenant_transaction(engine, tenant) as connection:
        made = stored(connection, tenant, found(usd=300), actual=HUGE)
        alerts.explain(connection, made.alert_id, explanation={"actual_pico_usd": HUGE}, version=7, sentence="Said so.")
    with tenant_transaction(engine, tenant) as connection:
        (read,) = alert_reads.open_alerts(connection)
        (day,) = alert_reads.days(connection, made.alert_id)
    assert (read.actual, read.impact_minor, read.impact_pico_usd) == (HUGE, 20_000, 200 * PICO)  # 300 - 100
    assert (read.subject, read.subject_key, read.is_open) == (BIG, "customer|customer_id=cus_big", True)
    assert (read.sentence, read.explanation_version, read.explanation) == ("Said so.", 7, {"actual_pico_usd": HUGE})
    assert (day.day, day.actual, day.parts) == (DAY, 300 * PICO, {"usage_volume": 200 * PICO})
    with tenant_transaction(engine, mallory) as connection:
        assert alert_reads.one(connection, made.alert_id) is None
        assert (alert_reads.open_alerts(connection), alert_reads.days(connection, made.alert_id)) == ([], [])
        assert alert_reads.quality(connection, NOW).alerts == 0


def test_a_subject_has_one_open_alert_and_any_number_that_ended(engine: Engine, tenant: UUID) -> None:
    ended: dict[str, Any] = {"state": "resolved", "resolved_at": NOW, "resolved_why": "7 quiet days"}
    with tenant_transaction(engine, tenant) as connection:
        stored(connection, tenant, **ended)
        stored(connection, tenant, **ended)
        stored(connection, tenant)
    with (
        pytest.raises(IntegrityError, match="alerts_one_open_idx"),
        tenant_transaction(engine, tenant) as connection,
    ):
        stored(connection, tenant)


def test_a_day_is_restated_in_place_and_one_taken_back_stays_to_be_read(engine: Engine, tenant: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        made = stored(connection, tenant)
        next_day = found(DAY + timedelta(days=1), usd=250)
        alerts.put_days(connection, tenant, made.alert_id, {DAY: found(usd=310), next_day.day: next_day}, now=NOW)
        assert [day.actual for day in alert_reads.days(connection, made.alert_id)] == [310 * PICO, 250 * PICO]
        alerts.put_days(
            connection,
            tenant,
            made.alert_id,
            {next_day.day: next_day},
            taken_back=frozenset([next_day.day]),
            now=NOW,
        )
        assert [day.day for day in alert_reads.days(connection, made.alert_id)] == [DAY]
        everything = alert_reads.days_of(connection, [made.alert_id])[made.alert_id]
    assert [(day.day, day.is_taken_back) for day in everything] == [(DAY, False), (next_day.day, True)]


def test_the_precision_of_30_days_is_confirmed_over_answered_and_the_unanswered_are_told(
    engine: Engine, tenant: UUID
) -> None:
    verdicts = ["confirmed"] * 3 + ["not_an_issue", "expected", None]
    ended: dict[str, Any] = {"state": "resolved", "resolved_at": NOW, "resolved_why": "7 quiet days"}
    with tenant_transaction(engine, tenant) as connection:
        for verdict in verdicts:
            stored(connection, tenant, verdict=verdict, **ended)
        stored(connection, tenant, verdict="not_an_issue", opened_at=NOW - timedelta(days=31), **ended)
        few = alert_reads.quality(connection, NOW)
        stored(connection, tenant, verdict="confirmed", **ended)
        enough = alert_reads.quality(connection, NOW)
    assert (few.alerts, few.confirmed, few.not_an_issue, few.unlabelled) == (6, 3, 1, 1)
    assert few.precision is None  # 4 answers: too few to tell a share
    assert enough.precision == Fraction(4, 5)  # 4 confirmed of 4 + 1; expected counts on neither side


def test_a_run_is_unfinished_until_all_that_follows_is_done(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    late = {"openai": ["2026-11-23", "2026-11-24"]}
    run = DetectionRun(4, NOW, None, 12, 4_800, 1, 1, 0, late, {"margin_floor": "It failed."}, 0.5)
    with tenant_transaction(engine, tenant) as connection:
        assert alerts.last_run(connection) is None
        alerts.begin_run(connection, tenant, run)
        assert alerts.unfinished_versions(connection) == [4]
        assert alert_reads.late_sources(connection) == {"openai": [DAY - timedelta(days=1), DAY]}
        alerts.finish_runs(connection, [4], now=NOW, troubles={"explain": "It failed too."})
        assert alerts.unfinished_versions(connection) == []
        kept = alerts.last_run(connection)
    assert kept is not None
    assert (kept.finished_at, kept.troubles) == (NOW, {"margin_floor": "It failed.", "explain": "It failed too."})
    with tenant_transaction(engine, mallory) as connection:
        assert alerts.last_run(connection) is None


def test_a_tuning_holds_until_it_ends_or_is_taken_back(engine: Engine, tenant: UUID) -> None:
    tuning = Tuning(
        detector="cost_spike",
        subject_key=BIG.key,
        factor=Fraction(5, 4),
        impact_minor=20_000,
        level=200 * PICO,
        set_at=NOW,
        ends_at=NOW + NORMAL_FOR,
    )
    with tenant_transaction(engine, tenant) as connection:
        made = stored(connection, tenant)
        alerts.add_tuning(connection, tenant, tuning, because_of=made.alert_id)
        assert alerts.tunings(connection, NOW) == [tuning]
        assert alerts.tunings(connection, NOW + NORMAL_FOR) == []
        alerts.end_tunings(connection, because_of=made.alert_id, now=NOW)
        assert alerts.tunings(connection, NOW) == []
