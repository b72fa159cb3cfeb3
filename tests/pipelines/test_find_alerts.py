"""The job that finds alerts: a spike from its first morning to its seventh quiet day, once whatever is repeated or killed."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, time
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import alerts as deeds
from billing.principals import SYSTEM
from pipelines import find_alerts as job
from store import alert_reads, alerts
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from store.steps import read_steps
from store.tenants import ensure_tenant
from store.turns import ALERT_RUN, alone
from tests.pipelines.alert_company import known_alerts, listen, look, morning, publish_morning, told
from tests.pipelines.spiky_company import calm_rows, day, times, without

ROWS = calm_rows(72)
# On day 60 one customer makes ten times as many requests of one model: $50 instead of about $5.
SPIKE = times(10, customer="cus_b", days=range(60, 61), model="gpt-4o")
LEADER = "customer_model|customer_id=cus_b|provider=openai|model=gpt-4o"
PLACES = (
    "alerts.detected",
    "alerts.written",
    "alerts.committed",
    "alerts.explained",
    "alerts.announced",
    "alerts.finished",
)


def states(engine: Engine, tenant: UUID) -> dict[str, str]:
    return {alert.subject_key: alert.state for alert in known_alerts(engine, tenant)}


def steps(engine: Engine, tenant: UUID, key: str) -> list[tuple[str, str | None]]:
    (alert,) = [one for one in known_alerts(engine, tenant) if one.subject_key == key]
    with tenant_transaction(engine, tenant) as connection:
        return [(step.step, step.why) for step in read_steps(connection, "alert", alert.alert_id)]


def test_a_spike_is_one_alert_from_its_first_morning_to_its_seventh_quiet_day(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    listen(engine, tenant)
    listen(engine, mallory)
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=60, version=1)
    assert look(engine, tmp_path, tenant, 60).opened == 0
    seen = []
    for version, number in ((2, 61), (3, 62), (4, 68)):
        publish_morning(tmp_path, tenant, ROWS, SPIKE, number=number, version=version)
        run = look(engine, tmp_path, tenant, number)
        assert run.troubles == {}
        seen.append(states(engine, tenant)[LEADER])
    assert seen == ["new", "ongoing", "resolved"]
    assert [step for step, _ in steps(engine, tenant, LEADER)] == ["opened", "ongoing", "resolved"]
    assert steps(engine, tenant, LEADER)[-1][1] == f"7 quiet days since {day(60)}."
    # Everything that went up because of it lies under it, and only it was told of: when it came and when it ended.
    (top,) = [alert for alert in known_alerts(engine, tenant) if alert.parent_alert_id is None]
    assert top.subject_key == LEADER
    assert {"company", "customer|customer_id=cus_b"} < {alert.subject_key for alert in known_alerts(engine, tenant)}
    assert sorted((each.asked_at, each.kind) for each in told(engine, tenant)) == [
        (morning(61), "alert.opened"),
        (morning(68), "alert.resolved"),
    ]
    assert look(engine, tmp_path, mallory, 68).version is None
    assert (known_alerts(engine, mallory), told(engine, mallory)) == ([], [])


def test_the_same_version_again_does_nothing_and_the_same_data_again_change_nothing(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    listen(engine, tenant)
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=1)
    first = look(engine, tmp_path, tenant, 61)
    before = known_alerts(engine, tenant)
    assert (first.opened, first.open) == (len(before), len(before))
    again = look(engine, tmp_path, tenant, 61)
    assert (again.opened, again.open) == (0, len(before))
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=2)
    assert look(engine, tmp_path, tenant, 61).opened == 0
    assert known_alerts(engine, tenant) == before
    assert len(told(engine, tenant)) == 1
    with tenant_transaction(engine, tenant) as connection:
        run = alerts.last_run(connection)
    assert run is not None
    assert (run.version, run.opened, run.finished_at) == (2, 0, morning(61))
    assert run.series_days > 0


def test_late_data_restate_a_day_and_a_missing_day_is_no_quiet_day(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    partly = times(6, customer="cus_b", days=range(60, 61), model="gpt-4o")
    publish_morning(tmp_path, tenant, ROWS, partly, number=61, version=1)
    look(engine, tmp_path, tenant, 61)
    publish_morning(tmp_path, tenant, ROWS, SPIKE, without(days=range(64, 65)), number=68, version=2)
    look(engine, tmp_path, tenant, 68)
    assert states(engine, tenant)[LEADER] == "ongoing"  # of the 7 days since, one has not come
    with tenant_transaction(engine, tenant) as connection:
        assert alert_reads.late_sources(connection) == {"all usage": [day(64)]}
    told_steps = [step for step, _ in steps(engine, tenant, LEADER)]
    assert told_steps == ["opened", "restated", "ongoing"]
    publish_morning(tmp_path, tenant, ROWS, number=69, version=3)
    look(engine, tmp_path, tenant, 69)
    assert steps(engine, tenant, LEADER)[-2:] == [
        ("day taken back", f"{day(60)}: with later data it is as usual."),
        ("resolved", "No day of it is unusual by what is known now."),
    ]


def test_a_first_look_makes_ended_alerts_of_the_past_and_tells_nobody(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    listen(engine, tenant)
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=71, version=1)
    run = look(engine, tmp_path, tenant, 71)
    (leader,) = [alert for alert in known_alerts(engine, tenant) if alert.subject_key == LEADER]
    assert (leader.state, leader.first_day, run.resolved) == ("resolved", day(60), 0)
    # It was to be known when day 60 had ended, and it was over when day 67 had: seven quiet days.
    assert leader.opened_at == datetime.combine(day(61), time.min, UTC)
    assert leader.resolved_at == datetime.combine(day(68), time.min, UTC)
    assert told(engine, tenant) == []


def test_a_detector_that_fails_ends_nothing_and_is_told_in_the_record(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=1)
    look(engine, tmp_path, tenant, 61)
    before = states(engine, tenant)
    publish_morning(tmp_path, tenant, ROWS, number=70, version=2)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no memory left")

    monkeypatch.setattr(job, "detect", broken)
    run = look(engine, tmp_path, tenant, 70)
    assert "no memory left" in run.troubles["cost_spike"]
    assert states(engine, tenant) == before
    with tenant_transaction(engine, tenant) as connection:
        kept = alerts.last_run(connection)
    assert kept is not None
    assert kept.troubles == run.troubles


def test_what_could_not_be_told_is_told_by_the_next_run(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(engine, tenant)
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=1)
    with monkeypatch.context() as patched:
        patched.setattr(job, "announce", lambda *_, **__: 1 / 0)
        assert "ZeroDivisionError" in look(engine, tmp_path, tenant, 61).troubles["messages"]
    assert (states(engine, tenant)[LEADER], told(engine, tenant)) == ("new", [])
    assert look(engine, tmp_path, tenant, 61).troubles == {}  # the same version: only what is left is done
    assert [each.kind for each in told(engine, tenant)] == ["alert.opened"]


def test_a_level_that_was_called_normal_rings_no_more_and_neither_does_what_is_because_of_it(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    listen(engine, tenant)
    shifted = times(10, customer="cus_b", days=range(60, 72), model="gpt-4o")
    publish_morning(tmp_path, tenant, ROWS, shifted, number=61, version=1)
    look(engine, tmp_path, tenant, 61)
    (leader,) = [alert for alert in known_alerts(engine, tenant) if alert.subject_key == LEADER]
    with tenant_transaction(engine, tenant) as connection:
        deeds.mark_expected(connection, tenant, leader.alert_id, principal=SYSTEM, now=morning(61))
    for version, number in ((2, 62), (3, 65), (4, 71)):
        publish_morning(tmp_path, tenant, ROWS, shifted, number=number, version=version)
        assert look(engine, tmp_path, tenant, number).open == 0
    assert [each.kind for each in told(engine, tenant)] == ["alert.opened"]


def test_two_processes_do_not_look_at_once(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=1)
    with alone(engine, tenant, ALERT_RUN):
        run = look(engine, tmp_path, tenant, 61)
    assert (run.version, run.message) == (None, "Alerts are being looked for already.")
    assert known_alerts(engine, tenant) == []


def die_at(place: str, app_url: str, home: Path, tenant: UUID) -> None:
    """A process that looks, and ends by SIGKILL at the place."""

    def hook(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    with armed(hook):
        job.find_alerts(open_engine(app_url), home, tenant, now=morning(61))


def die_everywhere(app_url: str, home: Path, tenants: dict[str, UUID]) -> None:
    """One process for each place, which looks at a tenant of its own and is killed there."""
    context = multiprocessing.get_context("fork")
    for place, tenant in tenants.items():
        process = context.Process(target=die_at, args=(place, app_url, home, tenant))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL


@pytest.mark.slow
def test_a_run_killed_anywhere_is_finished_by_the_next_and_told_once(
    engine: Engine, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    tenants = {place: ensure_tenant(engine, f"dies at {place}", "Acme", "usd") for place in PLACES}
    for tenant in tenants.values():
        listen(engine, tenant)
        publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=1)
    # Forked from here, a child would wait for threads of DuckDB that only this process has.
    clean = multiprocessing.get_context("spawn").Process(
        target=die_everywhere, args=(database_urls.app, tmp_path, tenants)
    )
    clean.start()
    clean.join(120)
    assert clean.exitcode == 0
    for tenant in tenants.values():
        publish_morning(tmp_path, tenant, ROWS, SPIKE, number=61, version=2)  # the next look is at a later version
        look(engine, tmp_path, tenant, 61)
        assert states(engine, tenant)[LEADER] == "new"
        assert [step for step, _ in steps(engine, tenant, LEADER)] == ["opened"]
        assert [each.kind for each in told(engine, tenant)] == ["alert.opened"]
        with tenant_transaction(engine, tenant) as connection:
            assert alerts.unfinished_versions(connection) == []
