"""A change in mid-period, to the second and by the day: what is owed, what is given back, and that going back undoes it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.proration import (
    TIMES,
    BillingMode,
    Debit,
    Period,
    Terms,
    bill,
    book,
    by_day,
    change,
    interval_around,
    new_period,
)
from pricing.subscription_price import less_percent, whole_period_minor

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
AFTER_11_DAYS = datetime(2026, 1, 12, tzinfo=UTC)
BASIC, PRO = Terms("1 x Basic", 3_100, "usd"), Terms("1 x Pro", 6_200, "usd")
PAID = Debit("il_1", "1 x Basic", 3_100, "usd", JANUARY, JANUARY.end)
MODES = pytest.mark.parametrize("mode", ["flexible", "classic"])

moments = st.integers(0, JANUARY.seconds).map(lambda seconds: JANUARY.start + timedelta(seconds=seconds))
amounts = st.integers(0, 10**8)


def total(lines: object) -> int:
    return sum(line.amount_minor for line in lines)  # type: ignore[attr-defined] # a list of lines


@MODES
def test_an_upgrade_gives_the_rest_of_the_old_back_and_bills_the_rest_of_the_new(mode: BillingMode) -> None:
    """20 of 31 days are left: 31.00 * 20/31 = 20.00 back, 62.00 * 20/31 = 40.00 owed."""
    lines = change(BASIC, PRO, JANUARY, AFTER_11_DAYS, mode=mode, debits=[PAID])
    assert [(line.kind, line.amount_minor) for line in lines] == [("credit", -2_000), ("debit", 4_000)]
    assert lines[1].explanation == f"62.00 USD {TIMES} 1,728,000 s of 2,678,400 s (20 d of 31 d) = 40.00 USD"


def test_flexible_gives_back_what_was_billed_and_classic_what_it_costs_now() -> None:
    """Billed at half price, 15.50; the list price is 31.00. 20 of 31 days: 10.00 was paid for them, 20.00 is their price now."""
    halved = replace(PAID, amount_minor=1_550)
    assert total(change(BASIC, None, JANUARY, AFTER_11_DAYS, mode="flexible", debits=[halved])) == -1_000
    assert total(change(BASIC, None, JANUARY, AFTER_11_DAYS, mode="classic", debits=[halved])) == -2_000
    assert change(BASIC, None, JANUARY, AFTER_11_DAYS, mode="flexible", debits=[]) == []


def test_time_that_two_lines_billed_is_given_back_by_two_lines() -> None:
    """A seat more after 11 days for 20.00 until the end; after 21 days 10 of 31 and 10 of 20 days are left."""
    more = Debit("il_2", "1 x Seat", 2_000, "usd", Period(AFTER_11_DAYS, JANUARY.end), JANUARY.end)
    lines = change(BASIC, None, JANUARY, datetime(2026, 1, 22, tzinfo=UTC), mode="flexible", debits=[PAID, more])
    assert [(line.of, line.amount_minor) for line in lines] == [("il_1", -1_000), ("il_2", -1_000)]


def test_what_was_refunded_is_not_credited_again() -> None:
    """20.00 of the rest, but 25.00 of the 31.00 was refunded: 6.00 is left."""
    refunded = replace(PAID, refunded_minor=2_500)
    [line] = change(BASIC, None, JANUARY, AFTER_11_DAYS, mode="flexible", debits=[refunded])
    assert (line.amount_minor, line.uncapped_minor) == (-600, -2_000)
    assert "only 6.00 USD is left after 25.00 USD given back before" in line.explanation


def test_another_interval_starts_a_new_period_billed_in_full() -> None:
    yearly = Terms("1 x Pro yearly", 60_000, "usd", ("year", 1))
    lines = change(BASIC, yearly, JANUARY, AFTER_11_DAYS, mode="classic")
    assert [(line.kind, line.amount_minor) for line in lines] == [("credit", -2_000), ("new_period", 60_000)]
    assert lines[1].explanation == "600.00 USD for a new period of 1 year from 12 Jan 2026 00:00 UTC"
    quarterly = new_period(Terms("Q", 100, "jpy", ("month", 3)), AFTER_11_DAYS)
    assert quarterly.explanation.startswith("100 JPY for a new period of 3 months")


def test_a_trial_owes_nothing_and_gets_nothing_back() -> None:
    assert change(BASIC, PRO, JANUARY, AFTER_11_DAYS, mode="flexible", is_trial=True) == []


def test_a_change_outside_its_period_is_refused() -> None:
    with pytest.raises(ValueError, match="inside its period"):
        change(BASIC, PRO, JANUARY, JANUARY.end + timedelta(seconds=1), mode="classic")
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(JANUARY.end, JANUARY.end)


def test_by_day_is_the_difference_by_days_left() -> None:
    """(62.00 - 31.00) / 31 x 20 = 20.00; the hour of the day does not matter."""
    line = by_day(3_100, 6_200, "usd", JANUARY, AFTER_11_DAYS + timedelta(hours=13))
    assert line.amount_minor == 2_000
    assert line.explanation == f"(62.00 USD - 31.00 USD) / 31 days {TIMES} 20 days left = 20.00 USD"


@given(a=amounts, b=amounts, at=moments)
@MODES
def test_going_back_at_the_same_second_costs_exactly_nothing(mode: BillingMode, a: int, b: int, at: datetime) -> None:
    one, other = Terms("A", a, "usd"), Terms("B", b, "usd")
    debits = (Debit("paid", "A", a, "usd", JANUARY, JANUARY.end),)
    there = change(one, other, JANUARY, at, mode=mode, debits=debits)
    back = change(other, one, JANUARY, at, mode=mode, debits=book(debits, there))
    assert total(there) + total(back) == 0
    days_there, days_back = (by_day(x, y, "usd", JANUARY, at).amount_minor for x, y in ((a, b), (b, a)))
    assert days_there + days_back == 0


@given(a=amounts, b=amounts, times=st.lists(moments, min_size=2, max_size=2), refunded_of_1000=st.integers(0, 1_000))
def test_going_back_costs_only_what_was_refunded_before(
    a: int, b: int, times: list[datetime], refunded_of_1000: int
) -> None:
    """There and back after a refund: what the credit lacked for it is billed again, and nothing else. Exactly so the first time;

    the second time the credit is a share of a rounded share, which may round once more.
    """
    one, other = Terms("A", a, "usd"), Terms("B", b, "usd")
    refunded_minor = a * refunded_of_1000 // 1_000
    debits: tuple[Debit, ...] = (Debit("paid", "A", a, "usd", JANUARY, JANUARY.end, refunded_minor=refunded_minor),)
    for at, rounding_minor in zip(sorted(times), (0, 1), strict=True):
        there = change(one, other, JANUARY, at, mode="flexible", debits=debits)
        debits = book(debits, there)
        back = change(other, one, JANUARY, at, mode="flexible", debits=debits)
        debits = book(debits, back)
        kept_minor = sum(line.amount_minor - (line.uncapped_minor or 0) for line in (*there, *back) if line.of)
        assert 0 <= kept_minor <= refunded_minor
        assert abs(total(there) + total(back) - kept_minor) <= rounding_minor


@given(a=amounts, b=amounts, at=moments, balance_minor=st.integers(-(10**8), 10**8))
@MODES
def test_there_and_back_leaves_cash_and_credit_where_they_were(
    mode: BillingMode, a: int, b: int, at: datetime, balance_minor: int
) -> None:
    """What was paid in between stands as credit: paid - credit at the end = the balance at the beginning."""
    one, other = Terms("A", a, "usd"), Terms("B", b, "usd")
    debits = (Debit("paid", "A", a, "usd", JANUARY, JANUARY.end),)
    there = change(one, other, JANUARY, at, mode=mode, debits=debits)
    back = change(other, one, JANUARY, at, mode=mode, debits=book(debits, there))
    first = bill(total(there), balance_minor)
    second = bill(total(back), -first.to_balance_minor)
    assert first.due_minor + second.due_minor - second.to_balance_minor == balance_minor


@given(prices=st.lists(amounts, min_size=1, max_size=6), times=st.lists(moments, min_size=6, max_size=6))
def test_no_debit_ever_gives_back_more_than_was_paid_for_it(prices: list[int], times: list[datetime]) -> None:
    debits: tuple[Debit, ...] = (Debit("paid", "first", 4_999, "usd", JANUARY, JANUARY.end, refunded_minor=100),)
    for price, at in zip(prices, sorted(times), strict=False):
        lines = change(None, Terms("next", price, "usd"), JANUARY, at, mode="flexible")
        credited = change(BASIC, None, JANUARY, at, mode="flexible", debits=debits)
        debits = book(book(debits, credited), lines)
        assert all(0 <= debit.credited_minor + debit.refunded_minor <= debit.amount_minor for debit in debits)
    ended = change(BASIC, None, JANUARY, JANUARY.end, mode="flexible", debits=debits)
    assert ended == []  # nothing is left of a period that is over


@given(old=amounts, new=amounts, day=st.integers(0, 31))
def test_at_midnight_the_seconds_and_the_days_agree_to_the_rounding_of_two_lines(old: int, new: int, day: int) -> None:
    at = JANUARY.start + timedelta(days=day)
    exact = change(Terms("A", old, "usd"), Terms("B", new, "usd"), JANUARY, at, mode="classic")
    assert abs(total(exact) - by_day(old, new, "usd", JANUARY, at).amount_minor) <= 1


@given(total_minor=st.integers(-(10**6), 10**6), balance_minor=st.integers(-(10**6), 10**6))
def test_credit_that_is_held_pays_first_and_nothing_is_lost(total_minor: int, balance_minor: int) -> None:
    made = bill(total_minor, balance_minor)
    assert made.due_minor - made.to_balance_minor == total_minor + balance_minor
    assert 0 <= made.from_balance_minor <= max(0, -balance_minor)
    assert made.due_minor == 0 or made.to_balance_minor == 0


def test_a_price_says_what_a_quantity_costs() -> None:
    """5 at 0.5 cents is 2.5, so 3; 7 in packs of 5 is 2 packs; tiers: 10 * 5 + 2 * 3 = 56 by steps, 12 * 3 = 36 by volume."""
    tiers = [{"up_to": 10, "unit_amount_decimal": "5"}, {"up_to": None, "unit_amount_decimal": "3"}]
    packs = {"unit_amount_decimal": "100", "transform_quantity": {"divide_by": 5, "round": "up"}}
    assert whole_period_minor({"unit_amount_decimal": "0.5"}, 5) == 3
    assert whole_period_minor(packs, 7) == 200
    assert whole_period_minor({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}, 12) == 56
    assert whole_period_minor({"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}, 12) == 36
    assert whole_period_minor({"billing_scheme": "tiered", "tiers_mode": "volume"}, 12) is None
    assert whole_period_minor({"recurring": {"usage_type": "metered"}, "unit_amount": 1}, 12) is None
    assert (less_percent(999, "33.3"), less_percent(999, "150")) == (666, 0)


@pytest.mark.parametrize(
    ("anchor", "interval", "moment", "start", "end"),
    [
        ("2026-01-31", ("month", 1), "2026-02-15", "2026-01-31", "2026-02-28"),
        ("2026-01-31", ("month", 1), "2026-03-01", "2026-02-28", "2026-03-31"),
        ("2026-05-10", ("month", 3), "2026-05-09", "2026-02-10", "2026-05-10"),
        ("2024-02-29", ("year", 1), "2026-03-01", "2026-02-28", "2027-02-28"),
        ("2026-01-05", ("week", 2), "2026-01-19", "2026-01-19", "2026-02-02"),
        ("2026-01-05", ("day", 1), "2026-01-04", "2026-01-04", "2026-01-05"),
    ],
)
def test_an_interval_keeps_the_day_of_its_anchor(
    anchor: str, interval: tuple[str, int], moment: str, start: str, end: str
) -> None:
    at = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (anchor, moment, start, end)]
    assert interval_around(at[0], interval, at[1]) == Period(at[2], at[3])


def test_an_item_of_a_part_of_the_interval_pays_its_share_of_the_whole() -> None:
    """Added after 11 of 31 days, and 10 are left: 31.00 * 10/31 = 10.00, not 10/20 of it."""
    part = Period(AFTER_11_DAYS, JANUARY.end)
    ten_left = datetime(2026, 1, 22, tzinfo=UTC)
    lines = change(BASIC, PRO, part, ten_left, mode="classic", whole=JANUARY)
    assert [line.amount_minor for line in lines] == [-1_000, 2_000]
