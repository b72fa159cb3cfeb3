"""What customers read: exact amounts, no promise that is not kept, nothing of theirs taken for markup; and which mail is due when."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from billing.card_mails import ending_months
from billing.recovery_letters import Card, ExpiringCard, Failure, amount, expiring_letter, failure_letter
from billing.recovery_mails import KINDS, MailKind, PlannedMail, due_mail

FAILED = datetime(2026, 2, 1, 1, tzinfo=UTC)
PLAN = tuple(PlannedMail(kind, FAILED + timedelta(days=days)) for kind, days in zip(KINDS, (1, 6, 13), strict=True))
FAILURE = Failure(
    company="Acme",
    customer_name="Globex",
    amount_minor=4_900,
    currency="usd",
    invoice_number="ACME-7",
    decline_class="later",
    card=Card("visa", "4242"),
    pay_url="https://invoice.stripe.com/i/1",
    next_try_at=datetime(2026, 2, 4, 2, tzinfo=UTC),
    zone=ZoneInfo("America/New_York"),
)


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (4_900, "usd", "USD 49.00"),
        (123_450, "eur", "EUR 1,234.50"),
        (5_000, "jpy", "JPY 5,000"),
        (1_005, "kwd", "KWD 1.005"),
    ],
)
def test_an_amount_is_said_in_its_currencys_own_units(minor: int, currency: str, said: str) -> None:
    assert amount(minor, currency) == said


def test_a_letter_says_what_is_owed_why_and_where_to_pay_in_text_and_html() -> None:
    letter = failure_letter("first_failure", FAILURE)
    assert letter.subject == "Your payment of USD 49.00 to Acme did not go through"
    for words in ("Hello Globex,", "USD 49.00 for invoice ACME-7", "Visa ending in 4242", "Tuesday, 3 February"):
        assert words in letter.text  # 02:00 UTC on the fourth is still the third in New York
        assert words in letter.html
    assert "https://invoice.stripe.com/i/1\n" in letter.text
    assert 'href="https://invoice.stripe.com/i/1"' in letter.html


def test_no_further_try_is_announced_where_none_is_planned() -> None:
    letter = failure_letter("reminder", replace(FAILURE, next_try_at=None, decline_class="never"))
    assert "try this card again" not in letter.text
    assert "does not accept further payments with this card" in letter.text


def test_names_are_neither_markup_nor_headers() -> None:
    nasty = replace(FAILURE, company="Acme\r\nBcc: all@acme.example", customer_name="<img src=x onerror=alert(1)>")
    letter = failure_letter("last_attempt", nasty)
    assert letter.subject == "Last reminder: USD 49.00 to Acme Bcc: all@acme.example is still unpaid"
    assert "<img" not in letter.html
    assert "&lt;img" in letter.html


def test_the_html_is_readable_without_its_style_block_and_loads_nothing_from_anywhere() -> None:
    html = failure_letter("link", FAILURE).html
    bare = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    assert re.search(r'class="button"[^>]*style="[^"]*background-color: #1d4ed8', bare)
    assert not re.search(r"<(img|link|script|iframe)|url\(|@import", html)
    assert "prefers-color-scheme: dark" in html
    assert len(html) < 12_000  # Gmail cuts at 102 kB


def test_a_card_letter_names_the_card_and_its_last_month() -> None:
    letter = expiring_letter(ExpiringCard("Acme", None, Card("mastercard", "4444", (2026, 12)), "https://p.example/1"))
    assert letter.subject == "Your card for Acme expires soon"
    assert "(Mastercard ending in 4444) is valid until the end of December 2026" in letter.text


@pytest.mark.parametrize(
    ("days", "asked_at_days", "due"),
    [
        (0.9, {}, None),
        (1, {}, "first_failure"),
        (1, {"first_failure": 1}, None),
        (6, {"first_failure": 1}, "reminder"),
        (6, {"first_failure": 4.5}, None),  # a mail went out less than two days ago
        (6, {}, "reminder"),  # after an outage: the latest, not the heap
        (9.5, {"first_failure": 1}, None),  # the reminder is missed by more than three days
        (13, {"first_failure": 1, "reminder": 6}, "last_attempt"),
        (13, {"last_attempt": 9}, None),
        (400, {}, None),  # an old failure of a new account
    ],
)
def test_one_mail_of_a_kind_is_due_at_its_time(
    days: float, asked_at_days: dict[MailKind, float], due: str | None
) -> None:
    asked_at = {kind: FAILED + timedelta(days=at) for kind, at in asked_at_days.items()}
    found = due_mail(PLAN, asked_at, FAILED + timedelta(days=days))
    assert (found.kind if found else None) == due


@pytest.mark.parametrize(
    ("today", "months"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), []),  # January ends in 31 days
        (datetime(2026, 1, 2, tzinfo=UTC), [(2026, 1)]),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), [(2026, 1), (2026, 2)]),  # February is over in 28.5 days
        (datetime(2026, 12, 20, tzinfo=UTC), [(2026, 12)]),
    ],
)
def test_a_card_expires_soon_when_its_month_ends_within_thirty_days(
    today: datetime, months: list[tuple[int, int]]
) -> None:
    assert ending_months(today) == months
