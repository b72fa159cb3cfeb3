"""Rates against the own past: few payments never alert, chance does not, and a rise that is open ends at half its limit."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pricing.finding import Subject
from pricing.share_interval import rise_at_least_ppm, wilson_ppm
from pricing.watch_payments import DayOfPayments, payment_rate
from tests.pricing.watched import DAY, watching

COMPANY = Subject(scope="company")


def story(now: tuple[int, int], before: tuple[int, int], *, minor: int | None = 0) -> list[DayOfPayments]:
    """`part` of `whole` ten days ago, and 60 days ago."""
    return [
        DayOfPayments(day=DAY - timedelta(days=10), whole=now[1], part=now[0], part_minor=minor),
        DayOfPayments(day=DAY - timedelta(days=60), whole=before[1], part=before[0], part_minor=0),
    ]


def test_a_rise_is_told_with_both_shares_and_counts() -> None:
    """18 of 40 (45 %) after 8 of 160 (5 %): 40 points more, four times the limit of 10."""
    (found,) = payment_rate("failed_payment_rate", story((18, 40), (8, 160), minor=900_00), watching())
    assert (found.actual, found.expected, found.score) == (450_000, 50_000, 4.0)
    assert found.impact_minor == 800_00  # 900.00 x 40 / 45
    assert found.sentence == (
        "18 of 40 first payments failed at the first try in the last 28 days (45 %, $900.00 in all), 40 points more than the 5 % of the "
        "84 days before; by chance alone that is hardly so. Look at the decline codes on Recovery: one code or one bank points to a "
        "cause that can be mended."
    )
    assert (found.facts["numerator"], found.facts["denominator"], found.facts["threshold_ppm"]) == (18, 40, 100_000)


def test_an_amount_without_a_rate_is_said_to_be_unknown() -> None:
    (found,) = payment_rate("failed_payment_rate", story((18, 40), (8, 160), minor=None), watching())
    assert found.impact_minor is None
    assert found.facts["amount_minor"] == "unknown: an amount has no exchange rate"
    assert "in all" not in found.sentence


def test_what_chance_does_is_no_news_though_it_is_beyond_the_limit() -> None:
    """5 of 20 (25 %) after 8 of 100: 17 points more, and a quarter of 20 is five payments."""
    assert payment_rate("failed_payment_rate", story((5, 20), (8, 100)), watching()) == []


def test_what_is_open_ends_at_half_the_limit() -> None:
    """A limit of 10 points over 5 %: at 10.5 % it goes on, at 10 % it ends."""
    looking = watching(None, ("failed_payment_rate", COMPANY))
    assert len(payment_rate("failed_payment_rate", story((21, 200), (10, 200)), looking)) == 1
    assert payment_rate("failed_payment_rate", story((20, 200), (10, 200)), looking) == []
    assert payment_rate("failed_payment_rate", story((21, 200), (10, 200)), watching()) == []


def test_the_running_day_counts_and_days_before_the_past_do_not() -> None:
    days = [
        DayOfPayments(day=DAY, whole=40, part=18, part_minor=0),
        DayOfPayments(day=DAY - timedelta(days=90), whole=100, part=5, part_minor=0),
        DayOfPayments(day=DAY - timedelta(days=113), whole=1_000, part=900, part_minor=0),
    ]
    (found,) = payment_rate("failed_payment_rate", days, watching())
    # 90 days ago lies in the 84 days before the last 7, and in those before the last 28.
    assert (found.expected, found.facts["usual_denominator"]) == (50_000, 100)


counts = st.integers(min_value=0, max_value=400)


@given(part=counts, whole=counts, before=counts, before_whole=counts)
def test_few_payments_never_alert_and_a_higher_share_never_scores_less(
    part: int, whole: int, before: int, before_whole: int
) -> None:
    part, before = min(part, whole), min(before, before_whole)
    for detector in ("failed_payment_rate", "refund_rate"):
        found = payment_rate(detector, story((part, whole), (before, before_whole)), watching())  # type: ignore[arg-type] # of two literals
        if whole < 20 or part < 5 or before_whole < 50:
            assert found == []
        if found:
            (more,) = payment_rate(detector, story((min(part + 1, whole), whole), (before, before_whole)), watching())  # type: ignore[arg-type] # of two literals
            assert more.score >= found[0].score >= 1
            assert rise_at_least_ppm((part, whole), (before, before_whole)) > 0


@given(whole=st.integers(min_value=1, max_value=10_000), data=st.data())
def test_the_interval_holds_the_share_and_narrows_with_more(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(min_value=0, max_value=whole))
    low, high = wilson_ppm(part, whole)
    assert 0 <= low <= part * 1_000_000 // whole <= high <= 1_000_000
    wider_low, wider_high = wilson_ppm(part, whole, z=3.7)
    assert wider_low <= low
    assert high <= wider_high
    more_low, more_high = wilson_ppm(4 * part, 4 * whole)
    assert more_high - more_low <= high - low + 2


def test_a_known_interval() -> None:
    """Wilson's 95 % interval of 15 of 148 is 6.2 % to 16.0 % (Newcombe 1998, example); of 81 of 263, 25.5 % to 36.6 %."""
    assert [round(end / 1_000) for end in wilson_ppm(15, 148)] == [62, 160]
    assert [round(end / 1_000) for end in wilson_ppm(81, 263)] == [255, 366]
