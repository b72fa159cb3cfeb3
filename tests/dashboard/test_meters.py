"""The page Meters on a real database: how far telling is, what each button does and who may, what Stripe refused, and what differs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text
from streamlit.testing.v1 import AppTest

from billing import meter_push
from dashboard import wording
from pricing.meter_windows import Counted, MeterRule
from store import meter_ledger, stripe_mirror
from store.database import DatabaseUrls, tenant_transaction

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
SAID = "The customer cus_bob was not found."


def page() -> None:
    """The page without the navigation around it."""
    from dashboard import meters

    meters.draw()


def switch_page() -> None:
    """The question before a switch by itself: AppTest closes a dialog when the page behind it is drawn again."""
    from datetime import UTC, datetime

    import streamlit as st

    from billing.principals import Principal
    from dashboard import meter_dialogs
    from dashboard.books import books
    from store import meter_ledger, meter_reads
    from store.database import tenant_transaction

    opened = books()
    assert opened is not None
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        [stored] = meter_ledger.rules(connection)
        states = meter_reads.by_state(connection, now=datetime.now(UTC))
    frida = Principal("frida", st.query_params.get("role", "finance"))
    if st.query_params["to"] == "replay":
        meter_dialogs.confirm_replay(opened, frida, stored)
    else:
        meter_dialogs.confirm_switch(opened, frida, stored, st.query_params["to"], states)


def asked(to: str, role: str = "finance") -> AppTest:
    """The question, as somebody in this role sees it."""
    app = AppTest.from_function(switch_page, default_timeout=60)
    app.query_params["to"], app.query_params["role"] = to, role
    return app.run()


@pytest.fixture
def app(
    monkeypatch: pytest.MonkeyPatch, database_urls: DatabaseUrls, tenant: UUID, mallory: UUID, engine: Engine
) -> AppTest:
    """The tenant's page, run by finance; the outsider has a live rule with a refused event that nobody else may see."""
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("METERING_TENANT", "acme")
    with tenant_transaction(engine, mallory) as connection:
        add_rule(connection, mallory, "mallorys", mode="live")
        tell(connection, mallory, "mallorys", [("cus_mallory", NOW - HOUR, 66_600, "rejected")])
    started = AppTest.from_function(page, default_timeout=60).run()
    started.sidebar.text_input[0].set_value("frida").run()
    started.sidebar.selectbox[0].select("finance").run()
    return started


def add_rule(connection: Connection, tenant: UUID, rule_id: str, *, mode: str) -> None:
    rule = MeterRule(
        rule_id=rule_id,
        event_name="tokens",
        meter_id="mtr_1",
        counted=("input_uncached_tokens", "output_text_tokens"),
        per=1_000,
        starts_at=NOW - timedelta(days=2),
    )
    meter_ledger.add_rule(connection, tenant, rule, sink="stripe_v1", mode=mode, made_by="test", now=NOW)


def tell(connection: Connection, tenant: UUID, rule_id: str, events: list[tuple[str, datetime, int, str]]) -> None:
    """Events of the ledger: who, which hour, how many units, in which state."""
    due = [Counted(who, window, units) for who, window, units, _ in events]
    rows = meter_push.rows_of(tenant, rule_id, due, {}, is_shadow=False, now=NOW - HOUR)
    refused: dict[str, Any] = {"last_trouble": SAID, "trouble_code": "meter_event_customer_not_found"}
    said = {"rejected": refused}
    fine = {"last_trouble": None, "trouble_code": None}
    meter_ledger.add(
        connection,
        [row | {"state": state} | said.get(state, fine) for row, (_, _, _, state) in zip(rows, events, strict=True)],
    )


