"""Net revenue counts what was sold, once, in the months of its days and in the month of its invoice."""

from datetime import date

import pytest

from pricing.revenue_books import Books, unbalanced
from tests.pricing.books import FEBRUARY, JANUARY, MARCH, at, by_month, fee, invoice, line, lines_of, refund

PLAN = line(310_00, at(1, 15, 10), at(2, 15, 10), discount_minor=31_00)  # 31 days: 17 in January, 14 in February
SOLD = invoice(PLAN, tax_on_top=53_01)  # 19 % of 279.00


def test_the_worked_example_spreads_a_plan_over_its_days() -> None:
    lines = lines_of(Books((SOLD,)))
    assert by_month(lines, "service", "line") == {JANUARY: 310_00 * 17 // 31, FEBRUARY: 310_00 * 14 // 31}
    assert by_month(lines, "service", "line") == {JANUARY: 170_00, FEBRUARY: 140_00}
    assert by_month(lines, "service", "discount") == {JANUARY: 17_00, FEBRUARY: 14_00}
    assert by_month(lines, "invoiced", "line") == {JANUARY: 310_00}
    assert by_month(lines, "invoiced", "discount") == {JANUARY: 31_00}


def test_the_worked_example_of_odd_cents_gives_the_cent_left_over_to_where_most_was_cut_off() -> None:
    """4900 x 12/31 = 1896.77 and 4900 x 19/31 = 3003.23: January lost more by rounding down."""
    lines = lines_of(Books((invoice(line(49_00, at(1, 20), at(2, 20))),)))
    assert by_month(lines, "service", "line") == {JANUARY: 18_96 + 1, FEBRUARY: 30_03}


def test_a_part_names_the_days_that_it_pays_for_and_where_it_comes_from() -> None:
    january, february = [part for part in lines_of(Books((SOLD,))) if (part.basis, part.kind) == ("service", "line")]
    assert (january.period_start, january.period_end) == (date(2026, 1, 15), date(2026, 2, 1))
    assert (february.period_start, february.period_end) == (date(2026, 2, 1), date(2026, 2, 15))
    assert (january.invoice_id, january.invoice_number, january.source_id) == ("in_1", "A-0001", "il_1")
    assert (january.customer_id, january.description, january.currency) == ("cus_acme", "Team plan", "usd")


def test_tax_inside_the_price_is_taken_out() -> None:
    """119.00 with 19 % inside is 100.00 for us; tax on top was never in the line."""
    sold = invoice(line(119_00, at(1, 1), at(2, 1), tax_inclusive_minor=19_00))
    assert by_month(lines_of(Books((sold,))), "service", "line") == {JANUARY: 119_00 - 19_00}
    assert by_month(lines_of(Books((SOLD,))), "invoiced", "line") == {JANUARY: 310_00}


def test_prepaid_credit_counts_when_it_is_sold_and_not_again_when_it_is_used() -> None:
    bought = invoice(line(500_00, at(1, 10), at(1, 10), description="Prepaid credit"), invoice_id="in_credit")
    used = invoice(
        line(320_00, at(2, 1), at(3, 1), description="Tokens", credit_minor=320_00),
        invoice_id="in_usage",
        finalized_at=at(3, 1, 1),
    )
    lines = lines_of(Books((bought, used)))
    assert by_month(lines, "service", "line") == {JANUARY: 500_00, FEBRUARY: 320_00}
    assert by_month(lines, "service", "credit") == {FEBRUARY: 320_00}  # 500.00 + 320.00 - 320.00 = 500.00, once


@pytest.mark.parametrize("status", ["draft", "void", "uncollectible"])
def test_an_invoice_that_is_not_a_sale_does_not_count_and_neither_does_what_was_given_back_of_it(status: str) -> None:
    books = Books((invoice(PLAN, status=status),), (refund(10_00, at(3, 3)),))
    assert lines_of(books) == []
    assert [back.source_id for back in books.money_back_aside()] == ["re_1"]


def test_an_invoice_that_is_still_open_was_sold() -> None:
    assert by_month(lines_of(Books((invoice(PLAN, status="open"),))), "invoiced", "line") == {JANUARY: 310_00}


def test_unused_time_given_back_mid_cycle_is_negative_over_the_days_it_takes_back() -> None:
    """An upgrade on 22 January: 310.00 x 24/31 = 240.00 back, 620.00 x 24/31 = 480.00 more, 10 January and 14 February days."""
    changed = invoice(
        line(-240_00, at(1, 22), at(2, 15), line_id="il_unused"),
        line(480_00, at(1, 22), at(2, 15), line_id="il_rest"),
        finalized_at=at(1, 22),
    )
    lines = lines_of(Books((changed,)))
    assert by_month(lines, "service", "line") == {JANUARY: -100_00 + 200_00, FEBRUARY: -140_00 + 280_00}
    assert by_month(lines, "invoiced", "line") == {JANUARY: -240_00 + 480_00}


def test_a_one_off_line_counts_on_its_day() -> None:
    once = invoice(line(75_00, at(2, 28, 23), at(2, 28, 23)), finalized_at=at(3, 1, 1))
    lines = lines_of(Books((once,)))
    assert by_month(lines, "service", "line") == {FEBRUARY: 75_00}
    assert by_month(lines, "invoiced", "line") == {MARCH: 75_00}


def test_a_line_without_a_period_counts_when_it_was_invoiced() -> None:
    assert by_month(lines_of(Books((invoice(line(75_00, None, None)),))), "service", "line") == {JANUARY: 75_00}


def test_a_line_of_nothing_makes_no_row() -> None:
    assert lines_of(Books((invoice(line(0, at(1, 1), at(2, 1), description="Trial")),))) == []


def test_days_that_have_not_begun_are_not_earned() -> None:
    """On 5 February at noon 17 days of January and 5 of February's 14 have begun: 140.00 x 5/14 = 50.00."""
    lines = lines_of(Books((SOLD,)), as_of=at(2, 5, 12))
    assert by_month(lines, "service", "line") == {JANUARY: 170_00, FEBRUARY: 50_00}
    assert by_month(lines, "invoiced", "line") == {JANUARY: 310_00}


def test_midnight_begins_no_day() -> None:
    lines = lines_of(Books((SOLD,)), as_of=at(2, 5))
    assert by_month(lines, "service", "line")[FEBRUARY] == 140_00 * 4 // 14


def test_a_closed_month_does_not_move_as_time_passes() -> None:
    books = Books((invoice(line(49_00, at(1, 20), at(2, 20))),))
    seen = {by_month(lines_of(books, as_of=at(2, day, 12)), "service", "line")[JANUARY] for day in range(1, 27)}
    assert seen == {18_97}


def test_the_worked_example_of_a_refund_gives_the_tax_back_to_the_tax_office() -> None:
    """Of 119.00 returned 279.00/332.01 was ours: 100.00, on both bases in the month of the refund."""
    lines = lines_of(Books((SOLD,), (refund(119_00, at(3, 3)),)))
    assert 119_00 * 279_00 // 332_01 == 100_00
    assert by_month(lines, "service", "refund") == {MARCH: 100_00}
    assert by_month(lines, "invoiced", "refund") == {MARCH: 100_00}


def test_refunding_everything_in_parts_takes_away_exactly_what_was_earned() -> None:
    """0.10 + 0.02 tax returned as 3 x 0.04: each alone would be 3.33 cents, so three threes would leave one behind."""
    sold = invoice(line(10, at(1, 1), at(2, 1)), tax_on_top=2)
    parts = tuple(refund(4, at(3, day), source_id=f"re_{day}") for day in (3, 1, 2))
    lines = [part for part in lines_of(Books((sold,), parts)) if (part.basis, part.kind) == ("service", "refund")]
    assert [(part.source_id, part.amount_minor) for part in lines] == [("re_1", 3), ("re_2", 4), ("re_3", 3)]


def test_a_lost_dispute_takes_revenue_away_like_a_refund() -> None:
    lost = refund(332_01, at(3, 9), kind="dispute", source_id="dp_1", reason="fraudulent")
    lines = lines_of(Books((SOLD,), (lost,)))
    assert by_month(lines, "service", "dispute") == {MARCH: 279_00}
    assert by_month(lines, "service", "refund") == {}


def test_a_refund_of_a_charge_without_an_invoice_takes_nothing_away_and_is_named() -> None:
    """The charge brought no revenue here, so its refund may not make it negative."""
    books = Books((SOLD,), (refund(20_00, at(3, 3), invoice_id=None),))
    assert by_month(lines_of(books), "service", "refund") == {}
    assert [back.amount_minor for back in books.money_back_aside()] == [20_00]


def test_a_refund_belongs_to_the_customer_of_the_invoice_even_if_the_charge_names_none() -> None:
    lines = lines_of(Books((SOLD,), (refund(119_00, at(3, 3), customer_id=None),)))
    assert {part.customer_id for part in lines if part.kind == "refund"} == {"cus_acme"}


def test_fees_stand_beside_on_both_bases_and_may_belong_to_nobody() -> None:
    fees = (fee(9_93, at(1, 15)), fee(12_00, at(1, 31), source_id="txn_2", customer_id=None, description="Radar"))
    lines = lines_of(Books((SOLD,), (), fees))
    for basis in ("service", "invoiced"):
        found = [(part.customer_id, part.amount_minor) for part in lines if (part.basis, part.kind) == (basis, "fee")]
        assert found == [("cus_acme", 9_93), (None, 12_00)]


def test_an_invoice_whose_lines_do_not_come_to_its_total_is_named() -> None:
    """Stripe puts ten lines into an invoice; the eleventh must be fetched."""
    whole = invoice(PLAN, tax_on_top=53_01)
    broken = invoice(PLAN, invoice_id="in_2", total_excluding_tax_minor=279_00 + 40_00)
    unsold = invoice(PLAN, invoice_id="in_3", status="void", total_excluding_tax_minor=1)
    assert [(found.invoice_id, missing) for found, missing in unbalanced([whole, broken, unsold])] == [("in_2", 40_00)]
