"""The line that every margin wears: what was measured, what was not, and why a state is unknown."""

from fractions import Fraction

from dashboard import coverage_line
from pricing.coverage import Coverage
from pricing.margin import UsageCost, margin
from pricing.money import NANO

DOLLAR = 10**12
WHOLE = Coverage(priced=Fraction(1), attributed=Fraction(1), reconciled=Fraction(1))


def said(coverage: Coverage = WHOLE, *, low: int | None = 0, high: int | None = 0) -> list[str]:
    usage = UsageCost(
        cost_pico_usd=30 * DOLLAR, unpriced_low_pico_usd=low, unpriced_high_pico_usd=high, coverage=coverage
    )
    return coverage_line.parts_of(margin(100_00, usage, "usd", NANO))


def test_all_three_coverages_stand_side_by_side() -> None:
    coverage = Coverage(priced=Fraction(97, 100), attributed=Fraction(96, 100), reconciled=Fraction(99, 100))
    assert said(coverage) == [
        "range below 0.1 pp",
        "97.0% of usage priced",
        "96.0% of AI cost attributed to customers",
        "99.0% of AI cost agrees with the providers' bills",
    ]


def test_what_was_not_measured_is_said_and_never_a_number() -> None:
    words = said(Coverage())
    assert words[1:] == ["no usage to price", "no AI cost to attribute", coverage_line.NOT_MEASURED]


def test_a_range_below_the_margin_says_what_it_counts() -> None:
    """70 % of known cost; $1 to $5 more make it 65 to 69 %."""
    assert said(low=DOLLAR, high=5 * DOLLAR)[0] == "range 65.0\u2009\u2013\u200969.0% once unpriced usage is counted"
    assert said(low=0, high=5 * DOLLAR)[0] == "range 65.0\u2009\u2013\u200970.0%"
    assert said(low=None, high=None)[0] == "range unknown"


def test_an_unknown_state_names_each_reason_with_its_number() -> None:
    low = Coverage(priced=Fraction(90, 100), attributed=Fraction(1), reconciled=Fraction(94, 100))
    found = margin(100_00, UsageCost(cost_pico_usd=30 * DOLLAR, coverage=low), "usd", NANO)
    assert coverage_line.unknown_because(found.reasons) == (
        "State unknown: only 90.0% of the usage has a price (95.0% is needed); "
        "only 94.0% of the AI cost agrees with the providers' bills (95.0% is needed)."
    )
