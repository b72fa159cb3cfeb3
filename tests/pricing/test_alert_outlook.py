"""What an episode means: margin points of its days, the month's end if it goes on, how sure it is, and one sentence."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from pricing.alert_explanation import MarginPoints
from pricing.alert_outlook import FoundDay, baseline, chart, confidence, margin_points, month_end, net_revenue
from pricing.alert_sentence import about
from pricing.finding import Subject
from tests.pricing.explained_company import FIRST, TODAY, Calls, explained

DOLLAR = 10**12
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


def day(number: int, actual: int, expected: int = 10, *, is_provisional: bool = False) -> FoundDay:
    """A day of November in whole dollars."""
    return FoundDay(
        day=NOVEMBER + timedelta(days=number - 1),
        actual=actual * DOLLAR,
        expected=expected * DOLLAR,
        is_provisional=is_provisional,
    )


def test_margin_points_are_the_impact_of_the_net_revenue_of_the_same_days() -> None:
    """$600 of net revenue on the 20 days of November so far are $30 a day, $90 on three days; $9 more cost is a tenth of it."""
    days = [date(2026, 11, 12), date(2026, 11, 13), date(2026, 11, 14)]
    sold = net_revenue(days, {NOVEMBER: 60_000}, TODAY)

    assert sold == 9_000
    assert margin_points(900, sold) == MarginPoints(ppm=-100_000)


def test_days_of_two_months_take_each_months_revenue() -> None:
    """One of 30 days of November's $300 and two of December's first 2 days' $40: $10 + $40."""
    days = [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]

    assert net_revenue(days, {NOVEMBER: 30_000, DECEMBER: 4_000}, date(2026, 12, 2)) == 1_000 + 4_000


def test_margin_points_are_unknown_with_their_reason_and_never_nothing() -> None:
    """No exchange rate, nothing sold, more given back than sold."""
    assert margin_points(900, net_revenue([TODAY], {NOVEMBER: None}, TODAY)) == MarginPoints(
        ppm=None, why_unknown="revenue of November 2026 has no exchange rate"
    )
    for net in ({}, {NOVEMBER: 0}, {NOVEMBER: -500}):
        assert margin_points(900, net_revenue([TODAY], net, TODAY)).why_unknown == "nothing was sold on these days"
    assert margin_points(None, Fraction(100)).why_unknown == "the cost has no exchange rate"


def test_an_episode_that_goes_on_adds_its_mean_excess_on_each_day_that_is_left() -> None:
    """On 20 November: $20 + $30 + $10 since the 17th are $20 a day; the 20th to the 30th are eleven days: $60 + $220."""
    days = [day(17, 30), day(18, 40), day(19, 20)]

    assert month_end(days, TODAY, is_open=True) == (60 * DOLLAR, 280 * DOLLAR)


def test_days_as_usual_since_it_was_last_seen_slow_its_pace() -> None:
    """$70 on 14 November and six quiet days: $10 a day over the week of the 13th to the 19th, as it counts from the 14th: 6 days."""
    so_far, added = month_end([day(14, 80)], TODAY, is_open=True)

    assert (so_far, added) == (70 * DOLLAR, 70 * DOLLAR + round(Fraction(70 * DOLLAR, 6) * 11))


def test_the_running_day_is_not_part_of_the_pace() -> None:
    """$20 on the 19th, and $90 of a day that still runs: the 20th counts as a day at the pace of those that are over."""
    days = [day(19, 30), day(20, 100, is_provisional=True)]

    assert month_end(days, TODAY, is_open=True) == (110 * DOLLAR, 20 * DOLLAR + 11 * 20 * DOLLAR)


def test_an_episode_that_began_today_is_taken_at_what_it_has_cost_so_far() -> None:
    assert month_end([day(20, 15, is_provisional=True)], TODAY, is_open=True) == (5 * DOLLAR, 11 * 5 * DOLLAR)


def test_of_an_older_episode_only_the_running_months_days_count() -> None:
    """$20 on 29 and 30 November; on 2 December the month has 30 days left, and the pace is over the three days to 1 December."""
    days = [day(29, 30), day(30, 30)]

    assert month_end(days, date(2026, 12, 2), is_open=True) == (0, round(Fraction(40 * DOLLAR, 3) * 30))


def test_what_is_over_adds_nothing_more() -> None:
    assert month_end([day(14, 80)], TODAY, is_open=False) == (70 * DOLLAR, None)


