"""Low margins and customers turned unprofitable: from the limit on, never of what is unknown, and silent again only clearly beyond it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.coverage import Coverage
from pricing.finding import Subject
from pricing.margin import UsageCost, margin
from pricing.money import NANO
from pricing.watch_margin import Period, margin_floor, turned_unprofitable
from tests.pricing.watched import DAY, watching

CENT = 10**10
ADA = Subject(scope="customer", customer_id="cus_ada")
KNOWN = Coverage(priced=Fraction(1), attributed=Fraction(1), reconciled=None)


def period(
    earned: int | None,
    cost: int,
    *,
    net: int | None = None,
    customer_id: str | None = "cus_ada",
    unpriced: tuple[int | None, int | None] = (0, 0),
    coverage: Coverage = KNOWN,
    usd_rate_nano: int | None = NANO,
) -> Period:
    """30 days to 29 November in cents; `unpriced` is what usage without a price costs at the least and the most."""
    low, high = (None if cents is None else cents * CENT for cents in unpriced)
    usage = UsageCost(
        cost_pico_usd=cost * CENT, unpriced_low_pico_usd=low, unpriced_high_pico_usd=high, coverage=coverage
    )
    net_minor = earned if net is None else net
    found = margin(net_minor, usage, "usd", usd_rate_nano)
    return Period(
        customer_id=customer_id, name="Ada", end=DAY, net_revenue_minor=net_minor, earned_minor=earned, margin=found
    )


def test_a_margin_below_its_floor_says_by_how_much() -> None:
    """(100.00 - 90.00) / 100.00 = 10 %; a floor of 20 % allows 80.00, so 10.00 too much; 90 / 80 = 1.125 times what it allows."""
    (found,) = margin_floor([period(100_00, 90_00)], watching())
    assert (found.actual, found.expected, found.impact_minor, found.score) == (100_000, 200_000, 10_00, 1.125)
    assert not found.is_rise
    assert found.sentence == (
        "Ada's gross margin (AI usage only) was 10 % in the 30 days to 29 November, below its floor of 20 %: $100.00 of revenue, "
        "$90.00 of AI cost. Raise the price, limit the usage or move it to a cheaper model; What-if shows what each would bring."
    )


@pytest.mark.parametrize(
    ("cost", "is_open", "speaks"),
    [
        (80_00, False, True),  # at the floor
        (79_99, False, False),  # a cent above it: nothing new
        (79_99, True, True),  # but what is open is not over
        (72_01, True, True),
        (72_00, True, False),  # 0.9 of what the floor allows: clearly above it
    ],
)
def test_it_does_not_flap_about_its_floor(cost: int, is_open: bool, speaks: bool) -> None:
    looking = watching(None, *([("margin_floor", ADA)] if is_open else []))  # type: ignore[list-item] # a literal of the detectors
    assert len(margin_floor([period(100_00, cost)], looking)) == speaks


def test_a_band_that_reaches_below_the_floor_says_may() -> None:
    """At 75.00 of known cost 25 %; up to 9.00 more without a price: 16 % at the least."""
    (found,) = margin_floor([period(100_00, 75_00, unpriced=(1_00, 9_00))], watching())
    assert (found.score, found.impact_minor, found.lower, found.upper) == (1.0, None, 160_000, 240_000)
    assert (
        "may be below its floor of 20 %: 25 % in the 30 days to 29 November by the usage that has a price, and down to 16 %"
        in found.sentence
    )


@pytest.mark.parametrize(
    "unknown",
    [
        period(100_00, 99_00, coverage=Coverage(priced=Fraction(94, 100), attributed=Fraction(1))),
        period(100_00, 99_00, coverage=Coverage(priced=Fraction(1), attributed=Fraction(949, 1000))),
        period(100_00, 99_00, coverage=Coverage(priced=Fraction(1), reconciled=Fraction(1, 2))),
        period(None, 99_00),
        period(100_00, 99_00, usd_rate_nano=None),
        period(100_00, 99_00, unpriced=(None, None)),
        period(19_99, 19_00),
        period(0, 99_00),
        period(99_99, 99_00, customer_id=None),
    ],
    ids=["not priced", "nobody's", "bills differ", "no rate of revenue", "no dollar rate", "no range", "small", "nothing sold", "small company"],
)  # fmt: skip
def test_an_unknown_or_tiny_margin_is_no_low_one(unknown: Period) -> None:
    assert margin_floor([unknown], watching()) == []


def test_the_company_has_a_floor_of_its_own() -> None:
    """45 % is above a customer's 20 % and below the company's 50 %."""
    assert margin_floor([period(1_000_00, 550_00)], watching()) == []
    (found,) = margin_floor([period(1_000_00, 550_00, customer_id=None)], watching())
    assert found.subject == Subject(scope="company")
    assert found.sentence.startswith("Your gross margin (AI usage only) was 45 %")


@given(
    net=st.integers(min_value=1, max_value=10**7),
    cost=st.integers(min_value=0, max_value=2 * 10**7),
    more=st.integers(min_value=0, max_value=10**6),
    high=st.integers(min_value=0, max_value=10**6),
)
def test_more_cost_never_lowers_the_score_and_speaks_whenever_less_did(
    net: int, cost: int, more: int, high: int
) -> None:
    less = margin_floor([period(net, cost, unpriced=(0, high))], watching())
    dearer = margin_floor([period(net, cost + more, unpriced=(0, high))], watching())
    assert len(less) <= len(dearer)
    if less:
        assert dearer[0].score >= less[0].score >= 1
    if net < 20_00:
        assert not dearer


BEFORE = period(100_00, 40_00)


def test_who_made_money_and_now_costs_more_than_they_bring_has_turned() -> None:
    """After 100.00 - 40.00 now 80.00 - 130.00: a loss of 50.00, five times the least that counts."""
    (found,) = turned_unprofitable([(BEFORE, period(80_00, 130_00))], watching())
    assert (found.actual, found.expected, found.impact_minor, found.score) == (130_00, 80_00, 50_00, 5.0)
    assert (
        "$130.00 of AI cost against $80.00 of revenue in the 30 days to 29 November, a loss of $50.00; the 30 days before left $60.00."
        in found.sentence
    )


@pytest.mark.parametrize(
    "before",
    [
        period(100_00, 100_00),
        period(19_99, 0),
        period(None, 0),
        period(100_00, 40_00, unpriced=(0, 60_00)),
        period(100_00, 40_00, unpriced=(None, None)),
        period(100_00, 40_00, coverage=Coverage(priced=Fraction(9, 10))),
    ],
    ids=["no profit", "small", "unknown revenue", "perhaps no profit", "no range", "not priced"],
)
def test_who_was_not_known_to_make_money_has_not_turned(before: Period) -> None:
    assert turned_unprofitable([(before, period(80_00, 130_00))], watching()) == []


def test_a_refund_of_other_days_turns_nobody() -> None:
    assert turned_unprofitable([(BEFORE, period(100_00, 40_00, net=-200_00))], watching()) == []


def test_a_loss_goes_on_when_the_days_before_were_a_loss_too_and_ends_when_half_is_made_up() -> None:
    lossy = period(80_00, 130_00)
    assert turned_unprofitable([(lossy, lossy)], watching()) == []
    looking = watching(None, ("turned_unprofitable", ADA))
    assert len(turned_unprofitable([(lossy, lossy)], looking)) == 1
    assert len(turned_unprofitable([(lossy, period(80_00, 85_01))], looking)) == 1
    assert turned_unprofitable([(lossy, period(80_00, 85_00))], looking) == []


@given(cost=st.integers(min_value=0, max_value=10**6), earned=st.integers(min_value=0, max_value=10**6))
def test_it_speaks_exactly_of_losses_from_ten_dollars_on(cost: int, earned: int) -> None:
    found = turned_unprofitable([(BEFORE, period(earned, cost))], watching())
    assert bool(found) == (cost - earned >= 10_00)
    assert all(each.impact_minor == cost - earned for each in found)
