"""Customers come, change plans and leave."""

import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox import billing
from sandbox.billing.calendar import DAY, add_months
from sandbox.company.months import Span
from sandbox.company.plans import METER_EVENT, Catalogue
from sandbox.company.roster import BURNER, CANCELLATIONS, CHANGES, COUPONS, MONTHS, TRIALS, Account, Change
from sandbox.company.timeline import Timeline
from sandbox.objects import StripeObject
from sandbox.state import State

BRANDS = ("pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex")
REVERSE_CHARGE = {"BE"}


@dataclass
class Book:
    """What the demo knows about its customers while it plays: their objects at Stripe by account index."""

    shop: Catalogue
    span: Span
    random: random.Random
    kilotokens: dict[str, list[tuple[int, int]]]
    customers: dict[int, str] = field(default_factory=dict)
    subscriptions: dict[int, str] = field(default_factory=dict)


def signed_up_at(book: Book, account: Account) -> int:
    """When the account signs up; the burner so that its last renewal is ten days before `as_of`."""
    if account.index == BURNER:
        return add_months(book.span.as_of - 10 * DAY, account.month - 13)
    day = book.random.randint(1, 12 if account.month == MONTHS - 1 else 24)
    return book.span.at(account.month, day, hour=book.random.randint(7, 19)) + book.random.randint(0, 3599)


def plan_people(timeline: Timeline, book: Book, accounts: list[Account]) -> None:
    """Put every sign-up, plan change and cancellation on the timeline."""
    for account in accounts:
        timeline.plan(signed_up_at(book, account), partial(sign_up, book=book, account=account))
    for change in CHANGES:
        at = book.span.at(change.month, change.day, hour=14)
        timeline.plan(at, partial(change_plan, book=book, account=accounts[change.account], change=change))
    for index, month, day, feedback in CANCELLATIONS:
        at = book.span.at(month, day, hour=16)
        timeline.plan(at, partial(leave, book=book, index=index, feedback=feedback))


def items_of(state: State, book: Book, plan: str, seats: int, currency: str) -> list[StripeObject]:
    """The subscription items of a plan."""
    if plan == "enterprise":
        # Euro contracts are agreed in euro, at the same figure.
        return [{"price": book.shop.enterprise(state, seats, currency), "quantity": 1}]
    items = [{"price": book.shop.prices[plan, currency], "quantity": seats}]
    if plan == "scale":
        items.append({"price": book.shop.prices["scale_tokens", currency]})
    return items


def sign_up(state: State, book: Book, account: Account) -> None:
    """A new customer with a card, a subscription and, for all that follows, their metered usage."""
    card = book.random.choice(BRANDS)
    state_code = account.region.partition("-")[2] or None
    customer = billing.create_customer(
        state,
        {
            "name": account.name,
            "email": f"billing@{account.slug}.example",
            "address": {"country": account.country, "state": state_code},
            "metadata": {"account_id": account.account_id},
            "tax_exempt": "reverse" if account.country in REVERSE_CHARGE else "none",
            "payment_method": card,
            "invoice_settings": {"default_payment_method": card},
        },
    )
    book.customers[account.index] = customer["id"]
    if account.plan == "scale" or any(c.account == account.index and c.to == "scale" for c in CHANGES):
        report_usage(state, book, account, customer["id"])
    tax = book.shop.tax_rates.get(account.region)
    params: StripeObject = {
        "customer": customer["id"],
        "items": items_of(state, book, account.plan, account.seats, account.currency),
        "default_tax_rates": [tax] if tax else [],
        "metadata": {"plan": account.plan.partition("_")[0]},
    }
    if account.index in COUPONS:
        params["discounts"] = [{"coupon": COUPONS[account.index]}]
    if account.index in TRIALS:
        params["trial_period_days"] = 14
    book.subscriptions[account.index] = billing.create_subscription(state, params)["id"]


def report_usage(state: State, book: Book, account: Account, customer_id: str) -> None:
    """One meter event a day with the day's thousands of tokens, known beforehand because the demo knows its future."""
    events = state.objects.setdefault("billing.meter_event", {})
    for at, kilotokens in book.kilotokens.get(account.account_id, []):
        identifier = f"{account.account_id}:{at}"
        events[identifier] = {
            "object": "billing.meter_event",
            "created": at,
            "event_name": METER_EVENT,
            "identifier": identifier,
            "livemode": False,
            "payload": {"stripe_customer_id": customer_id, "value": str(kilotokens)},
            "timestamp": at,
        }


def change_plan(state: State, book: Book, account: Account, change: Change) -> None:
    """Move to another plan or number of seats in mid-cycle: more is billed at once, less is credited on the next invoice."""
    subscription = state.objects["subscription"][book.subscriptions[account.index]]
    if subscription["status"] not in {"active", "past_due"}:
        return
    old = subscription["items"]["data"]
    new = items_of(state, book, change.to, change.seats, account.currency)
    items: list[dict[str, Any]] = [{"id": old[0]["id"], **new[0]}, *new[1:]]
    items += [{"id": item["id"], "deleted": True} for item in old[1:]]
    before = _monthly(state, old[0])
    price = state.objects["price"][new[0]["price"]]
    grows = price["unit_amount"] * new[0]["quantity"] > before
    billing.update_subscription(
        state,
        subscription["id"],
        {
            "items": items,
            "proration_behavior": "always_invoice" if grows else "create_prorations",
            "metadata": {"plan": change.to},
        },
    )


def _monthly(state: State, item: StripeObject) -> int:
    return int(state.objects["price"][item["price"]["id"]]["unit_amount"] * item.get("quantity", 1))


def leave(state: State, book: Book, index: int, feedback: str) -> None:
    """Cancel at the end of the period that is running."""
    subscription = state.objects["subscription"][book.subscriptions[index]]
    if subscription["status"] in {"active", "past_due", "trialing"}:
        billing.update_subscription(
            state,
            subscription["id"],
            {"cancel_at_period_end": True, "cancellation_details": {"feedback": feedback, "comment": None}},
        )
