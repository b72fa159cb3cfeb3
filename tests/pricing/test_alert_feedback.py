"""What answers do to limits: the arithmetic of false alarms, confirmations, accepted levels and measured precision."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.alert_feedback import (
    CONFIRMED,
    FACTOR_MAX,
    HUGE_MINOR,
    NORMAL_FOR,
    REJECTED,
    WEARS_OFF,
    Tuning,
    factor_of,
    precision,
    why_silent,
    wide_factor,
)
from tests.alert_fixtures import BIG, PICO, found

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)


def answered(factor: Fraction, *, days_ago: int = 0, **fields: object) -> Tuning:
    at = NOW - timedelta(days=days_ago)
    given_: dict[str, object] = {"detector": "cost_spike", "subject_key": BIG.key, "factor": factor}
    return Tuning(**(given_ | {"set_at": at, "ends_at": at + WEARS_OFF} | fields))  # type: ignore[arg-type]  # test fields


def test_each_false_alarm_raises_the_limit_by_a_quarter_and_it_wears_off_evenly_in_90_days() -> None:
    assert factor_of([], NOW) == 1
    assert factor_of([answered(REJECTED)], NOW) == Fraction(5, 4)
    assert factor_of([answered(REJECTED)] * 2, NOW) == Fraction(25, 16)
    assert factor_of([answered(REJECTED, days_ago=45)], NOW) == Fraction(9, 8)  # 1 + 1/4 x 45/90
    assert factor_of([answered(REJECTED, days_ago=90)], NOW) == 1


def test_a_confirmation_takes_a_tenth_off_and_never_below_the_detectors_own_limit() -> None:
    assert factor_of([answered(REJECTED), answered(CONFIRMED)], NOW) == Fraction(9, 8)  # 5/4 x 9/10
    assert factor_of([answered(CONFIRMED)] * 5, NOW) == 1


@given(st.lists(st.tuples(st.sampled_from([REJECTED, CONFIRMED]), st.integers(0, 120)), max_size=40))
def test_the_limit_stays_between_one_and_two_times_its_own(answers: list[tuple[Fraction, int]]) -> None:
    factor = factor_of([answered(each, days_ago=ago) for each, ago in answers], NOW)
    assert 1 <= factor <= FACTOR_MAX


def test_a_day_like_the_one_called_no_issue_stays_silent_and_one_twice_as_large_is_told() -> None:
    rejected = [answered(REJECTED, impact_minor=20_000)]
    assert why_silent(found(score=1.3), rejected) is None  # 1.3 > 1.25
    silent = why_silent(found(score=1.2), rejected)
    assert silent == "Earlier answers raised the limit to 1.25 times; this reaches 1.20."
    assert why_silent(found(usd=499, score=1.2), rejected) is not None  # $399 < 2 x $200
    assert why_silent(found(usd=500, score=1.2), rejected) is None  # $400 = 2 x $200


def test_a_thousand_dollars_a_day_are_told_whatever_was_answered() -> None:
    rejected = [answered(REJECTED, impact_minor=90_000)] * 9
    assert why_silent(found(usd=1_099, score=1.0), rejected) is not None
    assert found(usd=1_100).impact_minor == HUGE_MINOR
    assert why_silent(found(usd=1_100, score=1.0), rejected) is None


def test_an_accepted_level_is_normal_for_six_weeks_with_a_quarter_of_room_and_in_its_direction_only() -> None:
    at = NOW - timedelta(days=10)
    level = [answered(Fraction(1), level=200 * PICO, set_at=at, ends_at=at + NORMAL_FOR)]
    assert why_silent(found(usd=350, score=9.0), level) == "It is within the level that was called normal."
    assert why_silent(found(usd=351, score=9.0), level) is None  # 351 - 100 > 1.25 x 200
    assert why_silent(found(usd=20, score=9.0), level) is None  # a fall was not called normal
    assert why_silent(found(day=(at + NORMAL_FOR).date(), usd=350, score=9.0), level) is None


@pytest.mark.parametrize(
    ("confirmed", "rejected", "factor"),
    [(0, 9, 1), (0, 10, Fraction(5, 4)), (5, 5, 1), (9, 1, 1), (2, 8, Fraction(23, 20))],
)
def test_a_detector_that_is_wrong_more_often_than_right_gets_a_higher_limit(
    confirmed: int, rejected: int, factor: Fraction
) -> None:
    assert wide_factor(confirmed, rejected) == factor  # 2 of 10: 1 + (1/2 - 1/5) / 2 = 1.15; nothing below ten answers


def test_precision_is_confirmed_over_answered_and_unknown_below_five_answers() -> None:
    assert precision(3, 1) is None
    assert precision(11, 3) == Fraction(11, 14)
