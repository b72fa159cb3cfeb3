"""What other pages say of open alerts, and the way from an alert down to the calls of its day."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from pricing.finding import Subject
from store.database import Connection, tenant_transaction
from tests.dashboard.conftest import RunPage, customers_page
from tests.dashboard.spike_pages import COMPANY, DAY, NOW, Write, beacons_spike, run, seen, words
from tests.dashboard.stored_alerts import DOLLAR, explained, rate, store_alert
from tests.store.warehouse_rows import OCTOBER, publish_tables, revenue, usage, with_usage


def overview_page() -> None:
    """The overview without the navigation around it."""
    from dashboard import overview

    overview.draw()


def four_alerts(connection: Connection, tenant_id: UUID) -> None:
    """Beacon's spike of the 24th, a refund rate, two features; one more customer's is folded under Beacon's."""
    above = beacons_spike(connection, tenant_id)
    late = rate("The refund rate", DAY, [9_000, 31_000], 20_000)
    store_alert(connection, tenant_id, COMPANY, late, detector="refund_rate", now=NOW)
    for dollars, subject, parent in (
        (160, Subject(scope="feature", feature="chat"), None),
        (150, Subject(scope="feature", feature="agent"), None),
        (140, Subject(scope="customer_model", customer_id="cus_0003", model="gpt-4o"), above),
    ):
        found = explained("It", DAY, usual=131, found=[dollars], drivers=[("More usage", (dollars - 131) * 100)])
        store_alert(connection, tenant_id, subject, found, now=NOW, parent_alert_id=parent)


def test_the_overview_names_the_three_newest_and_how_many_there_are(write_alerts: Write) -> None:
    write_alerts(four_alerts)
    app = run(page=overview_page)
    said = words(app)
    assert "4 open alerts · 1 dispute to answer" in said  # the fifth is explained by the first
    assert "AI cost: new] **Beacon Foods**" in said
    assert "**+$296 (+75%)**" in said
    assert [button.label for button in app.button if button.key.startswith("open_alert_")] == ["Open"] * 3
    assert "All 4 open alerts" in [button.label for button in app.button]


def test_a_customers_page_says_what_is_unusual_with_them(write_alerts: Write) -> None:
    write_alerts(four_alerts)
    said = words(run(page=customers_page, customer="cus_0003"))
    assert "Beacon Foods cost $689 in 3 days, $296 more than expected" in said
    assert "And 1 more alert." in said
    assert "more than expected" not in words(run(page=customers_page, customer="cus_0001"))


def test_an_outsiders_alert_is_on_no_page_of_ours(write_alerts: Write, engine: Engine, mallory: UUID) -> None:
    write_alerts(lambda connection, tenant_id: None)
    with tenant_transaction(engine, mallory) as connection:
        beacons_spike(connection, mallory)
    assert "open alert" not in words(run(page=overview_page))
    assert "more than expected" not in words(run(page=customers_page, customer="cus_0003"))


def test_without_a_database_the_overview_says_nothing_of_alerts(
    run_page: RunPage, synthetic_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    said = words(run_page(synthetic_home))
    assert "What needs attention" in said
    assert "open alert" not in said


def test_the_calls_of_one_day_can_be_left_for_the_whole_month(run_page: RunPage, tmp_path: Path) -> None:
    """Two models on the 10th, one on the 12th: an alert of the 10th leads to its two rows of three."""
    cube = [
        usage(OCTOBER, "cus_a", DOLLAR),
        usage(OCTOBER, "cus_a", DOLLAR, model="gpt-4o-mini"),
        usage(OCTOBER, "cus_a", DOLLAR, day=OCTOBER.replace(day=12)),
    ]
    known = {"customer_id": "cus_a", "name": "Acme", "is_past_due": False}
    tables = with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 10_00)], customers=[known])
    publish_tables(tmp_path, tables, slug="demo")

    def page(**address: str) -> AppTest:
        return run_page(tmp_path, customers_page, customer="cus_a", month="2026-10", **address)

    assert "3 rows, newest day first" in words(page())
    app = page(day="2026-10-10")
    assert "2 rows of 10 Oct 2026" in words(app)
    assert "3 rows, newest day first" in words(seen(app.button(key="all_days").click().run()))
    for another in ("2026-10-11", "2026-11-10", "yesterday"):
        assert "3 rows, newest day first" in words(page(day=another))
