"""No bank is answered and no card charged twice on any bad night; a failing seed tells its story and replays."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys import bad_case_nights, case_promises
from tests.journeys.bad_case_nights import CaseNight
from tests.journeys.conftest import seeds


@pytest.mark.slow
@pytest.mark.parametrize("numbers", seeds(60), ids=lambda numbers: f"from {numbers.start}")
def test_no_night_of_disputes_and_failed_payments_answers_or_charges_twice(
    numbers: range, live: Callable[[int, type[Any], Any, Any], None]
) -> None:
    for seed in numbers:
        live(seed, CaseNight, bad_case_nights.live_through, case_promises.broken_promises)
