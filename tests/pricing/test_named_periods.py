"""A period is named as people name it, and what is none is said to be none."""

from datetime import date

import pytest

from pricing.named_periods import NotAPeriod, choices, named


def test_months_quarters_and_years_have_their_months() -> None:
    assert named("2026-10").months == (date(2026, 10, 1),)
    assert named(" 2026-q3 ") == named("2026-Q3")
    assert named("2026-Q3").months == (date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1))
    assert named("2026").months[-1] == date(2026, 12, 1)


@pytest.mark.parametrize("name", ["2026-13", "2026-00", "October", "2026-Q5", "26-10", "", "2026-10-01", "0000"])
def test_what_is_no_period_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(NotAPeriod, match="A period is a month"):
        named(name)


def test_only_whole_quarters_and_years_can_be_chosen() -> None:
    months = [date(2026, month, 1) for month in range(3, 8)]
    names = [period.name for period in choices(months)]
    assert names == ["2026-07", "2026-06", "2026-05", "2026-04", "2026-03", "2026-Q2"]
