"""What people answer to alerts: each answer once, with its step, its audit line and what it tunes, and by those who may."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from billing import alerts
from billing.alerts import AlertNotFound, AlertRefused
from billing.principals import Principal
from pricing.alert_feedback import NORMAL_FOR
from pricing.finding import Subject
from store import alert_reads, audit
from store import alerts as rows
from store.alert_reads import StoredAlert
from store.database import tenant_transaction
from store.steps import Step, read_steps
from tests.alert_fixtures import DAY, NOW, PICO, found, stored

SAM = Principal("sam", "support")
COMPANY, MODEL = Subject(scope="company"), Subject(scope="model", provider="openai", model="gpt-5")
Deed = Callable[..., StoredAlert]
DEEDS: list[tuple[Deed, list[Any]]] = [
    (alerts.confirm, []),
    (alerts.mark_expected, []),
    (alerts.plan_until, [DAY + timedelta(days=30)]),
    (alerts.mark_not_an_issue, []),
    (alerts.snooze, [NOW + timedelta(days=3)]),
    (alerts.assign, ["Ada"]),
]
NAMES = [deed.__name__ for deed, _ in DEEDS]


def do(engine: Engine, tenant: UUID, deed: Deed, alert_id: UUID, *given: Any, who: Principal = SAM) -> StoredAlert:
    with tenant_transaction(engine, tenant) as connection:
        return deed(connection, tenant, alert_id, *given, principal=who, now=NOW, note="as agreed")


def make(engine: Engine, tenant: UUID, **fields: Any) -> UUID:
    with tenant_transaction(engine, tenant) as connection:
        return stored(connection, tenant, **fields).alert_id


def steps(engine: Engine, tenant: UUID, alert_id: UUID) -> list[Step]:
    with tenant_transaction(engine, tenant) as connection:
        return read_steps(connection, "alert", alert_id)


@pytest.mark.parametrize(("deed", "given"), DEEDS, ids=NAMES)
def test_an_answer_given_twice_at_once_makes_one_step_and_one_audit_line(
    engine: Engine, tenant: UUID, mallory: UUID, deed: Deed, given: list[Any]
) -> None:
    alert_id = make(engine, tenant)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: do(engine, tenant, deed, alert_id, *given), range(2))
    assert first == second
    (step,) = steps(engine, tenant, alert_id)
    assert (step.who, step.at) == ("sam (support)", NOW)
    assert step.why is not None
    assert step.why.endswith(" as agreed")
    with tenant_transaction(engine, tenant) as connection:
        assert audit.verify(connection).rows == 1
    with pytest.raises(AlertNotFound, match=str(alert_id)):
        do(engine, mallory, deed, alert_id, *given)


@pytest.mark.parametrize(("deed", "given"), [*DEEDS, (alerts.reopen, [])], ids=[*NAMES, "reopen"])
def test_viewers_answer_nothing_and_nobody_answers_what_is_not_there(
    engine: Engine, tenant: UUID, deed: Deed, given: list[Any]
) -> None:
    alert_id = make(engine, tenant)
    with pytest.raises(AlertRefused, match="A viewer does not answer alerts"):
        do(engine, tenant, deed, alert_id, *given, who=Principal("vic", "viewer"))
    assert steps(engine, tenant, alert_id) == []
    with pytest.raises(AlertNotFound):
        do(engine, tenant, deed, uuid4(), *given)


@pytest.mark.parametrize(
    ("deed", "given", "state", "why"),
    [
        (alerts.confirm, [], "new", None),
        (alerts.mark_expected, [], "resolved", "Called the new normal."),
        (alerts.plan_until, [date(2026, 12, 24)], "resolved", "Planned until 2026-12-24."),
        (alerts.mark_not_an_issue, [], "resolved", "Called no issue."),
    ],
    ids=["real", "expected", "planned", "no issue"],
)
def test_an_answer_ends_the_alert_unless_it_is_real_and_taking_it_back_opens_it_again(
    engine: Engine, tenant: UUID, deed: Deed, given: list[Any], state: str, why: str | None
) -> None:
    alert_id = make(engine, tenant)
    answered = do(engine, tenant, deed, alert_id, *given)
    assert (answered.state, answered.resolved_why) == (state, why)
    back = do(engine, tenant, alerts.reopen, alert_id)
    assert (back.verdict, back.planned_until, back.resolved_at, back.is_open) == (None, None, None, True)
    assert [step.step for step in steps(engine, tenant, alert_id)][-1] == "reopened"
    with tenant_transaction(engine, tenant) as connection:
        assert rows.tunings(connection, NOW) == []  # what it tuned went with it
    with pytest.raises(AlertRefused, match="Nothing was answered"):
        do(engine, tenant, alerts.reopen, alert_id)


def test_no_issue_raises_the_limit_by_a_quarter_and_a_confirmation_lowers_it_by_a_tenth(
    engine: Engine, tenant: UUID
) -> None:
    alert_id = make(engine, tenant)
    do(engine, tenant, alerts.mark_not_an_issue, alert_id)
    with tenant_transaction(engine, tenant) as connection:
        (raised,) = rows.tunings(connection, NOW)
    assert (raised.factor, raised.impact_minor, raised.level) == (Fraction(5, 4), 20_000, None)  # 300 - 100 dollars
    assert raised.ends_at - raised.set_at == timedelta(days=90)
    do(engine, tenant, alerts.confirm, alert_id)  # another answer takes the place of the first one
    with tenant_transaction(engine, tenant) as connection:
        (lowered,) = rows.tunings(connection, NOW)
        again = alert_reads.one(connection, alert_id)
    assert lowered.factor == Fraction(9, 10)
    assert again is not None
    assert (again.verdict, again.state, again.resolved_why) == ("confirmed", "ongoing", None)


def test_expected_makes_the_furthest_days_level_normal_for_six_weeks(engine: Engine, tenant: UUID) -> None:
    alert_id = make(engine, tenant)
    with tenant_transaction(engine, tenant) as connection:
        next_day = found(DAY + timedelta(days=1), usd=340)
        rows.put_days(connection, tenant, alert_id, {next_day.day: next_day}, now=NOW)
    do(engine, tenant, alerts.mark_expected, alert_id)
    with tenant_transaction(engine, tenant) as connection:
        (tuning,) = rows.tunings(connection, NOW)
    assert (tuning.factor, tuning.level, tuning.is_rise) == (1, 240 * PICO, True)  # 340 - 100
    assert tuning.ends_at == NOW + NORMAL_FOR


def test_ten_answers_of_which_two_were_right_raise_the_detectors_limit_for_everyone(
    engine: Engine, tenant: UUID
) -> None:
    ended: dict[str, Any] = {"state": "resolved", "resolved_at": NOW, "resolved_why": "7 quiet days"}
    for verdict in ["confirmed"] * 2 + ["not_an_issue"] * 7:
        make(engine, tenant, verdict=verdict, **ended)
    last = make(engine, tenant)
    do(engine, tenant, alerts.mark_not_an_issue, last)
    with tenant_transaction(engine, tenant) as connection:
        wide = {tuning.subject_key: tuning.factor for tuning in rows.tunings(connection, NOW)}
    assert wide[""] == Fraction(23, 20)  # 1 + (1/2 - 2/10) / 2
    do(engine, tenant, alerts.reopen, last)
    with tenant_transaction(engine, tenant) as connection:
        assert rows.tunings(connection, NOW) == []  # nine answers say nothing


def test_what_ended_by_itself_can_be_answered_and_stays_ended_as_it_did(engine: Engine, tenant: UUID) -> None:
    why = "7 quiet days since 2026-11-24."
    alert_id = make(engine, tenant, state="resolved", resolved_at=NOW, resolved_why=why)
    answered = do(engine, tenant, alerts.mark_not_an_issue, alert_id)
    assert (answered.verdict, answered.resolved_why) == ("not_an_issue", why)
    back = do(engine, tenant, alerts.reopen, alert_id)
    assert (back.verdict, back.state, back.resolved_why) == (None, "resolved", why)
    with pytest.raises(AlertRefused, match=r"nothing to snooze: it ended. 7 quiet days since 2026-11-24"):
        do(engine, tenant, alerts.snooze, alert_id, NOW + timedelta(days=1))


def test_an_answer_is_not_taken_back_while_a_later_alert_of_the_subject_is_open(engine: Engine, tenant: UUID) -> None:
    first = make(engine, tenant)
    do(engine, tenant, alerts.mark_not_an_issue, first)
    make(engine, tenant, finding=found(DAY + timedelta(days=1), usd=900))
    with pytest.raises(AlertRefused, match="A later alert of the same subject is open"):
        do(engine, tenant, alerts.reopen, first)


def test_times_that_have_passed_are_refused_and_a_snooze_keeps_the_largest_day(engine: Engine, tenant: UUID) -> None:
    alert_id = make(engine, tenant)
    with pytest.raises(AlertRefused, match="2026-11-24 has passed: name today or a later day"):
        do(engine, tenant, alerts.plan_until, alert_id, NOW.date() - timedelta(days=1))
    with pytest.raises(AlertRefused, match="2026-11-25 06:00 has passed"):
        do(engine, tenant, alerts.snooze, alert_id, NOW)
    snoozed = do(engine, tenant, alerts.snooze, alert_id, NOW + timedelta(days=3))
    assert (snoozed.state, snoozed.quieted_impact_minor, snoozed.quieted_score) == ("new", 20_000, 2.0)
    awake = do(engine, tenant, alerts.reopen, alert_id)
    assert (awake.state, awake.snoozed_until) == ("new", None)


def test_an_alert_is_somebodys_until_it_is_nobodys(engine: Engine, tenant: UUID) -> None:
    alert_id = make(engine, tenant)
    assert do(engine, tenant, alerts.assign, alert_id, " Ada ").assigned_to == "Ada"
    assert do(engine, tenant, alerts.assign, alert_id, "").assigned_to is None
    assert [step.why for step in steps(engine, tenant, alert_id)] == ["To Ada. as agreed", "To nobody. as agreed"]


def test_what_is_because_of_an_alert_is_answered_with_it_and_opened_with_it(engine: Engine, tenant: UUID) -> None:
    leader = make(engine, tenant)
    follower = make(engine, tenant, finding=found(subject=COMPANY), parent_alert_id=leader)
    own = make(engine, tenant, finding=found(subject=MODEL), parent_alert_id=leader, verdict="confirmed")
    do(engine, tenant, alerts.mark_not_an_issue, leader)

    def standing(alert_id: UUID) -> tuple[str, str | None]:
        with tenant_transaction(engine, tenant) as connection:
            alert = alert_reads.one(connection, alert_id)
        assert alert is not None
        return alert.state, alert.verdict

    assert standing(follower) == ("resolved", "not_an_issue")
    assert standing(own) == ("new", "confirmed")  # somebody has answered that one itself
    with tenant_transaction(engine, tenant) as connection:
        assert [tuning.subject_key for tuning in rows.tunings(connection, NOW)] == [found().subject.key]
        assert alert_reads.quality(connection, NOW).alerts == 1  # one cause is counted once
    do(engine, tenant, alerts.plan_until, leader, date(2026, 12, 24))
    assert standing(follower) == ("resolved", "planned")
    do(engine, tenant, alerts.reopen, leader)
    assert (standing(leader), standing(follower)) == (("ongoing", None), ("ongoing", None))
    assert [(step.step, step.why) for step in steps(engine, tenant, follower)] == [
        ("not an issue", "With the alert that it is because of."),
        ("reopened", "With the alert that it is because of."),
        ("planned", "With the alert that it is because of."),
        ("reopened", "With the alert that it is because of."),
    ]


def test_what_is_because_of_a_snoozed_alert_is_quiet_as_long(engine: Engine, tenant: UUID) -> None:
    leader = make(engine, tenant)
    follower = make(engine, tenant, finding=found(subject=COMPANY), parent_alert_id=leader)
    until = NOW + timedelta(days=2)
    do(engine, tenant, alerts.snooze, leader, until)
    with tenant_transaction(engine, tenant) as connection:
        quiet = alert_reads.one(connection, follower)
    assert quiet is not None
    assert (quiet.snoozed_until, quiet.quieted_impact_minor) == (until, 20_000)
    do(engine, tenant, alerts.reopen, leader)
    with tenant_transaction(engine, tenant) as connection:
        awake = alert_reads.one(connection, follower)
    assert awake is not None
    assert awake.snoozed_until is None
