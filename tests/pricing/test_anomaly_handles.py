"""What is usual in usage and must ring nobody, and what changes and must: weekdays, growth, launches, gaps, levels, drifts, month ends."""

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from pricing.anomaly_detector import judge

Floats = NDArray[np.float64]
FIRST = date(2026, 1, 1)
DAYS = 300
CUSTOMERS = 20


def noise(seed: int, width: float = 0.1, rows: int = CUSTOMERS) -> Floats:
    """Correlated noise with heavy tails: Student's t with four degrees of freedom, 0.4 of it kept to the next day."""
    random = np.random.default_rng(seed)
    jolts = random.standard_t(4, (rows, DAYS)) * width / np.sqrt(2)
    found = np.zeros((rows, DAYS))
    for day in range(DAYS):
        found[:, day] = jolts[:, day] + (0.4 * found[:, day - 1] if day else 0)
    return found


def usage(shape: Floats, *, seed: int = 1, width: float = 0.1) -> tuple[Floats, Floats]:
    """Cost and requests of 20 customers with 1,000 requests a day times `shape` (a day's, or a customer's and day's), at a cent each."""
    requests = np.rint(1_000 * np.exp(noise(seed, width)) * shape)
    return requests * 0.01, requests


def told(cost: Floats, requests: Floats, since: int = 0) -> list[tuple[int, int]]:
    """The customers and days that are told from a day on."""
    flags = judge(cost, requests).score >= 1
    flags[:, :since] = False
    return [(int(row), int(day)) for row, day in np.argwhere(flags)]


def changed(requests: Floats, row: int, days: slice, factor: float | Floats) -> tuple[Floats, Floats]:
    """Cost and requests with one customer's days multiplied."""
    more = requests.copy()
    more[row, days] = np.rint(more[row, days] * factor)
    return more * 0.01, more


DAY = np.arange(DAYS)
WEEKDAY = (DAY + FIRST.weekday()) % 7
MONTH_END = np.array([(FIRST + timedelta(days=int(day) + 1)).day == 1 for day in DAY])


@pytest.mark.parametrize(
    "shape",
    [
        np.where(WEEKDAY >= 5, 0.1, 1.0),
        np.exp(DAY / 7 * np.log(1.05)),
        np.exp(-DAY / 7 * np.log(1.03)),
        np.where(MONTH_END, 1.8, 1.0),
    ],
    ids=["weekends at a tenth", "five percent more each week", "three percent less each week", "busier month ends"],
)
def test_what_recurs_or_grows_slowly_rings_hardly_anybody(shape: Floats) -> None:
    """20 customers over 240 days are 4,800 looks: two may ring."""
    assert len(told(*usage(shape), since=60)) <= 2


def test_a_batch_at_each_month_end_rings_until_it_is_known_and_not_again() -> None:
    cost, requests = usage(np.where(MONTH_END, 6.0, 1.0))
    days = {day for _, day in told(cost, requests, since=14)}
    assert days <= {day for day in np.flatnonzero(MONTH_END) if day < 60} | {
        day + 1 for day in np.flatnonzero(MONTH_END)
    }
    alone, asked = changed(usage(np.ones(DAYS))[1], 3, slice(None), np.where(MONTH_END, 6.0, 1.0))
    assert [day for row, day in told(alone, asked, since=120) if row == 3] == []


def test_a_new_customer_is_not_judged_for_two_weeks_and_a_spike_after_that_is_found() -> None:
    _, requests = usage(np.ones(DAYS))
    for day, is_found in ((160, False), (190, True)):
        new_cost, new_requests = changed(requests, 5, slice(day, day + 2), 8.0)
        new_cost[5, :150], new_requests[5, :150] = np.nan, np.nan
        assert bool([one for one in told(new_cost, new_requests) if one[0] == 5]) is is_found


def test_a_launch_that_grows_for_weeks_is_no_spike() -> None:
    """From a twentieth of its level, over five weeks: a customer who begins."""
    _, requests = usage(np.ones(DAYS))
    cost, asked = changed(requests, 5, slice(100, None), 0.05 + 0.95 / (1 + np.exp(-(np.arange(200) - 18) / 4)))
    cost[5, :100], asked[5, :100] = np.nan, np.nan
    assert [one for one in told(cost, asked) if one[0] == 5] == []


def test_usage_on_some_days_only_is_quiet_and_rings_when_it_is_much_and_again() -> None:
    """A third of the days at random, of a few hundred requests; then four days of use with fifteen times as many."""
    random = np.random.default_rng(7)
    shape = (random.random((CUSTOMERS, DAYS)) < 0.33) * random.lognormal(-1, 0.4, (CUSTOMERS, DAYS))
    cost, requests = usage(shape)
    assert len(told(cost, requests, since=60)) <= 2
    used = np.flatnonzero(requests[4] > 0)
    at = used[used > 200][:4]
    requests[4, at] *= 15
    found = [day for row, day in told(requests * 0.01, requests, since=200) if row == 4]
    assert found[0] in at[:2]


def test_a_new_level_is_found_within_days_and_is_then_the_usual() -> None:
    cost, requests = changed(usage(np.ones(DAYS))[1], 2, slice(150, None), 2.5)
    days = [day for row, day in told(cost, requests) if row == 2]
    assert 150 <= days[0] <= 153
    assert days[-1] < 150 + 6 * 7
    # One episode: no two of its days are more than a week apart.
    assert max(np.diff(days)) <= 7


def test_a_rise_over_weeks_is_found_and_a_drift_over_months_is_not() -> None:
    _, requests = usage(np.ones(DAYS))
    cost, rising = changed(requests, 6, slice(150, 192), np.geomspace(1, 4, 42))
    assert any(row == 6 and 150 < day <= 178 for row, day in told(cost, rising))
    cost, drifting = changed(requests, 6, slice(100, 280), np.geomspace(1, 1.5, 180))
    assert [one for one in told(cost, drifting) if one[0] == 6] == []


def test_days_that_are_missing_for_all_or_for_one_are_no_fall_and_no_rise_afterwards() -> None:
    cost, requests = usage(np.ones(DAYS))
    for rows, days in ((slice(None), slice(200, 203)), (slice(3, 4), slice(240, 247))):
        cost[rows, days], requests[rows, days] = np.nan, np.nan
    assert told(cost, requests, since=200) == []


def test_one_heavy_day_does_not_make_its_whole_week_unusual() -> None:
    cost, requests = changed(usage(np.ones(DAYS))[1], 8, slice(200, 201), 12.0)
    assert [day for row, day in told(cost, requests, since=199) if row == 8] == [200]
