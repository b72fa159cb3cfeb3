"""A subscription and its changes are told in a person's words; without a database the page says what is missing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.preview_comparison import Row, TheirLine
from billing.subscription_changes import CancelNow, EndTrial, Resume, Switch, SwitchLater
from billing.subscriptions import Held
from dashboard import subscription_words as words
from pricing.proration import Line
from store.subscription_reads import Offer
from tests.dashboard.conftest import RunPage, customers_page
from tests.store.warehouse_rows import OCTOBER, publish_tables, revenue

AT = datetime(2026, 1, 12, tzinfo=UTC)
ENDS = 1_769_904_000  # 2026-02-01
HOW = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
PRO = Offer({"id": "price_pro", "product": "prod", "currency": "usd", "unit_amount": 6_200, "recurring": HOW}, "Pro")
QUARTERLY = {**HOW, "interval_count": 3}


def held(**given: Any) -> Held:
    item = {"id": "si_1", "price": PRO.price, "quantity": 2, "current_period_end": ENDS}
    plain = {"id": "sub_1", "status": "active", "billing_mode": {"type": "flexible"}, "cancel_at_period_end": False}
    return Held(plain | {"items": {"data": [item]}} | given, {"price_pro": PRO}, [], [])


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, "Active] renews on 1 Feb 2026"),
        ({"cancel_at_period_end": True}, "Active] ends on 1 Feb 2026 and does not renew"),
        ({"status": "paused"}, "Paused] nothing is billed until it is resumed"),
        ({"pause_collection": {"behavior": "void"}}, "Active] collection is paused: invoices are made void"),
        ({"status": "trialing", "trial_end": ENDS}, "In trial] first bill on 1 Feb 2026"),
        ({"status": "canceled", "ended_at": ENDS}, "Ended] since 1 Feb 2026"),
    ],
)
def test_where_a_subscription_stands_is_said_with_what_happens_next(given: dict[str, Any], after: str) -> None:
    assert after in words.state_line(held(**given))


def test_prices_and_changes_are_said_in_full() -> None:
    metered = Offer({**PRO.price, "recurring": {**QUARTERLY, "usage_type": "metered"}}, "Tokens")
    assert words.offer_label(PRO) == "Pro, $62.00 a month"
    twin = Offer({**PRO.price, "id": "price_twin"}, "Pro")
    assert words.offer_labels([PRO, twin])["price_twin"] == "Pro, $62.00 a month (price_twin)"
    assert words.offer_label(metered) == "Tokens, by use"
    assert (
        words.item_line({"price": PRO.price, "quantity": 2}, {"price_pro": PRO})
        == "**2 \u00d7 Pro**, \\$124\\.00 a month"
    )
    assert words.item_line({"price": metered.price, "quantity": None}, {}).endswith("by use, billed every 3 months")
    switch = Switch("si_1", "price_pro", 3, AT)
    assert words.change_words(switch, held()) == "Change to 3 \u00d7 Pro, prorated at 12 Jan 2026, 00:00 UTC."
    assert words.change_words(CancelNow(), None) != words.change_words(CancelNow(prorates=False), None)
    assert words.change_words(Resume(), None) != words.change_words(Resume("unchanged"), None)


def test_a_difference_stands_beside_its_line_in_words() -> None:
    ours = Line("credit", "1 x Pro", -600, "usd", AT, AT, "why", uncapped_minor=-2_000)
    theirs = TheirLine("Unused time", -2_000, "usd", AT, AT, is_proration=True)
    [(label, left, right, verdict, why)] = words.comparison_lines((Row(ours, theirs, "refunded"),), "usd")
    assert [text.replace("\\", "") for text in (label, left, right, why)] == [
        "Unused time on 1 x Pro",
        "\u2212$6.00",
        "\u2212$20.00",
        "why",
    ]
    assert "\u2212$14.00: Stripe credits unused time though it was refunded already" in verdict.replace("\\", "")
    [(label, left, _, _, _)] = words.comparison_lines((Row(None, theirs, "waiting"),), "usd")
    assert (label, left) == ("Unused time", "\u2013")


def test_a_page_without_a_database_says_what_changing_needs(
    run_page: RunPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    who = {"customer_id": "cus_a", "name": "Hooli", "created_at": datetime(2026, 1, 1), "is_past_due": False}
    publish_tables(tmp_path, {"customers": [who], "customer_month": [revenue(OCTOBER, "cus_a", 10_00)]}, slug="demo")
    app = run_page(tmp_path, customers_page, customer="cus_a")
    assert any("needs the queues in Postgres" in element.value for element in app.markdown)


@pytest.mark.parametrize(
    ("days", "words_"),
    [
        (-1, "the difference for the rest of the running period is put on the next invoice."),
        (0, "when the running period ends: nothing is given back or added"),
        (9, "A period that this moment divides is prorated then"),
    ],
)
def test_a_change_from_a_date_on_says_what_becomes_of_the_running_period(days: int, words_: str) -> None:
    at = datetime.fromtimestamp(ENDS, UTC) + timedelta(days=days)
    said = words.change_words(SwitchLater("si_1", "price_pro", 3, at), held())
    assert said.startswith(f"Change to 3 \u00d7 Pro at {at.day} {at:%b} 2026")
    assert words_ in said


def test_what_is_planned_is_said_from_now_on() -> None:
    def phase(start: int, price: str, quantity: int) -> dict[str, Any]:
        return {"start_date": start, "end_date": start + 86_400, "items": [{"price": price, "quantity": quantity}]}

    phases = [phase(ENDS - 86_400, "price_pro", 2), phase(ENDS, "price_pro", 3), phase(ENDS + 86_400, "price_gone", 1)]
    planned = replace(held(), schedule={"id": "sub_sched_1", "phases": phases, "end_behavior": "cancel"})
    now = datetime.fromtimestamp(ENDS - 60, UTC)
    first, second, end = words.plan_lines(planned, now)
    assert first == ":material/event: From 1 Feb 2026, 00:00 UTC: **3 \u00d7 Pro**, \\$186\\.00 a month"
    assert "price" in second
    assert "It ends with its schedule on 3 Feb 2026" in end
    assert words.plan_lines(held(), now) == []


def test_a_longer_trial_says_until_when() -> None:
    until = EndTrial(datetime(2026, 3, 1, tzinfo=UTC))
    assert (
        words.change_words(until, None)
        == "Let the trial last until 1 Mar 2026, 00:00 UTC; the first bill is made then."
    )