def test_the_days_before_are_four_weeks_that_end_a_week_before_or_others_where_there_is_less() -> None:
    """A level is noticed after some days: they are no measure of what is usual."""
    found = [FoundDay(day=FIRST, actual=40 * DOLLAR, expected=10 * DOLLAR)]
    back = [FIRST - timedelta(days=number) for number in range(1, 121)]

    assert baseline(dict.fromkeys(back, 10 * DOLLAR), found) == tuple(sorted(back[7:35]))
    assert baseline(dict.fromkeys(back[:10], 10 * DOLLAR), found) == tuple(sorted(back[:10]))
    assert baseline(dict.fromkeys(back[::30], 10 * DOLLAR), found) == tuple(sorted(back[::30]))
    assert baseline({}, found) == ()


def test_days_of_an_earlier_episode_are_no_measure() -> None:
    """$10 a day and half of it at weekends, $40 on the three weeks that ended a fortnight before: seven usual days are enough."""
    found = [FoundDay(day=FIRST, actual=40 * DOLLAR, expected=10 * DOLLAR)]
    back = [FIRST - timedelta(days=number) for number in range(1, 121)]
    daily = {each: (5 if each.weekday() >= 5 else 10) * DOLLAR for each in back}

    assert baseline(daily | dict.fromkeys(back[14:35], 40 * DOLLAR), found) == tuple(sorted(back[7:14]))


@pytest.mark.parametrize(
    ("days", "unpriced", "words"),
    [(28, 0, "high"), (28, 4, "high"), (28, 6, "medium"), (12, 0, "medium"), (4, 9, "low")],
)
def test_confidence_goes_by_the_days_before_and_by_what_has_no_price(days: int, unpriced: int, words: str) -> None:
    """Of a hundred calls with a price, five and more without one are a twentieth."""
    assert confidence(days, unpriced, 100).words == words


def test_the_chart_has_a_band_around_usual_days_and_the_detectors_around_found_ones() -> None:
    """$10 on working days and $5 at weekends for ten weeks, then a day of $40 of which $11 was expected."""
    usual = [FIRST - timedelta(days=back) for back in range(1, 71)]
    costs = {each: (5 if each.weekday() >= 5 else 10) * DOLLAR for each in usual}
    found = FoundDay(day=FIRST, actual=40 * DOLLAR, expected=11 * DOLLAR, lower=9 * DOLLAR, upper=13 * DOLLAR)

    drawn = chart(costs | {FIRST: found.actual}, [found], FIRST)

    assert [each.day for each in drawn] == [FIRST - timedelta(days=back) for back in range(60, -1, -1)]
    assert (drawn[-1].expected, drawn[-1].is_found) == (11 * DOLLAR, True)
    for each in drawn[-15:-1]:
        assert each.expected == pytest.approx(costs[each.day], rel=0.01)
        assert each.lower < each.actual < each.upper


def test_the_sentence_tells_a_level_by_the_month_with_cause_place_and_outlook() -> None:
    """Seven days at $0.90 instead of $0.45: x 365/12 are about $27 and $14 a month; $0.45 on eleven more days make $8.10."""
    found = explained(
        [Calls(), Calls(requests=1, feature="export", key="key_batch")],
        [Calls(uncached=2_000, output=200), Calls(requests=1, feature="export", key="key_batch")],
        days=8,
        revenue_minor=20_000,
    )

    assert found.sentence == (
        "Northwind's AI cost rose from about $14 to $28 a month since 12 Nov: longer prompts on sonnet (+$14), "
        "mostly feature 'chat' with key key_prod; if it goes on, November ends +$8.55, \N{MINUS SIGN}4.5 margin points on these days."
    )


def test_the_sentence_tells_a_single_day_by_its_day() -> None:
    """100 calls of $0.0045 are $0.45; 300 of them $1.35. On 20 November the day is over and so is the episode."""
    subject = Subject(scope="customer_model", customer_id="cus_a", provider="anthropic", model="sonnet")
    found = explained([Calls()], [Calls(requests=300)], subject=subject, is_open=False, revenue_minor=None)

    assert found.sentence == (
        "Northwind's usage of sonnet cost $1.35 on 12 Nov instead of about $0.45: more requests (+$0.90)."
    )


def test_what_a_customer_does_to_the_whole_bill_is_told_with_it() -> None:
    """$0.45 a day more of a bill that was $1.00 a day: x 365/12 are $30 and $44 a month."""
    found = explained([Calls()], [Calls(requests=200)], days=8, company=8 * (DOLLAR + Calls().cost))

    assert "since 12 Nov, and the whole AI bill from $30 to $44: more requests (+$14)" in found.sentence


def test_amounts_are_said_as_one_says_them() -> None:
    said = [about(dollars * DOLLAR // 100) for dollars in (20, 820, 41_234, 99_949, 410_000, 1_234_567, -250_000)]

    assert said == ["$0.20", "$8.20", "$412", "$1.0k", "$4.1k", "$12k", "\N{MINUS SIGN}$2.5k"]
