"""What a meter is told: by window, parted at the edges of billing periods, rounded down once a period, never twice."""

from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pricing.meter_windows import BillingPeriods, Counted, MeterRule, Surplus, due, usage_by_window
from pricing.usage import BUCKETS

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
RULE = MeterRule(
    rule_id="tokens",
    event_name="tokens",
    meter_id="mtr_1",
    counted=("input_uncached_tokens", "output_text_tokens"),
    per=1_000,
    starts_at=MARCH,
)
MONTHS = BillingPeriods({})


def hour(number: int, minute: int = 0) -> datetime:
    return MARCH + timedelta(hours=number, minutes=minute)


def used(*quantities: int, customer: str = "cus_ada") -> list[Counted]:
    """One window an hour, from the first of March."""
    return [Counted(customer, hour(number), quantity) for number, quantity in enumerate(quantities) if quantity]


def told(*units: int, customer: str = "cus_ada") -> list[Counted]:
    return used(*units, customer=customer)


def test_what_a_window_leaves_over_counts_in_the_next() -> None:
    """600, 600 and 900 tokens, a thousand to the unit: nothing, 1 (1,200), then 1 more (2,100)."""
    assert due(used(600, 600, 900), [], MONTHS, 1_000) == (told(0, 1, 1), [])


def test_what_was_told_is_not_told_again() -> None:
    assert due(used(600, 600, 900), told(0, 1, 1), MONTHS, 1_000) == ([], [])


def test_late_usage_is_told_in_the_window_that_it_belongs_to() -> None:
    """The first hour grows from 600 to 2,600 after all was told: 2 units more, there."""
    assert due(used(2_600, 600, 900), told(0, 1, 1), MONTHS, 1_000) == (told(2), [])


def test_usage_that_is_taken_back_leaves_a_surplus_and_nothing_negative() -> None:
    """2,100 became 1,500: of 2 units told 1 is too many."""
    assert due(used(600, 0, 900), told(0, 1, 1), MONTHS, 1_000) == ([], [Surplus("cus_ada", MARCH, 1)])


def test_each_billing_period_rounds_for_itself() -> None:
    """A period that ends at 01:30 loses its 900 left over; the next begins at nothing."""
    periods = BillingPeriods({"cus_ada": [MARCH, hour(1, 30)]})
    quantities = [
        Counted("cus_ada", hour(1), 900),
        Counted("cus_ada", hour(1, 30), 900),
        Counted("cus_ada", hour(2), 200),
    ]
    assert due(quantities, [], periods, 1_000) == ([Counted("cus_ada", hour(2), 1)], [])


def test_customers_do_not_share_what_is_left_over() -> None:
    quantities = used(600) + used(600, customer="cus_outsider")
    assert due(quantities, [], MONTHS, 1_000) == ([], [])


@given(
    st.lists(st.integers(0, 5_000), min_size=1, max_size=30),
    st.lists(st.integers(0, 5_000), min_size=1, max_size=30),
    st.integers(1, 2_000),
)
def test_a_period_is_told_its_usage_once_however_it_came_in(first: list[int], later: list[int], per: int) -> None:
    """Usage seen in two runs, the second with more in any window: the sum told is all of it divided by `per`, rounded down."""
    length = max(len(first), len(later))
    early = first + [0] * (length - len(first))
    grown = [one + more for one, more in zip(early, later + [0] * (length - len(later)), strict=True)]
    ledger, surplus = due(used(*early), [], MONTHS, per)
    assert not surplus
    more, surplus = due(used(*grown), ledger, MONTHS, per)
    assert not surplus
    assert sum(one.quantity for one in ledger + more) == sum(grown) // per
    assert due(used(*grown), ledger + more, MONTHS, per) == ([], [])
    assert all(one.quantity > 0 for one in ledger + more)


def events(*rows: tuple[str, datetime, int]) -> pl.DataFrame:
    """Calls as the lake has them: who, when, tokens in; one token out each."""
    return pl.DataFrame(
        [
            {
                "customer_ref": who,
                "occurred_at": at.replace(tzinfo=None),
                "provider": "openai",
                "model": "gpt-4o",
                "feature": "chat",
                **dict.fromkeys(BUCKETS, 0),
                "input_uncached_tokens": tokens,
                "output_text_tokens": 1,
            }
            for who, at, tokens in rows
        ]
    )


def windows(frame: pl.DataFrame, periods: BillingPeriods, rule: MeterRule = RULE) -> list[Counted]:
    refs = pl.DataFrame({"customer_ref": ["ada", "outsider"], "customer_id": ["cus_ada", "cus_outsider"]})
    with duckdb.connect(":memory:") as con:
        relation = con.from_arrow(frame.to_arrow())
        return usage_by_window(con, relation, refs, periods, rule, since=MARCH, until=MARCH + timedelta(days=1))


def test_a_billing_period_edge_parts_an_hour() -> None:
    """The subscription renews at 01:30:00: that instant belongs to the new period, the second before it to the old one."""
    periods = BillingPeriods({"cus_ada": [MARCH, hour(1, 30)]})
    frame = events(
        ("ada", hour(1, 10), 100),
        ("ada", hour(1, 30) - timedelta(seconds=1), 20),
        ("ada", hour(1, 30), 3),
        ("ada", hour(2), 4),
    )
    assert windows(frame, periods) == [
        Counted("cus_ada", hour(1), 100 + 1 + 20 + 1),
        Counted("cus_ada", hour(1, 30), 3 + 1),
        Counted("cus_ada", hour(2), 4 + 1),
    ]


def test_only_known_customers_within_the_time_and_the_filter_count() -> None:
    frame = events(
        ("ada", hour(0), 5), ("nobody", hour(0), 7), ("outsider", hour(0), 9), ("ada", MARCH + timedelta(days=1), 11)
    )
    assert windows(frame, MONTHS) == [Counted("cus_ada", hour(0), 5 + 1), Counted("cus_outsider", hour(0), 9 + 1)]
    other = MeterRule(
        rule_id="x", event_name="x", meter_id="m", counted=("events",), per=1, starts_at=MARCH, model="claude"
    )
    assert windows(frame, MONTHS, other) == []
