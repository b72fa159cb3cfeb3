"""What a customer reads when a payment failed or a card is about to expire: pure text and HTML, from facts alone."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined

from billing.decline_classes import RecoveryClass
from pricing.money import exponent

FailureKind = Literal["first_failure", "reminder", "last_attempt", "link"]
BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover", "jcb": "JCB"}

_templates = PackageLoader("billing", "mail_templates")
_html = Environment(loader=_templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_text = Environment(loader=_templates, autoescape=False, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701 - plain text has no markup
# Styles go into the tags for readers that drop <style>; the block stays for phones and dark screens.
_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass(frozen=True)
class Card:
    """A card as its holder knows it; `expires` is year and month."""

    brand: str | None
    last4: str | None
    expires: tuple[int, int] | None = None


@dataclass(frozen=True)
class Failure:
    """What is owed and why it was not paid. The amount is in minor units; `next_try_at` is aware UTC, shown in `zone`."""

    company: str
    customer_name: str | None
    amount_minor: int
    currency: str
    invoice_number: str | None
    decline_class: RecoveryClass
    card: Card | None
    pay_url: str
    next_try_at: datetime | None = None
    zone: tzinfo = UTC
    portal_url: str | None = None


@dataclass(frozen=True)
class ExpiringCard:
    """A card on file that is valid until the end of its month."""

    company: str
    customer_name: str | None
    card: Card
    portal_url: str


@dataclass(frozen=True)
class Letter:
    """A rendered mail: one line of subject, the text, and the same as HTML."""

    subject: str
    text: str
    html: str


def failure_letter(kind: FailureKind, failure: Failure) -> Letter:
    """The letter about a failed payment. No promise in it that the schedule does not keep, and nothing secret."""
    owed = amount(failure.amount_minor, failure.currency)
    company = _line(failure.company)
    subject, heading = {
        "first_failure": (f"Your payment of {owed} to {company} did not go through", "Your payment did not go through"),
        "reminder": (f"Reminder: {owed} to {company} is still unpaid", "Your payment is still open"),
        "last_attempt": (f"Last reminder: {owed} to {company} is still unpaid", "Your payment is still open"),
        "link": (f"Your payment link: {owed} to {company}", "Your payment link"),
    }[kind]
    facts = [("Amount", owed), ("Invoice", failure.invoice_number), ("Card", _card(failure.card))]
    return _letter(
        subject,
        heading=heading,
        company=company,
        greeting=_greeting(failure.customer_name),
        paragraphs=_failure_paragraphs(kind, failure, owed),
        facts=[(name, value) for name, value in facts if value],
        link=failure.pay_url,
        button=f"Pay {owed}",
        about_link="The button opens a page of Stripe, which processes our payments. You can pay there with another card.",
        portal_url=failure.portal_url,
        portal_words="To change the card for later payments too:",
        foot="Paid meanwhile? Then please disregard this mail. For questions, or to get no more of these, just reply.",
    )


def expiring_letter(expiring: ExpiringCard) -> Letter:
    """The letter about a card that is about to expire."""
    company, card = _line(expiring.company), _card(expiring.card)
    assert expiring.card.expires is not None, "nobody writes about a card whose expiry is not known"
    year, month = expiring.card.expires
    return _letter(
        f"Your card for {company} expires soon",
        heading="Your card expires soon",
        company=company,
        greeting=_greeting(expiring.customer_name),
        paragraphs=[
            f"The card on file for your subscription ({card}) is valid until the end of {datetime(year, month, 1, tzinfo=UTC):%B %Y}.",
            "Please give us its successor, so that your next payment goes through.",
        ],
        facts=[("Card", card), ("Valid until", f"{month:02}/{year}")],
        link=expiring.portal_url,
        button="Update your card",
        about_link="The button opens a page of Stripe, which processes our payments. It asks for your e-mail address and sends you a code.",
        portal_url=None,
        portal_words="",
        foot="Changed it already? Then please disregard this mail. For questions, or to get no more of these, just reply.",
    )


def amount(minor: int, currency: str) -> str:
    """`USD 1,234.50`: the currency's code and the exact amount, nothing rounded. Raises MoneyError for no currency."""
    places = exponent(currency)
    whole, rest = divmod(abs(minor), 10**places)
    sign = "-" if minor < 0 else ""
    return f"{currency.upper()} {sign}{whole:,}" + (f".{rest:0{places}}" if places else "")


def _failure_paragraphs(kind: FailureKind, failure: Failure, owed: str) -> list[str]:
    number = f" for invoice {_line(failure.invoice_number)}" if failure.invoice_number else ""
    first = {
        "first_failure": f"We could not collect your payment of {owed}{number}.",
        "reminder": f"Your payment of {owed}{number} is still open.",
        "last_attempt": f"Your payment of {owed}{number} is still open. This is our last mail about it.",
        "link": f"Here is the link to pay {owed}{number}.",
    }[kind]
    if kind == "link":
        return [first]
    why = {
        "never": "Your bank does not accept further payments with this card, so it takes another one.",
        "needs_customer": "Your bank asks you to confirm the payment or the card's details; we cannot do that for you.",
        "expired": "The card on file has expired.",
        "later": "Your bank declined the payment.",
    }[failure.decline_class]
    paragraphs = [first, why]
    if failure.next_try_at is not None:
        day = failure.next_try_at.astimezone(failure.zone)
        paragraphs.append(f"We will try this card again on {day:%A}, {day.day} {day:%B}. You need not wait for that.")
    if kind == "last_attempt":
        paragraphs.append("If it stays unpaid, your subscription may end.")
    return paragraphs


def _letter(subject: str, **words: Any) -> Letter:
    told = {**words, "subject": subject}
    html = _inliner.inline(_html.get_template("letter.html").render(told))
    return Letter(subject, _text.get_template("letter.txt").render(told), html)


def _greeting(name: str | None) -> str:
    return f"Hello {_line(name)}," if name and name.strip() else "Hello,"


def _card(card: Card | None) -> str | None:
    if card is None or card.last4 is None:
        return None
    return f"{BRANDS.get(card.brand or '', 'Card')} ending in {_line(card.last4)}"


def _line(words: str | None) -> str:
    """One line of somebody else's words: what could begin a header or a paragraph of its own becomes a space."""
    return " ".join((words or "").split())
