"""The networks' budgets: 15 tries in 30 days with Visa, 10 a day and 35 in 30 days with Mastercard, never more."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from billing.network_budgets import budgets_of, earliest_try, tries_left

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_visa_allows_fifteen_tries_in_thirty_days() -> None:
    tried = [NOON + timedelta(days=day) for day in range(15)]
    assert tries_left("visa", tried[:14], NOON + timedelta(days=14)) == 15 - 14
    assert tries_left("visa", tried, NOON + timedelta(days=15)) == 15 - 15
    assert earliest_try("visa", tried, NOON + timedelta(days=15)) == NOON + timedelta(days=30)


def test_mastercard_allows_ten_tries_a_day() -> None:
    tried = [NOON + timedelta(hours=hour) for hour in range(10)]
    assert tries_left("mastercard", tried, NOON + timedelta(hours=10)) == 10 - 10
    assert earliest_try("mastercard", tried, NOON + timedelta(hours=10)) == NOON + timedelta(hours=24)


def test_an_unknown_brand_is_held_to_every_rule() -> None:
    tried = [NOON + timedelta(hours=hour) for hour in range(10)]
    assert tries_left(None, tried, NOON + timedelta(hours=10)) == min(15 - 10, 10 - 10, 35 - 10)


@pytest.mark.parametrize("brand", ["visa", "mastercard", "amex", None])
@pytest.mark.parametrize("seed", range(20))
def test_tries_made_when_allowed_never_exceed_a_budget(brand: str | None, seed: int) -> None:
    random, moment, tried = Random(seed), NOON, list[datetime]()
    for _ in range(80):
        moment = earliest_try(brand, tried, moment + timedelta(minutes=random.randint(1, 2_000)))
        assert tries_left(brand, tried, moment) >= 1
        tried.append(moment)
    for budget in budgets_of(brand):
        for end in tried:
            assert sum(end - budget.window < one <= end for one in tried) <= budget.tries