@pytest.fixture
def live(engine: Engine, tenant: UUID) -> None:
    """A live rule: Ada was told 7 and 5 units, of which 5 are not summed up; 4 of Bob's are refused, 3 of Ada's wait."""
    with tenant_transaction(engine, tenant) as connection:
        raw = {"id": "cus_ada", "object": "customer", "created": 1, "name": "Ada *& Co", "metadata": {}}
        stripe_mirror.upsert(connection, tenant, [raw], NOW)
        add_rule(connection, tenant, "tokens", mode="live")
        events = [
            ("cus_ada", NOW - 2 * HOUR, 7, "accepted"),
            ("cus_ada", NOW - HOUR, 5, "sent"),
            ("cus_bob", NOW - HOUR, 4, "rejected"),
            ("cus_ada", NOW, 3, "pending"),
        ]
        tell(connection, tenant, "tokens", events)


def words(app: AppTest) -> str:
    assert [problem.message for problem in app.exception] == []
    return "\n".join(
        element.value for element in (*app.markdown, *app.caption, *app.success, *app.error, *app.code)
    ).replace("\\", "")


def tiles(app: AppTest) -> dict[str, tuple[str, str]]:
    return {tile.label: (tile.value, tile.delta) for tile in app.metric}


def mode_of(engine: Engine, tenant: UUID) -> str:
    with tenant_transaction(engine, tenant) as connection:
        return meter_ledger.rules(connection)[0].mode


def test_an_empty_page_says_how_a_rule_is_added_and_why_not_here(app: AppTest) -> None:
    said = words(app)
    assert "No meter is told anything." in said
    assert "Adding one asks Stripe for the meter, which pages never do" in said
    assert "metering meters add tokens --event-name tokens" in said
    assert "mallory" not in said


def test_the_tiles_say_what_waits_what_was_told_and_what_was_refused(app: AppTest, live: None) -> None:
    """7 accepted + 5 sent = 12 units told; 3 wait since an hour; one event of 4 units is refused."""
    month_began = NOW.replace(day=1, hour=0)
    told = sum(units for at, units in ((NOW - 2 * HOUR, 7), (NOW - HOUR, 5)) if at >= month_began)
    found = tiles(app.run())
    assert found["Lag"][1] == "3 units wait"
    assert found["Units this period"][0] == str(told)
    assert found["Rejected events"] == ("1", "of 4 units")
    assert found["Days that differ"] == ("0", "no unbilled ones")
    said = words(app)
    assert "**tokens** :green-badge[:material/sensors: live] tells `tokens`" in said
    assert "input uncached tokens + output text tokens · 1,000 to the unit · told by the hour" in said
    assert f"**cus_bob** · rejected · 4 units of {NOW - HOUR:%-d %b %Y, %H:%M} UTC" in said
    assert f"{SAID} (meter_event_customer_not_found)" in said
    assert "mallory" not in said
    [states] = [table.value for table in app.dataframe if "State" in table.value.columns]
    assert {row["State"]: (row["Events"], row["Units"]) for row in states.to_dict("records")} == {
        "accepted": (1, 7),
        "sent": (1, 5),
        "rejected": (1, 4),
        "pending": (1, 3),
    }


def test_a_rule_goes_into_the_shadow_and_live_again_and_the_question_says_what_happens(
    app: AppTest, live: None, engine: Engine, tenant: UUID
) -> None:
    app.run().button(key="shadow_tokens").click().run()
    wait = "customers are not billed by this rule. 1 event written down and not sent yet would wait"
    assert wait in words(app)
    assert mode_of(engine, tenant) == "live", "a question changes nothing"
    words(asked("shadow").button(key="switch_submit").click().run())
    assert mode_of(engine, tenant) == "shadow"
    assert "**tokens** :blue-badge[:material/visibility: shadow]" in words(app.run())

    question, asked_at = asked("live"), datetime.now(UTC)
    said = words(question)
    assert "Customers are billed by it: usage from" in said
    assert "Whoever tells this meter now must stop at the same hour" in said
    words(question.button(key="switch_submit").click().run())
    with tenant_transaction(engine, tenant) as connection:
        [stored] = meter_ledger.rules(connection)
        lines = connection.execute(text("select action, principal from audit_log order by seq")).all()
    assert stored.mode == "live"
    assert asked_at < stored.rule.starts_at <= datetime.now(UTC) + HOUR
    assert lines == [("meter_rule:switch", "frida (finance)")] * 2


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_may_not_is_refused_with_the_sentence(
    app: AppTest, live: None, engine: Engine, tenant: UUID, role: str
) -> None:
    for question, button in (("off", "switch_submit"), ("replay", "replay_submit")):
        refused = asked(question, role).button(key=button).click().run()
        said = f"frida ({role}) may not change what customers are billed for; ask finance or a founder."
        assert said in words(refused)
    assert mode_of(engine, tenant) == "live"
    with tenant_transaction(engine, tenant) as connection:
        assert meter_ledger.counts(connection)["tokens"]["rejected"] == (1, 4)


