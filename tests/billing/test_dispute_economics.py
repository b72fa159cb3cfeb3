"""What fighting, accepting and refunding are worth, with the record and the interval behind it, and the networks' thresholds."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dispute_economics import (
    Rate,
    Record,
    chargeback,
    early_warning,
    fee_of,
    inquiry,
    wilson,
    win_rate,
)
from billing.dispute_months import activities, month_before
from billing.dispute_thresholds import THRESHOLDS, Activity, standings
from store.dispute_reads import MonthOfNetwork

NO_RATE: tuple[Rate | None, str] = (None, "too few")


def test_the_interval_is_wilsons() -> None:
    """8 of 20: middle (16 + 3.8415) / (2 * 23.8415) = 0.4161, half 1.96 * sqrt(3.8415 + 4*8*12/20) / 47.683 = 0.1973."""
    rate = wilson(Record(8, 20), "fraudulent")
    assert rate.ppm == 400_000
    assert (round(rate.low_ppm / 1_000), round(rate.high_ppm / 1_000)) == (219, 613)
    assert wilson(Record(0, 10), "x").low_ppm == 0
    assert wilson(Record(10, 10), "x").high_ppm == 1_000_000


@given(st.integers(1, 5_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_share_lies_within_its_interval(counted: tuple[int, int]) -> None:
    rate = wilson(Record(*counted), "all")
    assert 0 <= rate.low_ppm <= rate.ppm <= rate.high_ppm <= 1_000_000


def test_a_rate_is_that_of_the_reason_else_of_all_reasons_else_none() -> None:
    own, words = win_rate({"fraudulent": Record(4, 10), "general": Record(9, 10)}, "fraudulent")
    assert own is not None
    assert (own.record, own.over, words) == (
        Record(4, 10),
        "fraudulent",
        "4 of 10 answered disputes for fraudulent were won.",
    )
    every, words = win_rate({"fraudulent": Record(1, 1), "general": Record(5, 9)}, "fraudulent")
    assert every is not None
    assert (every.record, every.over) == (Record(6, 10), "all reasons")
    assert words == "1 answered dispute for fraudulent decided so far: 6 of 10 of all reasons were won."
    none, words = win_rate({"general": Record(5, 9)}, "duplicate")
    assert none is None
    assert "No answered dispute for duplicate decided so far, 9 of all reasons: too few" in words


def test_fighting_is_worth_the_amount_when_won_less_the_fee_for_answering_when_lost() -> None:
    """4 of 10 at $100 with $15: (4 * 10,000 - 6 * 1,500) / 10 = 3,100; it pays above 1,500 / 11,500 = 13.04 %."""
    found = chargeback(10_000, "usd", 1_500, win_rate({"general": Record(4, 10)}, "general"))
    fight, accept = found.of("fight"), found.of("accept")
    assert fight is not None
    assert accept is not None
    assert (fight.expected_minor, accept.expected_minor, found.break_even_ppm) == (3_100, 0, 130_435)
    assert fight.low_minor is not None
    assert fight.high_minor is not None
    assert -1_500 < fight.low_minor < 3_100 < fight.high_minor < 10_000
    assert found.of("refund") is None  # the money is gone already
    without = chargeback(10_000, "usd", 1_500, NO_RATE).of("fight")
    assert without is not None
    assert (without.expected_minor, without.low_minor, without.high_minor) == (None, -1_500, 10_000)
    yen = chargeback(10_000, "jpy", 1_300, NO_RATE).of("fight")
    assert yen is not None
    assert yen.low_minor == 0  # answering costs nothing in Japan


def test_an_unknown_fee_is_not_taken_for_zero() -> None:
    assert (fee_of("usd", None), fee_of("usd", 2_000), fee_of("eur", None)) == (1_500, 2_000, None)
    found = chargeback(10_000, "eur", None, win_rate({"general": Record(4, 10)}, "general"))
    fight = found.of("fight")
    assert fight is not None
    assert (fight.expected_minor, fight.low_minor, found.break_even_ppm) == (None, None, None)
    assert "fee in EUR is not known" in fight.sentence


def test_refunding_an_inquiry_costs_the_amount_and_saves_the_fee() -> None:
    found = inquiry(10_000, 1_500, NO_RATE)
    refund, answer = found.of("refund"), found.of("answer")
    assert refund is not None
    assert answer is not None
    assert refund.expected_minor == -10_000
    # How many inquiries become chargebacks is not known, so no average is made up: from nothing to amount and fee.
    assert (answer.expected_minor, answer.low_minor, answer.high_minor) == (None, -11_500, 0)


def test_an_early_warning_is_refunded_or_waited_out_by_our_own_record() -> None:
    """9 of 12 became disputes: waiting costs 9 * 11,500 / 12 = 8,625 on average; refunding is cheaper above 10,000 / 11,500."""
    found = early_warning(10_000, "usd", 1_500, Record(9, 12))
    wait = found.of("wait")
    assert wait is not None
    assert (wait.expected_minor, found.break_even_ppm) == (-8_625, 869_565)
    assert found.rate_words == "9 of 12 earlier warnings became disputes."
    few = early_warning(10_000, "usd", 1_500, Record(2, 3))
    wait = few.of("wait")
    assert wait is not None
    assert (wait.expected_minor, wait.low_minor, wait.high_minor) == (None, -11_500, 0)
    assert "too few for a rate" in few.rate_words


def activity(network: str = "visa", month: date = date(2026, 10, 1), **given: Any) -> Activity:
    counts = {"payments": 0, "payments_month_before": 0, "disputes": 0, "fraud_disputes": 0, "fraud_usd_minor": 0}
    return Activity(month, network, **{**counts, "warnings": 0, **given})


def test_below_the_minimum_count_the_share_does_not_apply_and_that_is_said() -> None:
    (one,) = standings([activity(payments=400, disputes=12, warnings=6)])
    assert (one.threshold.program, one.events, one.share_ppm, one.standing) == ("VAMP", 18, 45_000, "below_minimum")
    assert one.sentence == (
        "18 events in October 2026, 4.50 % of 400 payments: below the minimum of 1,500 events, so the limit of 1.5 % does not "
        "apply to you yet. Your acquirer may still act."
    )


@pytest.mark.parametrize(
    ("month", "events", "expected"),
    [
        (date(2026, 3, 1), 1_500, "below"),  # 1.5 % of 100,000; the limit was 2.2 % until the end of March 2026
        (date(2026, 4, 1), 1_500, "crossed"),
        (date(2026, 4, 1), 1_499, "below_minimum"),
    ],
)
def test_the_limit_is_that_of_the_month(month: date, events: int, expected: str) -> None:
    (one,) = standings([activity(month=month, payments=100_000, disputes=1_000, warnings=events - 1_000)])
    assert one.standing == expected


def test_months_stand_beside_the_month_before() -> None:
    months = [
        MonthOfNetwork(date(2025, 12, 1), "visa", 900, 1, 0, 0, 0),
        MonthOfNetwork(date(2026, 1, 1), "visa", 1_000, 2, 1, 5_000, 3),
    ]
    visa, mastercard = activities(months, [date(2026, 1, 1)])
    assert (visa.payments, visa.payments_month_before, visa.disputes, visa.warnings) == (1_000, 900, 2, 3)
    assert (mastercard.network, mastercard.payments, mastercard.disputes) == ("mastercard", 0, 0)
    assert month_before(date(2026, 3, 1)) == date(2026, 2, 1)


def test_mastercard_divides_by_the_payments_of_the_month_before() -> None:
    found = standings(
        [activity("mastercard", payments=20_000, payments_month_before=10_000, disputes=150, fraud_disputes=100)]
    )
    assert [(one.threshold.program, one.share_ppm, one.standing) for one in found] == [
        ("ECM", 15_000, "crossed"),  # 150 of 10,000
        ("HECM", 15_000, "below_minimum"),
        ("EFM", 5_000, "below_minimum"),  # 100 of 20,000 reach 0.5 %, but not $50,000
    ]
    (empty,) = standings([activity(payments=0)])
    assert (empty.share_ppm, empty.standing) == (None, "below_minimum")
    assert not any(line.is_confirmed for line in THRESHOLDS if line.network == "mastercard")
