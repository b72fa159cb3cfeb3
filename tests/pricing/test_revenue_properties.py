"""What must hold for any invoices: parts sum to their line, months to the invoices, and no closed month ever moves."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pricing.fx import RateTable
from pricing.money import NANO, convert_minor
from pricing.revenue import RevenueLine
from pricing.revenue_books import Books, Invoice, InvoiceLine
from pricing.revenue_months import company_months, customer_months
from pricing.service_period import next_month
from tests.pricing.books import invoice, lines_of, rate, refund

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
EURO_NANO = 1_080_100_000
RATES = RateTable([rate(EURO_NANO, date(2024, 12, 1) + timedelta(days=30 * step)) for step in range(40)])
moments = st.integers(0, 700 * 24).map(lambda hours: FIRST + timedelta(hours=hours))


@st.composite
def invoice_lines(draw: st.DrawFn, line_id: str = "il_1") -> InvoiceLine:
    """Any line: negative, with parts taken off, of a moment, a month or a year."""
    start = draw(moments)
    amount = draw(st.integers(-(10**7), 10**7))
    off = st.integers(0, max(0, amount) // 3)
    return InvoiceLine(
        line_id=line_id,
        description=None,
        amount_minor=amount,
        discount_minor=draw(off),
        credit_minor=draw(off),
        tax_inclusive_minor=draw(off),
        period_start=start,
        period_end=start + timedelta(hours=draw(st.one_of(st.just(0), st.integers(0, 400 * 24)))),
    )


@st.composite
def invoices(draw: st.DrawFn) -> tuple[Invoice, ...]:
    """A few invoices of two customers in two currencies."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        lines = [draw(invoice_lines(f"il_{number}_{place}")) for place in range(draw(st.integers(1, 3)))]
        fields = {
            "invoice_id": f"in_{number}",
            "customer_id": draw(st.sampled_from(["cus_a", "cus_b"])),
            "currency": draw(st.sampled_from(["usd", "eur"])),
            "finalized_at": draw(moments),
        }
        found.append(invoice(*lines, **fields))
    return tuple(found)


def totals(lines: list[RevenueLine], basis: str) -> dict[tuple[str, str], tuple[int, int]]:
    """By source and kind, the amount and the converted amount over all months."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for part in lines:
        if part.basis == basis:
            sums[part.source_id, part.kind][0] += part.amount_minor
            sums[part.source_id, part.kind][1] += part.reporting_minor or 0
    return {key: (amount, converted) for key, (amount, converted) in sums.items()}


@given(invoices())
def test_over_all_months_service_and_invoiced_are_the_same(sold: tuple[Invoice, ...]) -> None:
    """Once every period is over, amount by amount and converted to the cent."""
    lines = lines_of(Books(sold), RATES)
    assert totals(lines, "service") == totals(lines, "invoiced")


@given(invoices())
def test_the_invoiced_basis_holds_every_line_once(sold: tuple[Invoice, ...]) -> None:
    expected = sum(
        convert_minor(part, found.currency, "usd", EURO_NANO if found.currency == "eur" else NANO)
        for found in sold
        for line in found.lines
        for part in (line.amount_minor - line.tax_inclusive_minor, -line.discount_minor, -line.credit_minor)
    )
    months = customer_months(part for part in lines_of(Books(sold), RATES) if part.basis == "invoiced")
    assert sum(row.net_revenue_minor or 0 for row in months) == expected


@given(invoices())
def test_the_company_is_the_exact_sum_of_the_customers(sold: tuple[Invoice, ...]) -> None:
    months = customer_months(lines_of(Books(sold), RATES))
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for row in months:
        sums[row.month, row.basis] += row.net_revenue_minor or 0
    assert {(row.month, row.basis): row.net_revenue_minor for row in company_months(months)} == sums


@given(invoice_lines(), moments, moments)
def test_a_closed_month_is_the_same_however_late_one_looks(line: InvoiceLine, one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    books = Books((invoice(line),))
    closed = earlier.date().replace(day=1)
    seen = [
        {part.month: part.amount_minor for part in lines_of(books, as_of=as_of) if _is_gross(part, closed)}
        for as_of in (earlier, later)
    ]
    assert seen[0] == seen[1]


def _is_gross(part: RevenueLine, before: date) -> bool:
    return part.basis == "service" and part.kind == "line" and part.month < before


@given(invoice_lines(), moments)
def test_what_is_earned_lies_in_begun_days_and_never_exceeds_the_line(line: InvoiceLine, as_of: datetime) -> None:
    parts = [part for part in lines_of(Books((invoice(line),)), as_of=as_of) if part.basis == "service"]
    assert all(
        datetime.combine(part.period_end, datetime.min.time(), UTC) < as_of + timedelta(days=1) for part in parts
    )
    assert all(part.month <= part.period_start < part.period_end <= next_month(part.month) for part in parts)
    gross = line.amount_minor - line.tax_inclusive_minor
    assert abs(sum(part.amount_minor for part in parts if part.kind == "line")) <= abs(gross)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.lists(st.integers(1, 100), min_size=1, max_size=6))
def test_returning_a_whole_payment_in_any_parts_takes_away_what_was_earned(
    net: int, tax: int, shares: list[int]
) -> None:
    line = InvoiceLine(
        line_id="il_1", description=None, amount_minor=net, discount_minor=0, credit_minor=0, tax_inclusive_minor=0,
        period_start=FIRST, period_end=FIRST,
    )  # fmt: skip
    paid, cuts = net + tax, [0]
    for place, share in enumerate(shares):
        cuts.append(paid if place == len(shares) - 1 else min(paid, cuts[-1] + paid * share // 600))
    parts = tuple(
        refund(after - before, FIRST + timedelta(days=place), source_id=f"re_{place}")
        for place, (before, after) in enumerate(pairwise(cuts))
    )
    lines = lines_of(Books((invoice(line, tax_on_top=tax),), parts))
    assert sum(part.amount_minor for part in lines if (part.basis, part.kind) == ("service", "refund")) == net
