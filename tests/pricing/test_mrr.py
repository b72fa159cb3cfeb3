"""MRR told by invoice lines: annual by twelve, discounts off, no usage, no trial, no tax; movements sum; retention is capped."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.money import NANO
from pricing.mrr import CustomerMrr, PlanLine, history, movements, plan_lines, retention
from pricing.revenue_books import Invoice, InvoiceLine
from tests.pricing.books import invoice, line
from tests.pricing.test_revenue_streams import at, facts

MONTHS = [date(2026, month, 1) for month in range(1, 13)]
ENDS = [(month, datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)) for month in MONTHS]
RATES = {(month, "usd"): NANO for month in MONTHS} | {(month, "eur"): NANO + 10**7 * month.month for month in MONTHS}


def mrr(sold: list[Invoice], known: list[Any], ended: dict[str, datetime] | None = None) -> dict[str, int]:
    """By month and customer, as in `2026-01 cus_acme`."""
    lines = plan_lines(sold, {each.line_id: each for each in known}, ended or {})
    return {f"{row.month:%Y-%m} {row.customer_id}": row.amount_minor for row in history(lines, ENDS, RATES, "usd")}


def billed(amount: int, start: datetime, end: datetime, **given: Any) -> Invoice:
    return invoice(line(amount, start, end, **given), finalized_at=start)


def test_a_year_counts_a_twelfth_at_every_months_end_that_it_covers() -> None:
    """1,200.00 for 15 March to 15 March: 100.00 a month."""
    start, end = at(2026, 3, 15), at(2027, 3, 15)
    found = mrr([billed(1200_00, start, end)], [facts("il_1", start, end, interval="year")])
    assert found == {f"2026-{month:02d} cus_acme": 100_00 for month in range(3, 13)}


def test_discounts_are_off_and_tax_was_never_in() -> None:
    """119.00 with 19.00 of tax inside and 20.00 off: 80.00."""
    start, end = at(2026, 3, 15), at(2026, 4, 15)
    sold = billed(119_00, start, end, tax_inclusive_minor=19_00, discount_minor=20_00)
    assert mrr([sold], [facts("il_1", start, end)]) == {"2026-03 cus_acme": 80_00}


def test_usage_one_off_items_and_trials_are_no_mrr() -> None:
    start, end = at(2026, 3, 15), at(2026, 4, 15)
    for other in ({"usage_type": "metered"}, {"interval": None, "usage_type": None}):
        assert mrr([billed(50_00, start, end)], [facts("il_1", start, end, **other)]) == {}
    assert mrr([billed(0, start, end)], [facts("il_1", start, end)]) == {}


def test_an_open_invoice_counts_until_the_subscription_ends_and_a_void_one_never() -> None:
    start, end = at(2026, 3, 15), at(2026, 5, 15)
    known = [facts("il_1", start, end, interval_count=2)]
    open_one = invoice(line(80_00, start, end), finalized_at=start, status="open")
    assert mrr([open_one], known) == {"2026-03 cus_acme": 40_00, "2026-04 cus_acme": 40_00}
    assert mrr([open_one], known, {"sub_1": at(2026, 4, 20)}) == {"2026-03 cus_acme": 40_00}
    assert mrr([invoice(line(80_00, start, end), finalized_at=start, status="void")], known) == {}


def test_a_change_in_mid_period_is_the_new_plan_from_its_day_on() -> None:
    """49.00 from 1 June, on the 16th moved to 199.00: half of 49.00 credited, half of 199.00 charged. At the end: 199.00."""
    start, change, end = at(2026, 6, 1), at(2026, 6, 16), at(2026, 7, 1)
    sold = [
        billed(49_00, start, end),
        invoice(
            line(-24_50, change, end, line_id="il_2"), line(99_50, change, end, line_id="il_3"), finalized_at=change
        ),
    ]
    known = [facts("il_1", start, end), *(facts(name, change, end, is_proration=True) for name in ("il_2", "il_3"))]
    assert mrr(sold, known) == {"2026-06 cus_acme": 199_00}


def held(month: int, customer_id: str, minor: int, currency: str = "usd") -> CustomerMrr:
    rate = RATES[MONTHS[month - 1], currency]
    return CustomerMrr(
        month=MONTHS[month - 1], customer_id=customer_id, currency=currency, plan="Team", amount_minor=minor,
        mrr_minor=minor * rate // NANO,
    )  # fmt: skip


def moved(*rows: CustomerMrr) -> dict[tuple[int, str, str], int]:
    found = movements(rows, MONTHS, RATES, "usd")
    return {(each.month.month, each.customer_id, each.movement): each.moved_minor for each in found}


def test_each_movement_has_its_name() -> None:
    """a: comes in February, grows, shrinks, leaves in May, is back in July, and stays."""
    amounts = {2: 40_00, 3: 60_00, 4: 50_00} | dict.fromkeys(range(7, 13), 50_00)
    assert moved(*(held(month, "a", minor) for month, minor in amounts.items())) == {
        (2, "a", "new"): 40_00,
        (3, "a", "expansion"): 20_00,
        (4, "a", "contraction"): -10_00,
        (5, "a", "churn"): -50_00,
        (7, "a", "reactivation"): 50_00,
    }


def test_a_stronger_euro_is_no_expansion() -> None:
    """100.00 euro at 1.01 in January and 1.02 in February."""
    found = moved(held(1, "a", 100_00, "eur"), held(2, "a", 100_00, "eur"))
    assert found == {(2, "a", "exchange_rate"): 1_00, (3, "a", "exchange_rate"): 1_00, (3, "a", "churn"): -103_00}


def test_retention_follows_the_cohort_and_caps_each_customer() -> None:
    """100.00 + 100.00 + 50.00 in January; in February 150.00 + 40.00 + nothing, and somebody new for 500.00.

    NRR = 190 / 250 = 76 %; GRR counts 100 + 40 = 140 / 250 = 56 %.
    """
    rows = [held(1, "a", 100_00), held(1, "b", 100_00), held(1, "c", 50_00)]
    rows += [held(2, "a", 150_00), held(2, "b", 40_00), held(2, "d", 500_00)]
    first = retention(rows, MONTHS[:2], RATES, "usd", back=1)[0]
    assert (first.nrr, first.grr) == (Fraction(190, 250), Fraction(140, 250))
    assert (first.customers, first.customers_kept) == (3, 2)


def test_retention_does_not_move_with_exchange_rates() -> None:
    rows = [held(1, "a", 100_00, "eur"), held(2, "a", 100_00, "eur")]
    assert retention(rows, MONTHS[:2], RATES, "usd", back=1)[0].nrr == 1


def test_without_a_cohort_there_is_no_retention() -> None:
    assert retention([held(2, "a", 1_00)], MONTHS[:2], RATES, "usd", back=1)[0].nrr is None
    assert retention([held(2, "a", 1_00)], MONTHS[:2], RATES, "usd", back=12) == []


amounts = st.tuples(st.integers(1, 12), st.sampled_from(["a", "b", "c"]), st.sampled_from(["usd", "eur"]))


@given(st.dictionaries(amounts, st.integers(1, 10**7), max_size=20))
def test_movements_lead_from_one_months_mrr_to_the_next(paid: dict[tuple[int, str, str], int]) -> None:
    rows = [held(month, customer_id, minor, currency) for (month, customer_id, currency), minor in paid.items()]
    found = movements(rows, MONTHS, RATES, "usd")
    totals = {month: sum(row.mrr_minor or 0 for row in rows if row.month == month) for month in MONTHS}
    for before, after in pairwise(MONTHS):
        assert totals[after] - totals[before] == sum(each.moved_minor for each in found if each.month == after)
    for back in (1, 11):
        for each in retention(rows, MONTHS, RATES, "usd", back=back):
            assert each.capped_minor <= min(each.start_minor, each.now_minor)


@given(st.integers(1, 10**7), st.integers(0, 27), st.sampled_from([("month", 1), ("month", 3), ("year", 1)]))
def test_a_price_is_its_own_mrr_whatever_day_it_starts(monthly: int, day: int, interval: tuple[str, int]) -> None:
    months = interval[1] * (12 if interval[0] == "year" else 1)
    start = at(2026, 1, 1) + timedelta(days=day)
    end = start.replace(year=2026 + months // 12, month=months % 12 + 1)
    sold = InvoiceLine(
        line_id="il_1", description=None, amount_minor=monthly * months, discount_minor=0, credit_minor=0,
        tax_inclusive_minor=0, period_start=start, period_end=end,
    )  # fmt: skip
    known = facts("il_1", start, end, interval=interval[0], interval_count=interval[1])
    found: list[PlanLine] = plan_lines([invoice(sold, finalized_at=start)], {"il_1": known}, {})
    assert [each.monthly_minor for each in found] == [monthly]