def test_what_was_refused_is_shown_first_and_then_told_anew(
    app: AppTest, live: None, engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    app.run().button(key="replay_tokens").click().run()
    assert "1 event of 4 units would be told anew" in words(app)
    with tenant_transaction(engine, tenant) as connection:
        assert meter_ledger.counts(connection)["tokens"]["rejected"] == (1, 4), "a look changes nothing"
    words(asked("replay").button(key="replay_submit").click().run())
    with tenant_transaction(engine, tenant) as connection:
        counts = meter_ledger.counts(connection)["tokens"]
    assert (counts["replayed"], counts.get("rejected")) == ((1, 4), None)
    with tenant_transaction(engine, mallory) as connection:
        assert meter_ledger.counts(connection)["mallorys"] == {"rejected": (1, 66_600)}


def test_what_a_replay_would_not_tell_is_said_and_stays_refused(app: AppTest, engine: Engine, tenant: UUID) -> None:
    """4 units of an hour ago would be told; 6 from before the rule and 8 of 40 days ago would not."""
    with tenant_transaction(engine, tenant) as connection:
        add_rule(connection, tenant, "tokens", mode="live")
        windows = ((NOW - HOUR, 4), (NOW - timedelta(days=3), 6), (NOW - timedelta(days=40), 8))
        tell(connection, tenant, "tokens", [("cus_bob", at, units, "rejected") for at, units in windows])
    question = asked("replay")
    said = words(question)
    assert "1 event of 4 units would be told anew" in said
    assert "no meter takes windows of more than 35 days ago: 1 event; bill that as an invoice item." in said
    assert "Not told, as the rule went live after their windows: 1 event." in said
    words(question.button(key="replay_submit").click().run())
    with tenant_transaction(engine, tenant) as connection:
        assert meter_ledger.counts(connection)["tokens"] == {"replayed": (1, 4), "rejected": (2, 14)}


def test_differences_are_shown_by_customer_and_by_day(app: AppTest, live: None, engine: Engine, tenant: UUID) -> None:
    """Stripe has 10 of Ada's 12 units. She has no metered price here, so the page says that nobody bills them."""
    day = date(2026, 3, 9)
    drift = {"told_units": 12, "stripe_units": 10, "state": "reported", "first_seen_at": NOW, "last_seen_at": NOW}
    said = {"sentence": "Stripe has 10 of the 12 units that were told: 2 are missing."}
    with tenant_transaction(engine, tenant) as connection:
        kept = drift | said | {"rule_id": "tokens", "customer_id": "cus_ada", "day": day}
        meter_ledger.keep_drifts(connection, tenant, [kept, kept | {"day": date(2026, 3, 8), "state": "gone"}])
    assert tiles(app.run())["Days that differ"] == ("0", "and 1 unbilled")
    assert [box.label for box in app.expander if "metered price" in box.label] == ["1 customer without a metered price"]
    [row] = next(table.value for table in app.dataframe if "Units by usage" in table.value.columns).to_dict("records")
    assert (row["Customer"], row["Days"], row["Units at Stripe"], row["Units by usage"]) == ("Ada *& Co", 1, 10, 12)
    assert row["Units apart"] == f"{wording.MINUS}2"
    app.toggle(key="days_others_tokens").set_value(True).run()
    [shown] = next(table.value for table in app.dataframe if "What" in table.value.columns).to_dict("records")
    assert (shown["Day (UTC)"], shown["What"], shown["State"]) == ("2026-03-09", said["sentence"], "reported")
