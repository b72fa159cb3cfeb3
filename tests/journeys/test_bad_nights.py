"""Refunds move exactly once on every bad night that the dice can think of; a failing seed tells its story and replays."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys import bad_nights
from tests.journeys.bad_nights import OutboxNight
from tests.journeys.conftest import seeds


@pytest.mark.slow
@pytest.mark.parametrize("numbers", seeds(40), ids=lambda numbers: f"from {numbers.start}")
def test_no_night_at_the_outbox_moves_money_twice_or_forgets_it(
    numbers: range, live: Callable[[int, type[Any], Any, Any], None]
) -> None:
    for seed in numbers:
        live(seed, OutboxNight, bad_nights.live_through, bad_nights.broken_promises)
