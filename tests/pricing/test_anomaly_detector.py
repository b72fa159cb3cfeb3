"""Which days are unusual: what each component finds, what must stay silent, and that no day depends on a later one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pricing.anomaly_detector import NAMES, Judged, judge

Grid = NDArray[np.float64]
DAYS = 200
TODAY = 150


def usage(rows: int = 1, seed: int = 0, noise: float = 0.08) -> tuple[Grid, Grid]:
    """Cost and requests of calm customers: $10 a day for 1,000 requests, weekends at 60 %."""
    random = np.random.default_rng(seed)
    days = np.arange(DAYS)
    week = np.where(days % 7 >= 5, 0.6, 1.0)
    requests = np.rint(1_000 * week * np.exp(random.normal(0, noise, (rows, DAYS))))
    return requests * 0.01 * np.exp(random.normal(0, 0.02, (rows, DAYS))), requests


def alerts(judged: Judged, row: int = 0) -> list[int]:
    return [int(day) for day in np.flatnonzero(judged.score[row] >= 1)]


def test_a_calm_year_with_weekends_is_silent() -> None:
    cost, requests = usage(rows=40)
    judged = judge(cost, requests)
    assert int((judged.score >= 1).sum()) == 0  # 40 x 200 days


@pytest.mark.parametrize(
    ("factor", "is_rise"),
    [(4.0, True), (0.0, False)],
    ids=["four times the requests on one day", "a day on which nothing was metered"],
)
def test_one_day_that_is_far_off_is_found_on_that_day(factor: float, is_rise: bool) -> None:
    cost, requests = usage()
    cost[0, TODAY] *= factor
    requests[0, TODAY] *= factor
    judged = judge(cost, requests)
    assert alerts(judged)[0] == TODAY
    assert bool(judged.is_rise[0, TODAY]) is is_rise


def test_longer_prompts_are_found_though_the_requests_stay_as_they_were() -> None:
    cost, requests = usage()
    cost[0, TODAY:] *= 1.6
    judged = judge(cost, requests)
    first = alerts(judged)[0]
    assert TODAY <= first <= TODAY + 1  # both of two days
    assert NAMES[judged.component[0, first]].startswith("cost_per_request")


def test_a_level_that_stays_is_told_and_then_is_the_new_usual() -> None:
    cost, requests = usage()
    cost[0, 100:], requests[0, 100:] = cost[0, 100:] * 2, requests[0, 100:] * 2
    found = alerts(judge(cost, requests))
    assert 100 <= found[0] <= 103
    assert found[-1] < 100 + 5 * 7  # the fifth week compares with weeks of the new level


def test_a_batch_that_comes_every_month_surprises_nobody() -> None:
    cost, requests = usage()
    for day in range(20, DAYS, 28):
        cost[0, day], requests[0, day] = cost[0, day] * 5, requests[0, day] * 5
    assert [day for day in alerts(judge(cost, requests)) if day > 20 + 3 * 28] == []


def test_what_happens_to_everybody_on_one_day_is_no_news_about_anybody() -> None:
    cost, requests = usage(rows=60)
    cost[:, TODAY], requests[:, TODAY] = cost[:, TODAY] * 0.3, requests[:, TODAY] * 0.3
    assert int((judge(cost, requests).score[:, TODAY] >= 1).sum()) == 0
    alone, asked = usage(rows=1)
    alone[0, TODAY], asked[0, TODAY] = alone[0, TODAY] * 0.01, asked[0, TODAY] * 0.01
    assert TODAY in alerts(judge(alone, asked))  # the same fall of the only customer is


def test_a_customer_who_hardly_comes_is_found_when_coming_with_much_more() -> None:
    cost, requests = usage()
    gone = np.arange(DAYS) % 6 != 0
    cost[0, gone], requests[0, gone] = 0.0, 0.0
    day = next(day for day in range(TODAY, DAYS) if not gone[day])
    cost[0, day], requests[0, day] = cost[0, day] * 40, requests[0, day] * 40
    judged = judge(cost, requests)
    assert alerts(judged) == [day]
    assert NAMES[judged.component[0, day]] == "sparse"


def test_late_days_are_missing_and_not_a_fall() -> None:
    cost, requests = usage(rows=3)
    cost[:, -2:], requests[:, -2:] = np.nan, np.nan
    assert int((judge(cost, requests).score[:, -2:] > 0).sum()) == 0


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), until=st.integers(30, DAYS - 1), rows=st.integers(1, 5))
def test_a_day_is_judged_by_what_was_known_then(seed: int, until: int, rows: int) -> None:
    cost, requests = usage(rows, seed, noise=0.4)
    whole, then = judge(cost, requests), judge(cost[:, :until], requests[:, :until])
    np.testing.assert_array_equal(whole.score[:, :until], then.score)
