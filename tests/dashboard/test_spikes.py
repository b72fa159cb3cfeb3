"""The Spikes page on a real database: the verdict, the list, an alert opened, what is said when there is nothing, and the outsider."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine
from streamlit.testing.v1 import AppTest

from dashboard import reading
from store.database import tenant_transaction
from tests.dashboard.spike_pages import BEACON, COMPANY, DAY, NOW, Write, beacons_spike, run, seen, words
from tests.dashboard.stored_alerts import explained, rate, store_alert, store_run


def drawn(app: AppTest) -> str:
    """What is drawn as HTML: the bars of the split."""
    return "\n".join(element.proto.body for element in app.get("html"))


def test_a_spike_is_told_in_a_sentence_a_chart_and_a_split_that_sums(write_alerts: Write) -> None:
    """$689 in three days instead of $393: $296 more."""

    def alerts(connection: Connection, tenant_id: UUID) -> None:
        beacons_spike(connection, tenant_id)
        store_run(connection, tenant_id, NOW)

    write_alerts(alerts)
    app = run()
    said = words(app)
    assert "1 new spike costs $98.67 a day more than expected." in said  # 296 / 3
    assert "Beacon Foods cost $689 in 3 days, $296 more than expected" in said
    tiles = {metric.label: metric.value for metric in app.metric}
    assert tiles == {
        "Open, a day": "+$98.67",
        "If it goes on": "+$592",
        "Precision, 30 days": "too few",
        "Data": "complete",
    }
    for fact in (
        "**$689**",
        "usually $333\u2009\u2013\u2009$462",
        "**+$296.00**",
        "+75%",
        "\u221218.1 pp",
        "22 Nov 2026",
    ):
        assert fact in said
    (chart,) = app.get("plotly_chart")
    assert "Beacon Foods by day" in chart.proto.alt
    bars = drawn(app)
    for name, amount in (
        ("More usage", "+$215.00"),
        ("Longer requests", "\u2212$22.00"),
        ("nightly-agent", "+$271.00"),
    ):
        assert f'title="{name}"' in bars
        assert amount in bars
    # The drivers, and each of the three lists (a customer's own name needs none), come to the impact as it is shown.
    assert bars.count('<th scope="row">Together</th><td></td><td class="amount">+$296.00</td>') == 4


def test_the_address_opens_an_alert_and_one_that_is_not_here_opens_the_newest(write_alerts: Write) -> None:
    ids: list[UUID] = []

    def alerts(connection: Connection, tenant_id: UUID) -> None:
        beacons_spike(connection, tenant_id)
        late = rate("The refund rate", DAY - timedelta(days=1), [9_000, 31_000], 20_000)
        ids.append(store_alert(connection, tenant_id, COMPANY, late, detector="refund_rate", now=NOW))

    write_alerts(alerts)
    refunds = words(run(alert=str(ids[0])))
    assert "**3.1%**" in refunds
    assert "+1.1 pp apart" in refunds
    assert "Payments 412 · refunds 21" in refunds
    for unknown in ("11111111-2222-3333-4444-555555555555", "'; drop table alerts"):
        assert "### Beacon Foods" in words(run(alert=unknown))


def test_a_row_opens_its_alert_and_what_is_explained_is_folded_under_it(write_alerts: Write) -> None:
    ids: list[UUID] = []

    def alerts(connection: Connection, tenant_id: UUID) -> None:
        company = explained("Demo", DAY, usual=460, found=[562, 571], drivers=[("More usage", 213_00)])
        ids.append(store_alert(connection, tenant_id, COMPANY, company, now=NOW))
        ids.append(beacons_spike(connection, tenant_id))
        connection.exec_driver_sql(
            "update alerts set parent_alert_id = %s where alert_id = %s", (str(ids[0]), str(ids[1]))
        )

    write_alerts(alerts)
    app = run()
    assert "1 new spike costs $107 a day more than expected." in words(app)  # the company's; Beacon's is within it
    assert next(each.label for each in app.expander) == "1 alert explained by it"
    opened = seen(app.button(key=f"open_{ids[1]}").click().run())
    assert opened.query_params["alert"] == str(ids[1])
    assert "### Beacon Foods" in words(opened)


def test_nothing_unusual_says_who_has_looked_at_what(write_alerts: Write) -> None:
    assert "No day has been judged yet." in words(run())
    write_alerts(lambda connection, tenant_id: store_run(connection, tenant_id, NOW))
    said = words(run())
    assert "Nothing unusual." in said
    assert "24 series of costs and rates were judged" in said


def test_what_sleeps_is_said_and_waits_under_its_own_name(write_alerts: Write) -> None:
    def alerts(connection: Connection, tenant_id: UUID) -> None:
        found = explained("Beacon Foods", DAY, usual=131, found=[243], drivers=[("More usage", 112_00)])
        store_alert(connection, tenant_id, BEACON, found, now=NOW, snoozed_until=datetime.now(UTC) + timedelta(days=3))
        store_run(connection, tenant_id, NOW)

    write_alerts(alerts)
    app = run()
    assert "1 alert snoozed, nothing else is open." in words(app)
    assert "Nothing is open; 1 alert snoozed." in words(app)
    assert "### Beacon Foods :blue-badge[Snoozed]" in words(run(spike_view="Snoozed"))


def test_missing_days_are_late_data_and_no_fall(write_alerts: Write) -> None:
    late = {"usage": ["2026-11-24"], "openai": ["2026-11-24"]}
    write_alerts(lambda connection, tenant_id: store_run(connection, tenant_id, NOW, late_days=late))
    app = run()
    (data,) = [metric for metric in app.metric if metric.label == "Data"]
    assert (data.value, data.delta) == ("data late", "OpenAI since 24 Nov and Usage since 24 Nov")


def test_while_nothing_is_open_what_has_ended_can_be_read(write_alerts: Write) -> None:
    def alerts(connection: Connection, tenant_id: UUID) -> None:
        alert_id = beacons_spike(connection, tenant_id)
        connection.exec_driver_sql(
            "update alerts set state = 'resolved', resolved_at = opened_at where alert_id = %s", (str(alert_id),)
        )

    write_alerts(alerts)
    said = words(run())
    assert "Nothing is open." in said
    assert "#### Ended lately" in said
    assert "### Beacon Foods :gray-badge[Resolved]" in said


def test_filters_of_the_address_narrow_the_list_and_can_be_cleared(write_alerts: Write) -> None:
    write_alerts(beacons_spike)
    app = run(direction="Down")
    assert "No alert fits these filters." in words(app)
    assert "### Beacon Foods" in words(seen(app.button(key="clear_filters").click().run()))


def test_an_outsiders_alerts_are_not_seen(write_alerts: Write, engine: Engine, mallory: UUID) -> None:
    with tenant_transaction(engine, mallory) as connection:
        found = explained("Mallory", DAY, usual=131, found=[243], drivers=[("More usage", 112_00)])
        alert_id = store_alert(connection, mallory, COMPANY, found, now=NOW)
        store_run(connection, mallory, NOW)
    assert "No day has been judged yet." in words(run(alert=str(alert_id)))


def test_a_company_in_euro_reads_euro(write_alerts: Write) -> None:
    """The alert's own currency stands beside its amounts."""

    def alerts(connection: Connection, tenant_id: UUID) -> None:
        late = rate("The refund rate", DAY, [9_000, 31_000], 20_000)
        store_alert(
            connection, tenant_id, COMPANY, late, detector="past_due_burn", unit="minor", actual=41_200, expected=None,
            impact_minor=41_200, currency="eur", now=NOW,
        )  # fmt: skip

    write_alerts(alerts)
    assert "**€412**" in words(run())


def test_on_a_phone_the_list_stands_alone_until_a_row_is_opened(
    write_alerts: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert would be a screen or two below the list: it takes the list's place, and gives it back."""
    monkeypatch.setattr(reading, "is_phone", lambda: True)
    ids: list[UUID] = []
    write_alerts(lambda connection, tenant_id: ids.append(beacons_spike(connection, tenant_id)))
    app = run()
    assert "### Beacon Foods" not in words(app)
    opened = seen(app.button(key=f"open_{ids[0]}").click().run())
    assert "### Beacon Foods" in words(opened)
    assert not opened.metric
    assert f"open_{ids[0]}" not in [button.key for button in opened.button]
    back = seen(opened.button(key="to_list").click().run())
    assert "### Beacon Foods" not in words(back)
    assert f"open_{ids[0]}" in [button.key for button in back.button]
