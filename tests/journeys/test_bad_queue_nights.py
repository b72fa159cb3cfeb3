"""The refund queue keeps its promises on every bad night; a failing seed tells its story and replays."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys import bad_queue_nights, queue_promises
from tests.journeys.bad_queue_nights import QueueNight
from tests.journeys.conftest import seeds


@pytest.mark.slow
@pytest.mark.parametrize("numbers", seeds(120), ids=lambda numbers: f"from {numbers.start}")
def test_no_night_at_the_refund_queue_loses_an_event_or_a_request(
    numbers: range, live: Callable[[int, type[Any], Any, Any], None]
) -> None:
    for seed in numbers:
        live(seed, QueueNight, bad_queue_nights.live_through, queue_promises.broken_promises)
