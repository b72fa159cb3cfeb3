"""What the channels are told of alerts: each thing once, children under their parent, nothing old, nothing that was asked to be quiet."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine

from billing import mails
from billing.alert_messages import announce, why_withdrawn
from billing.principals import SYSTEM
from pricing.alert_explanation import Confidence, Explanation, MarginPoints, Part, to_document
from store import alerts, message_channels
from store.channel_settings import Channel
from store.database import tenant_transaction
from store.outgoing_mails import OutgoingMail
from tests.billing.alerted import NOW, YESTERDAY, open_alert, put_day

SLACK, OPS = (
    Channel("slack", "slack", "https://hooks.slack.com/x"),
    Channel("webhook", "ops", "https://ops.example", (b"s" * 32,)),
)


@pytest.fixture
def connection(engine: Engine, tenant: UUID, mallory: UUID) -> Iterator[Connection]:
    """The tenant's transaction; one channel is set up, and everything at the outsider's, too."""
    with tenant_transaction(engine, mallory) as hers:
        message_channels.keep(hers, mallory, [SLACK, OPS], now=NOW)
    with tenant_transaction(engine, tenant) as held:
        message_channels.keep(held, tenant, [OPS], now=NOW)
        yield held


def said(messages: list[OutgoingMail]) -> list[tuple[str, str]]:
    return [(message.kind, json.loads(message.text_body)["sentence"]) for message in messages]


def data(message: OutgoingMail) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.text_body)
    return found


def test_a_new_alert_is_told_once_to_each_channel(connection: Connection, tenant: UUID) -> None:
    message_channels.keep(connection, tenant, [SLACK, OPS], now=NOW)
    alert = open_alert(connection, tenant, "cus_ada", 301_240)
    told = announce(connection, tenant, [alert], now=NOW)
    assert [(each.channel, each.recipient) for each in told] == [("slack", "slack"), ("webhook", "ops")]
    assert said(told) == [("alert.opened", "cus_ada's AI cost rose.")] * 2
    assert announce(connection, tenant, [alert], now=NOW) == []
    assert announce(connection, tenant, [alert], now=NOW + timedelta(days=1)) == []


def test_a_message_holds_what_docs_say_of_it(connection: Connection, tenant: UUID) -> None:
    alert = open_alert(connection, tenant, "cus_ada", 900_000)
    (told,) = announce(connection, tenant, [alert], now=NOW)
    assert data(told)["alert"] == {
        "alert_id": str(alert.alert_id), "detector": "cost_spike", "scope": "customer", "customer_id": "cus_ada", "provider": None,
        "model": None, "feature": None, "name": None, "state": "new", "is_rise": True, "is_provisional": False,
        "first_day": "2026-03-01", "last_day": "2026-03-01", "unit": "pico_usd", "actual": "10000000000000000",
        "expected": "1000000000000000", "lower": None, "upper": None, "impact_minor": 900_000, "currency": "usd",
        "sentence": "cus_ada's AI cost rose.", "split": [],
    }  # fmt: skip


def test_the_split_is_the_explanations_own_and_sums_to_the_impact(connection: Connection, tenant: UUID) -> None:
    drivers = tuple(
        Part(name=name, label=label, pico_usd=minor * 10**10, minor=minor)
        for name, label, minor in (("usage_volume", "Requests", 500_00), ("tokens_per_request", "Tokens per request", 2_512_40), ("cache_rate", "Cache", 0))
    )  # fmt: skip
    unknown = MarginPoints(ppm=None, why_unknown="no revenue")
    explained = Explanation(
        actual_pico_usd=2, expected_pico_usd=1, lower_pico_usd=None, upper_pico_usd=None, impact_pico_usd=3_012_40 * 10**10,
        impact_minor=3_012_40, currency="usd", first_day=YESTERDAY, last_day=YESTERDAY, found_days=1, customer_points=None,
        company_points=unknown, month=date(2026, 3, 1), month_so_far_pico_usd=0, month_end_pico_usd=None, month_end_minor=None,
        drivers=drivers, causes=(), customers=(), models=(), features=(), api_keys=(), baseline_first_day=YESTERDAY,
        baseline_last_day=YESTERDAY, baseline_days=1, unpriced_events=0, price_changes=(), days=(),
        confidence=Confidence(words="high", n=28, why="28 days"), sentence="It rose.",
    )  # fmt: skip
    alert = open_alert(connection, tenant, "cus_ada", 3_012_40, explanation=to_document(explained))
    split = data(announce(connection, tenant, [alert], now=NOW)[0])["alert"]["split"]
    assert [(part["label"], part["impact_minor"]) for part in split] == [
        ("Tokens per request", 2_512_40), ("Requests", 500_00)
    ]  # fmt: skip
    assert sum(part["impact_minor"] for part in split) == 3_012_40


def test_children_are_lines_of_their_parents_message_now_and_later(connection: Connection, tenant: UUID) -> None:
    parent = open_alert(connection, tenant, "cus_ada", 5_000)
    small = open_alert(connection, tenant, "cus_bob", 1_000, parent_alert_id=parent.alert_id)
    large = open_alert(connection, tenant, "cus_cy", 3_000, parent_alert_id=small.alert_id)  # a child's child
    (told,) = announce(connection, tenant, [small, large, parent], now=NOW)
    assert data(told)["alert"]["customer_id"] == "cus_ada"
    assert [child["customer_id"] for child in data(told)["children"]] == ["cus_cy", "cus_bob"]
    late = open_alert(connection, tenant, "cus_di", 2_000, parent_alert_id=parent.alert_id)
    assert announce(connection, tenant, [late], now=NOW + timedelta(hours=1)) == []
    # Once the parent is over, its children are not news of yesterday.
    over = alerts.change(connection, parent.alert_id, now=NOW, state="resolved", resolved_at=NOW)
    assert [kind for kind, _ in said(announce(connection, tenant, [over, small], now=NOW))] == ["alert.resolved"]


def test_one_run_says_five_things_and_sums_the_rest(connection: Connection, tenant: UUID) -> None:
    found = [open_alert(connection, tenant, f"cus_{number:02}", 1_000 * number) for number in range(1, 20)]
    told = announce(connection, tenant, found, now=NOW)
    assert [data(each)["alert"]["customer_id"] for each in told[:5]] == [
        "cus_19",
        "cus_18",
        "cus_17",
        "cus_16",
        "cus_15",
    ]
    # 1,000 + 2,000 + … + 14,000 cents = 105,000 cents.
    assert said(told[5:]) == [("alerts.more", "And 14 more: 14 new, together +$1,050.00.")]
    assert announce(connection, tenant, found, now=NOW + timedelta(days=1)) == []
    assert announce(connection, tenant, found[:3], now=NOW + timedelta(days=1)) == []


def test_what_was_asked_to_be_quiet_and_what_is_long_past_is_not_told(connection: Connection, tenant: UUID) -> None:
    for number, quiet in enumerate([
        {"verdict": "planned", "planned_until": date(2026, 4, 1)}, {"verdict": "expected"}, {"verdict": "not_an_issue"},
        {"snoozed_until": NOW + timedelta(hours=1)}, {"first_day": YESTERDAY - timedelta(days=3)},
        {"state": "resolved", "resolved_at": NOW},
    ]):  # fmt: skip
        alert = open_alert(connection, tenant, f"cus_{number}", 1_000, **quiet)
        assert announce(connection, tenant, [alert], now=NOW) == [], quiet
    ended = open_alert(connection, tenant, "cus_9", 1_000, snoozed_until=NOW)
    assert len(announce(connection, tenant, [ended], now=NOW)) == 1


def test_it_is_told_again_when_its_worst_day_has_doubled_and_when_it_is_over(
    connection: Connection, tenant: UUID
) -> None:
    alert = open_alert(connection, tenant, "cus_ada", 1_000)
    put_day(connection, tenant, alert, YESTERDAY, 1_000)
    announce(connection, tenant, [alert], now=NOW)
    for days, impact, kinds in [
        (1, 1_000, []),  # as bad on a second day: the sum has doubled, the day has not
        (2, 1_999, []),
        (3, 2_000, ["alert.worsened"]),
        (4, 3_999, []),
        (5, 9_000, ["alert.worsened"]),  # eight times and more
        (6, 5_000, []),
    ]:
        put_day(connection, tenant, alert, YESTERDAY + timedelta(days=days), impact)
        changed = alerts.change(
            connection, alert.alert_id, now=NOW, state="ongoing", last_day=YESTERDAY + timedelta(days=days)
        )
        told = announce(connection, tenant, [changed], now=NOW + timedelta(days=days))
        assert [kind for kind, _ in said(told)] == kinds, days
    at = NOW + timedelta(days=14)
    over = alerts.change(connection, alert.alert_id, now=at, state="resolved", resolved_at=at)
    assert said(announce(connection, tenant, [over], now=at)) == [
        ("alert.resolved", "Over since 2026-03-07: cus_ada's AI cost rose.")
    ]
    assert announce(connection, tenant, [over], now=at + timedelta(hours=1)) == []


def test_a_message_that_waited_is_taken_back_when_its_alert_was_answered_meanwhile(
    connection: Connection, tenant: UUID
) -> None:
    alert = open_alert(connection, tenant, "cus_ada", 1_000)
    (told,) = announce(connection, tenant, [alert], now=NOW)
    assert why_withdrawn(connection, told, NOW) is None
    alerts.change(connection, alert.alert_id, now=NOW, verdict="not_an_issue")
    assert why_withdrawn(connection, told, NOW) == "It was answered before it could be sent: not_an_issue."


def test_a_channel_that_is_off_is_told_nothing_and_an_outsider_hears_of_nothing(
    engine: Engine, connection: Connection, tenant: UUID, mallory: UUID
) -> None:
    alert = open_alert(connection, tenant, "cus_ada", 1_000)
    mails.stop(connection, tenant, "webhook:ops", reason="noisy", principal=SYSTEM, now=NOW)
    assert announce(connection, tenant, [alert], now=NOW) == []
    with tenant_transaction(engine, mallory) as hers:
        assert hers.exec_driver_sql("select count(*) from outgoing_mails").scalar() == 0
