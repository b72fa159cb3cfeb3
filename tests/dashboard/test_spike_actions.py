"""What a button of an alert does: one answer, one step, taken back by one click; a viewer looks on, a second click finds nothing to do."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from dashboard import spike_actions
from store import alert_reads
from store.alert_reads import StoredAlert
from store.database import Connection, tenant_transaction
from store.steps import read_steps
from store.tenants import ensure_tenant
from tests.dashboard.published import SLUG
from tests.dashboard.spike_pages import Write, beacons_spike, run, seen, words

LABELS = ["It is real", "Expected", "Planned", "Snooze", "Not an issue", "Assign"]


@pytest.fixture
def alert_id(write_alerts: Write) -> UUID:
    """Beacon's spike, which nobody has answered."""
    made: list[UUID] = []
    write_alerts(lambda connection, tenant_id: made.append(beacons_spike(connection, tenant_id)))
    return made[0]


def stored(engine: Engine, alert_id: UUID) -> tuple[StoredAlert, list[str]]:
    """The alert as it stands, and its steps."""
    with tenant_transaction(engine, ensure_tenant(engine, SLUG, SLUG, "usd")) as connection:
        found = alert_reads.one(connection, alert_id)
        steps = [step.step for step in read_steps(connection, "alert", alert_id)]
    assert found is not None
    return found, steps


def answers(app: AppTest) -> list[str]:
    """The labels of the buttons that answer."""
    return [button.label for button in app.button if button.label in {*LABELS, "Undo"}]


def note_of(app: AppTest) -> TextInput:
    return next(field for field in app.text_input if field.label == "Note")


def click(app: AppTest, label: str) -> AppTest:
    return seen(next(button for button in app.button if button.label == label).click().run())


def test_an_expected_spike_ends_and_is_opened_again_by_one_click(engine: Engine, alert_id: UUID) -> None:
    app = run(alert=str(alert_id))
    assert answers(app) == LABELS
    note_of(app).input("new pricing page")
    app = click(app, "Expected")
    assert "Noted: this is what to expect of Beacon Foods from now on." in words(app)
    assert answers(app) == ["Undo"]
    found, steps = stored(engine, alert_id)
    assert (found.state, found.verdict, steps) == ("resolved", "expected", ["new", "expected"])
    assert "new pricing page" in words(app)  # in the history, with who said it
    assert "by support (support)" in words(app)
    assert note_of(app).value == ""  # it went with that answer alone
    app = click(app, "Undo")
    found, steps = stored(engine, alert_id)
    assert (found.state, found.verdict, steps) == ("ongoing", None, ["new", "expected", "reopened"])
    assert words(app).count("new pricing page") == 1
    assert answers(app) == LABELS


def test_what_is_real_stays_open(engine: Engine, alert_id: UUID) -> None:
    app = click(run(), "It is real")
    assert stored(engine, alert_id)[0].verdict == "confirmed"
    assert answers(app) == ["Undo", "Snooze", "Assign"]


def dialog_page() -> None:
    """A dialog of the newest alert by itself: AppTest closes one when the page behind it is drawn again."""
    from datetime import UTC, datetime

    import streamlit as st

    from billing.principals import Principal
    from dashboard import books, reading, spike_actions, spike_reading

    opened, current = books.books(), reading.current()
    assert opened is not None
    assert current is not None
    (row,) = spike_reading.board(opened, current, datetime.now(UTC)).every
    getattr(spike_actions, st.query_params["dialog"])(opened, Principal("Ada", "support"), row)


def test_a_snooze_rests_for_the_chosen_days(engine: Engine, alert_id: UUID) -> None:
    app = run(page=dialog_page, dialog="snooze")
    seen(app.button(key="snooze_submit").click().run())
    found, steps = stored(engine, alert_id)
    assert found.snoozed_until is not None
    assert timedelta(days=6) < found.snoozed_until - datetime.now(UTC) <= timedelta(days=7)
    assert steps == ["new", "snoozed"]
    sleeping = run(alert=str(alert_id))
    assert ":blue-badge[Snoozed]" in words(sleeping)
    assert answers(sleeping) == ["Undo", "It is real", "Expected", "Not an issue", "Assign"]


def test_planned_until_a_day(engine: Engine, alert_id: UUID) -> None:
    app = run(page=dialog_page, dialog="plan")
    app.text_input(key="plan_note").input("load test")
    app = seen(app.button(key="plan_submit").click().run())
    found, steps = stored(engine, alert_id)
    assert found.planned_until == datetime.now(UTC).date() + timedelta(days=7)
    assert steps == ["new", "planned"]
    assert "load test" in words(run(alert=str(alert_id)))


def test_it_is_given_to_somebody(engine: Engine, alert_id: UUID) -> None:
    app = run(page=dialog_page, dialog="assign")
    assert app.text_input(key="assign_name").value == "Ada"  # whoever asks, unless another is named
    app.text_input(key="assign_name").input("  Grace   Hopper ")
    app = seen(app.run())
    seen(app.button(key="assign_submit").click().run())
    assert stored(engine, alert_id)[0].assigned_to == "Grace Hopper"
    assert "with Grace Hopper" in words(run())


def test_a_viewer_sees_the_buttons_and_why_they_are_not_for_them(engine: Engine, alert_id: UUID) -> None:
    app = run("viewer")
    buttons = [button for button in app.button if button.label in LABELS]
    assert [button.disabled for button in buttons] == [True] * len(LABELS)
    assert {button.help for button in buttons} == {spike_actions.MAY_NOT}
    assert stored(engine, alert_id)[1] == ["new"]


def test_two_people_at_once_make_one_answer(engine: Engine, alert_id: UUID) -> None:
    """Both look at the unanswered alert; the second one's click is told that it came too late, and changes nothing."""
    ada, bob = run(), run()
    click(ada, "Not an issue")
    bob = click(bob, "Expected")
    found, steps = stored(engine, alert_id)
    assert (found.verdict, steps) == ("not_an_issue", ["new", "not an issue"])
    assert "Noted: this is what to expect" not in words(bob)


def test_a_click_that_was_drawn_before_another_answer_is_refused_in_the_transaction(
    engine: Engine, write_alerts: Write, alert_id: UUID
) -> None:
    """Between drawing and committing somebody else answered: what was seen is compared under the alerts' lock."""
    before, _ = stored(engine, alert_id)
    click(run(), "Not an issue")
    asked: list[object] = []

    def late(connection: Connection, tenant_id: UUID) -> None:
        asked.append(spike_actions.answered_since(connection, tenant_id, before))

    write_alerts(late)
    assert asked == [True]


def test_nothing_answered_can_be_answered_afterwards(engine: Engine, write_alerts: Write, alert_id: UUID) -> None:
    """It ended by itself: was it real?"""
    write_alerts(
        lambda connection, tenant_id: connection.exec_driver_sql(
            "update alerts set state = 'resolved', resolved_at = opened_at where alert_id = %s", (str(alert_id),)
        )
    )
    app = run(alert=str(alert_id))
    assert answers(app) == ["It is real", "Not an issue"]
    click(app, "It is real")
    assert stored(engine, alert_id)[0].verdict == "confirmed"
