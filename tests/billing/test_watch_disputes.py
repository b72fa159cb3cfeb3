"""Disputes near a network's limits: crossed, on the way, high but too few to bind; and never by a handful or by chance."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dispute_thresholds import Activity
from billing.watch_disputes import dispute_rate
from pricing.finding import Finding, Subject
from tests.pricing.watched import watching

NOVEMBER = date(2026, 11, 1)
VISA = Subject(scope="network", name="visa")


def month(network: str = "visa", **counts: Any) -> Activity:
    none = dict.fromkeys(
        ("payments", "payments_month_before", "disputes", "fraud_disputes", "fraud_usd_minor", "warnings"), 0
    )
    return Activity(NOVEMBER, network, **none | counts)


def only(*months: Activity) -> Finding:
    (found,) = dispute_rate(months, watching())
    return found


def test_a_crossed_limit_is_told_with_its_counts_and_its_source() -> None:
    """1,600 of 100,000 is 1.6 %, over 1.5 %; the score is 1.6 over the 1.125 % from which it warns."""
    found = only(month(payments=100_000, disputes=1_000, warnings=600))
    assert (found.subject, found.actual, found.expected) == (VISA, 16_000, 15_000)
    assert found.score == pytest.approx(1.6 / 1.125)
    assert (found.facts["level"], found.facts["numerator"], found.facts["denominator"]) == ("crossed", 1_600, 100_000)
    assert found.sentence.startswith(
        "1,600 disputes and fraud warnings on Visa in November, 1.6 % of 100,000 payments of the month: Visa's VAMP limit of 1.5 % is crossed"
    )
    assert "VAMP" in str(found.facts["program"])


def test_three_quarters_of_the_limit_with_three_quarters_of_its_count_warn_early() -> None:
    found = only(month(payments=100_000, disputes=1_200))
    assert (found.facts["level"], found.facts["minimum_count"]) == ("early_warning", 1_500)
    assert "on the way to Visa's VAMP limit of 1.5 %" in found.sentence


def test_few_payments_with_many_disputes_are_told_though_no_program_binds() -> None:
    found = only(month(payments=400, disputes=12, warnings=4))
    assert (found.facts["level"], found.actual) == ("below_minimum", 40_000)
    assert "which does not bind you below 1,500 events a month, but your acquirer may act" in found.sentence


@pytest.mark.parametrize(
    "quiet",
    [
        month(payments=20, disputes=4),
        month(payments=400, disputes=7),
        month(payments=100_000, disputes=1_000),
        month(disputes=9),
        month("mastercard", payments=2_000, payments_month_before=2_000, disputes=20, fraud_disputes=20),
    ],
    ids=["a handful", "chance", "below", "no payments", "fraud alone, too little of it"],
)
def test_a_handful_chance_and_what_is_below_are_not_told(quiet: Activity) -> None:
    assert dispute_rate([quiet], watching()) == []


def test_what_is_open_goes_on_though_fewer_payments_make_it_less_sure() -> None:
    looking = watching(None, ("dispute_rate", VISA))
    assert dispute_rate([month(payments=400, disputes=7)], watching()) == []
    assert len(dispute_rate([month(payments=400, disputes=7)], looking)) == 1


def test_each_network_is_told_once_by_its_worst_month_and_program() -> None:
    """Mastercard: 250 of the 10,000 payments of the month before are 2.5 %: over ECM's 1.5 %, with a limit of HECM's 3 % ahead."""
    other = month("mastercard", payments=9_000, payments_month_before=10_000, disputes=250)
    found = dispute_rate([month(payments=100_000, disputes=1_600), other], watching())
    assert [each.subject.name for each in found] == ["mastercard", "visa"]
    assert found[0].facts["program"] == "mastercard ECM (excessive)"
    assert "2.5 % of 10,000 payments of the month before" in found[0].sentence


@given(payments=st.integers(min_value=0, max_value=200_000), disputes=st.integers(min_value=0, max_value=3_000))
def test_fewer_than_five_never_alert_and_one_more_never_scores_less_at_the_same_level(
    payments: int, disputes: int
) -> None:
    found = dispute_rate([month(payments=payments, disputes=disputes)], watching())
    if disputes < 5:
        assert found == []
    if found:
        (more,) = dispute_rate([month(payments=payments, disputes=disputes + 1)], watching())
        assert more.score >= found[0].score or more.facts["level"] != found[0].facts["level"]
        assert found[0].score >= 1
