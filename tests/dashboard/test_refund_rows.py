"""What a refund costs, as its card says it: exact, and unknown rather than nothing."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest

from dashboard.months import Month
from dashboard.refund_rows import Row, age_words, row
from pricing.coverage import Coverage
from pricing.margin import Status
from store.refund_requests import RefundRequest

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def month(net_revenue_minor: int | None, cost_minor: int) -> Month:
    return Month(
        date(2026, 10, 1), 0, 0, 0, 0, 0, net_revenue_minor, 0, cost_minor, None, None, None, Coverage(), Status.HEALTHY, (),
        is_partial=False,
    )  # fmt: skip


def asked(state: str = "checked", currency: str = "usd") -> RefundRequest:
    return RefundRequest(
        UUID(int=1), None, "page", "ch_1", None, "cus_a", 20_00, currency, "duplicate", None, state, "sam (support)",
        NOW, NOW, [], NOW, None, None, None, None, None, None, None, None,
    )  # fmt: skip


def drawn(request: RefundRequest, *months: Month) -> Row:
    return row(
        request, customer="Acme", invoice=None, cost=None, fee=None, months=months, reporting_currency="usd"
    )  # fmt: skip


def test_the_margin_falls_from_70_to_62_5_percent() -> None:
    """Revenue 60 + 40 = 100, cost 10 + 20 = 30: a profit of 70. Less 20 refunded: 50 of 80."""
    one = drawn(asked(), month(60_00, 10_00), month(40_00, 20_00))
    assert (one.lifetime.profit_minor, one.lifetime.share) == (70_00, Fraction(70, 100))
    assert (one.after_minor, one.after_share) == (50_00, Fraction(50, 80))


def test_a_settled_refund_is_in_the_months_already() -> None:
    one = drawn(asked("settled"), month(80_00, 30_00))
    assert (one.after_minor, one.after_share) == (50_00, Fraction(50, 80))


@pytest.mark.parametrize(
    ("request_", "months"),
    [(asked(), ()), (asked(), (month(None, 5),)), (asked(currency="eur"), (month(60_00, 10_00),))],
    ids=["no month", "revenue without a rate", "another currency"],
)
def test_what_is_not_known_is_unknown(request_: RefundRequest, months: tuple[Month, ...]) -> None:
    one = drawn(request_, *months)
    assert (one.after_minor, one.after_share) == (None, None)


def test_no_revenue_left_is_no_margin() -> None:
    one = drawn(asked(), month(20_00, 5_00))
    assert (one.after_minor, one.after_share) == (-5_00, None)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_how_long_ago_is_said_in_words(ago: timedelta, words: str) -> None:
    assert age_words(asked(), NOW + ago) == words
