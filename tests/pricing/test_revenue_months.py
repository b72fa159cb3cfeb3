"""Months add up: kinds to a net revenue, customers to the company; what has no exchange rate makes them unknown."""

from datetime import date

from pricing.fx import RateTable
from pricing.revenue_books import Books
from pricing.revenue_months import CustomerMonth, Unconverted, company_months, customer_months, unconverted
from tests.pricing.books import FEBRUARY, JANUARY, MARCH, at, fee, invoice, line, lines_of, rate, refund

PLAN = invoice(line(310_00, at(1, 15), at(2, 15), discount_minor=31_00, credit_minor=9_30), tax_on_top=51_24)
EUROS = invoice(line(49_00, at(1, 20), at(2, 20)), invoice_id="in_eur", customer_id="cus_beta", currency="eur")


def month_of(rows: list[CustomerMonth], month: date, customer_id: str | None, basis: str = "service") -> CustomerMonth:
    [found] = [row for row in rows if (row.month, row.customer_id, row.basis) == (month, customer_id, basis)]
    return found


def test_net_revenue_is_gross_less_what_was_taken_off_and_given_back() -> None:
    lost = refund(33_09, at(2, 20), kind="dispute", source_id="dp_1", invoice_id="in_2")
    other = invoice(line(33_09, at(2, 1), at(2, 1)), invoice_id="in_2", finalized_at=at(2, 1))
    books = Books((PLAN, other), (refund(40_00, at(2, 18)), lost), (fee(9_93, at(2, 1)),))
    february = month_of(customer_months(lines_of(books)), FEBRUARY, "cus_acme")
    assert february.gross_minor == 310_00 * 14 // 31 + 33_09  # 140.00 + 33.09
    assert february.discounts_minor == 14_00
    assert february.credits_minor == 9_30 * 14 // 31
    assert february.refunds_minor == round(40_00 * 269_70 / 320_94)
    assert february.disputes_minor == 33_09
    assert february.net_revenue_minor == 173_09 - 14_00 - 4_20 - 33_61 - 33_09
    assert february.fees_minor == 9_93


def test_the_company_is_the_sum_of_its_customers_and_of_what_belongs_to_none() -> None:
    other = invoice(line(50_00, at(1, 1), at(2, 1)), invoice_id="in_2", customer_id="cus_beta")
    months = customer_months(
        lines_of(Books((PLAN, other), (), (fee(9_93, at(1, 15)), fee(12_00, at(1, 31), customer_id=None))))
    )
    acme, beta = month_of(months, JANUARY, "cus_acme"), month_of(months, JANUARY, "cus_beta")
    assert (acme.net_revenue_minor, beta.net_revenue_minor) == (170_00 - 17_00 - 5_10, 50_00)
    assert month_of(months, JANUARY, None).fees_minor == 12_00  # Radar, billed by itself
    company = month_of(company_months(months), JANUARY, None)
    assert (company.net_revenue_minor, company.fees_minor) == (147_90 + 50_00, 9_93 + 12_00)


def test_euros_without_a_rate_make_the_month_unknown_and_are_listed() -> None:
    months = customer_months(lines_of(Books((PLAN, EUROS))))
    beta = month_of(months, JANUARY, "cus_beta")
    assert (beta.gross_minor, beta.net_revenue_minor, beta.discounts_minor) == (None, None, 0)
    assert month_of(months, JANUARY, "cus_acme").net_revenue_minor == 147_90
    assert month_of(company_months(months), JANUARY, None).net_revenue_minor is None
    assert unconverted(lines_of(Books((PLAN, EUROS)))) == [Unconverted("eur", 49_00, 1)]


def test_an_amount_without_a_rate_is_kept_as_it_was() -> None:
    [part] = [part for part in lines_of(Books((EUROS,))) if part.basis == "invoiced"]
    assert (part.amount_minor, part.currency) == (49_00, "eur")
    assert (part.rate_nano, part.rate_date, part.reporting_minor) == (None, None, None)


def test_what_has_no_rate_is_listed_net() -> None:
    back = refund(9_00, at(3, 1), invoice_id="in_eur", currency="eur")
    fees = (fee(1_00, at(1, 20), currency="eur"),)  # not revenue, so not in the list
    assert unconverted(lines_of(Books((EUROS,), (back,), fees))) == [Unconverted("eur", 49_00 - 9_00, 2)]


def test_a_fee_without_a_rate_leaves_the_net_revenue_known() -> None:
    months = customer_months(lines_of(Books((PLAN,), (), (fee(1_00, at(1, 20), currency="eur"),))))
    january = month_of(months, JANUARY, "cus_acme")
    assert (january.net_revenue_minor, january.fees_minor) == (147_90, None)


def test_an_invoice_is_converted_at_the_rate_of_its_day_and_its_refund_at_that_of_the_refund() -> None:
    """49.00 x 1.0801 = 52.92 in January; the same 49.00 goes back at 1.10 = 53.90 in March."""
    rates = RateTable([rate(1_080_100_000, date(2026, 1, 14)), rate(1_100_000_000, date(2026, 3, 2))])
    books = Books((EUROS,), (refund(49_00, at(3, 3), invoice_id="in_eur", currency="eur"),))
    months = customer_months(lines_of(books, rates))
    assert month_of(months, JANUARY, "cus_beta", "invoiced").net_revenue_minor == 52_92
    assert month_of(months, MARCH, "cus_beta", "invoiced").net_revenue_minor == -53_90
    # The parts are steps of the running total: 20.49, and 52.92 - 20.49 rather than 30.03 x 1.0801 = 32.44.
    parts = [month_of(months, month, "cus_beta").gross_minor for month in (JANUARY, FEBRUARY)]
    assert parts == [20_49, 52_92 - 20_49]
