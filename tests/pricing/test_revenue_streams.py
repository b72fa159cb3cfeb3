"""What is paid for, with its quantity: plan-months whatever the calendar, seats, used units; sums are those of net revenue."""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.fx import RateTable
from pricing.revenue import revenue_lines
from pricing.revenue_books import Books, Invoice
from pricing.revenue_months import customer_months
from pricing.revenue_streams import LineFacts, StreamMonth, stream_months
from tests.pricing.books import invoice, line, refund
from tests.pricing.test_revenue_properties import RATES, invoices

LATER = datetime(2028, 1, 1, tzinfo=UTC)


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def facts(line_id: str, start: datetime, end: datetime, **given: Any) -> LineFacts:
    fields: dict[str, Any] = {
        "line_id": line_id, "customer_id": "cus_a", "subscription_id": "sub_1", "product": "Team", "quantity": 1,
        "usage_type": "licensed", "interval": "month", "interval_count": 1, "is_proration": False,
    }  # fmt: skip
    return LineFacts(**(fields | given), period_start=start, period_end=end)


def months(*sold: Invoice, known: list[LineFacts], basis: str = "service", **books: Any) -> list[StreamMonth]:
    lines = revenue_lines(Books(invoices=sold, **books), RateTable([]), "usd", as_of=LATER)
    return [row for row in stream_months(lines, {each.line_id: each for each in known}) if row.basis == basis]


def test_a_plan_from_the_fifteenth_is_one_plan_month_over_its_two_months() -> None:
    """17 of 31 days in January, 14 in February; what a plan-month costs is the list price in both."""
    start, end = at(2026, 1, 15), at(2026, 2, 15)
    sold = invoice(line(310_00, start, end), finalized_at=start)
    rows = months(sold, known=[facts("il_1", start, end)])
    assert [(row.month, row.amount_minor, row.quantity_micro) for row in rows] == [
        (date(2026, 1, 1), 170_00, 548_387),
        (date(2026, 2, 1), 140_00, 451_613),
    ]


def test_an_annual_plan_counts_twelve_months_by_its_days() -> None:
    """390.00 a year for each of 2 seats: in January 31/365 of it is 2 x 12 x 31/365 = 2.038 seat-months."""
    start, end = at(2026, 1, 1), at(2027, 1, 1)
    sold = invoice(line(780_00, start, end), finalized_at=start)
    first = months(sold, known=[facts("il_1", start, end, quantity=2, interval="year")])[0]
    assert (first.amount_minor, first.quantity_micro) == (66_25, 2_038_356)


def test_a_proration_counts_the_time_it_covers_and_its_credit_against_it() -> None:
    """On 16 June (of 1 to 1 July) from 1 seat to 3: 1 taken back and 3 charged, each for half the month."""
    start, end = at(2026, 6, 16), at(2026, 7, 1)
    sold = invoice(
        line(-20_00, start, end, line_id="il_1"), line(60_00, start, end, line_id="il_2"), finalized_at=start
    )
    known = [
        facts("il_1", start, end, is_proration=True),
        facts("il_2", start, end, is_proration=True, quantity=3),
    ]
    (row,) = months(sold, known=known)
    assert (row.amount_minor, row.quantity_micro) == (40_00, 1_000_000)


def test_usage_counts_units_and_a_refund_has_no_quantity() -> None:
    start, end = at(2026, 1, 1), at(2026, 2, 1)
    sold = invoice(line(320_00, start, end), finalized_at=end)
    used = facts("il_1", start, end, usage_type="metered", quantity=64_000, product="Tokens")
    rows = months(sold, known=[used], money_back=(refund(32_000, at(2026, 3, 3)),))
    assert [(row.stream, row.product, row.amount_minor, row.quantity_micro) for row in rows] == [
        ("usage", "Tokens", 320_00, 64_000 * 10**6),
        ("money_back", "refund", -320_00, 0),
    ]


def test_a_free_trial_is_no_plan_month() -> None:
    start, end = at(2026, 1, 1), at(2026, 2, 1)
    sold = invoice(line(0, start, end), finalized_at=start)
    assert months(sold, known=[facts("il_1", start, end)]) == []


def test_a_line_nobody_knows_more_of_is_still_in_the_sums() -> None:
    (row,) = months(invoice(line(10_00, at(2026, 1, 1), at(2026, 2, 1))), known=[])
    assert (row.stream, row.amount_minor, row.quantity_micro) == ("other", 10_00, 0)


@given(invoices())
def test_streams_sum_to_net_revenue(sold: tuple[Invoice, ...]) -> None:
    """Whatever is known of a line, its amount is in one stream."""
    lines = revenue_lines(Books(invoices=sold), RATES, "usd", as_of=LATER)
    known = [facts(each.line_id, each.period_start, each.period_end) for of in sold for each in of.lines[::2]]  # type: ignore[arg-type] # the strategy gives every line a period
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in stream_months(lines, {each.line_id: each for each in known}):
        sums[row.month, row.customer_id, row.basis] += row.reporting_minor or 0
    assert sums == {(row.month, row.customer_id, row.basis): row.net_revenue_minor for row in customer_months(lines)}


periods = st.tuples(st.integers(1, 12), st.integers(1, 28))


@given(periods)
def test_a_whole_period_is_one_month_of_the_plan(start: tuple[int, int]) -> None:
    month, day = start
    begins = at(2026, month, day)
    ends = at(2026 + month // 12, month % 12 + 1, day)
    assert facts("il_1", begins, ends, is_proration=True).period_share == 1
