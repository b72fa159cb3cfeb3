"""Customers who do not pay and go on using: what it costs a day, since the failure, and until the last try."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.watch_burn import Burner, past_due_burn
from pricing.finding import Subject
from tests.pricing.watched import watching

ADA = Burner(
    customer_id="cus_ada", name="Ada", failed_at=datetime(2026, 11, 20, 8, tzinfo=UTC), invoices=1, owed_minor=49_00,
    since_minor=33_00, recent_minor=21_00, unpriced_events=0, last_used=date(2026, 11, 30), known_until=date(2026, 11, 30),
)  # fmt: skip


def test_what_is_burned_is_told_and_carried_on_to_the_last_try() -> None:
    """21.00 in 7 days are 3.00 a day; 30 days after 20 November is 20 December, 20 days on: 33.00 + 60.00."""
    (found,) = past_due_burn([ADA], watching())
    assert (found.actual, found.impact_minor, found.score) == (33_00, 33_00, 1.5)
    assert (found.facts["per_day_minor"], found.facts["until_last_try_minor"]) == (3_00, 93_00)
    assert found.sentence == (
        "Ada has owed $49.00 since 20 November, and their usage goes on at $3.00 a day, $33.00 since the failure; by the last try on 20 "
        "December it will be $93.00. Write to them, or limit their usage until they have paid, if your contract lets you."
    )


def test_at_the_first_look_after_the_failure_the_last_week_is_told() -> None:
    just_failed = replace(ADA, failed_at=datetime(2026, 12, 1, 8, tzinfo=UTC), since_minor=0)
    (found,) = past_due_burn([just_failed], replace(watching(), day=date(2026, 12, 1)))
    assert (found.day, found.is_provisional) == (date(2026, 12, 1), True)
    assert "usage since then is not known yet, the last week's cost $3.00 a day" in found.sentence
    assert found.impact_minor == 0


@pytest.mark.parametrize(
    "quiet",
    [
        replace(ADA, recent_minor=13_99),
        replace(ADA, last_used=date(2026, 11, 27)),
        replace(ADA, last_used=None),
        replace(ADA, recent_minor=None, since_minor=None),
    ],
    ids=["below two dollars a day", "has stopped", "never used", "no exchange rate"],
)
def test_who_hardly_uses_or_has_stopped_is_not_told(quiet: Burner) -> None:
    assert past_due_burn([quiet], watching()) == []


def test_several_invoices_and_usage_without_a_price_are_said() -> None:
    (found,) = past_due_burn([replace(ADA, invoices=2, unpriced_events=4, owed_minor=None)], watching())
    assert "Ada has owed on 2 invoices since 20 November" in found.sentence
    assert "Usage without a price comes on top (4 events)." in found.sentence
    assert found.facts["owed_minor"] == "unknown: no exchange rate"


def test_when_the_tries_are_over_nothing_is_projected() -> None:
    (found,) = past_due_burn([replace(ADA, failed_at=datetime(2026, 10, 1, tzinfo=UTC))], watching())
    assert "by the last try" not in found.sentence


@given(recent=st.integers(min_value=0, max_value=10**6), more=st.integers(min_value=0, max_value=10**4))
def test_it_speaks_from_two_dollars_a_day_on_and_ends_at_half(recent: int, more: int) -> None:
    found = past_due_burn([replace(ADA, recent_minor=recent)], watching())
    assert bool(found) == (recent >= 14_00)
    if found:
        (hotter,) = past_due_burn([replace(ADA, recent_minor=recent + more)], watching())
        assert hotter.score >= found[0].score
    looking = watching(None, ("past_due_burn", Subject(scope="customer", customer_id="cus_ada")))
    assert bool(past_due_burn([replace(ADA, recent_minor=recent)], looking)) == (recent > 7_00)
