"""The typed columns of what is sold and billed: customers, products, prices, subscriptions, invoices and their parts."""

from collections.abc import Mapping
from typing import Any

from store.stripe_values import amounts, inside, moment, reference

Raw = Mapping[str, Any]
Row = dict[str, Any]


def customer(raw: Raw) -> Row:
    """Who buys; `country` is that of the billing address."""
    return {
        "name": raw.get("name"),
        "email": raw.get("email"),
        "currency": raw.get("currency"),
        "country": inside(raw, "address", "country"),
        "metadata": raw.get("metadata"),
        "is_delinquent": raw.get("delinquent"),
    }


def product(raw: Raw) -> Row:
    """What is sold."""
    return {"name": raw.get("name"), "is_active": raw.get("active"), "metadata": raw.get("metadata")}


def price(raw: Raw) -> Row:
    """At which price; `unit_amount_minor` is None for tiers and for fractions of a minor unit."""
    recurring = raw.get("recurring")
    return {
        "product_id": reference(raw.get("product")),
        "nickname": raw.get("nickname"),
        "currency": raw.get("currency"),
        "unit_amount_minor": raw.get("unit_amount"),
        "billing_scheme": raw.get("billing_scheme"),
        "usage_type": inside(recurring, "usage_type"),
        "recurring_interval": inside(recurring, "interval"),
        "recurring_interval_count": inside(recurring, "interval_count"),
        "is_active": raw.get("active"),
    }


def subscription(raw: Raw) -> Row:
    """Who is subscribed since when and in which state; periods are on the items."""
    return {
        "customer_id": reference(raw.get("customer")),
        "status": raw.get("status"),
        "currency": raw.get("currency"),
        "billing_mode": inside(raw, "billing_mode", "type"),
        "started_at": moment(raw.get("start_date")),
        "canceled_at": moment(raw.get("canceled_at")),
        "ended_at": moment(raw.get("ended_at")),
        "trial_end_at": moment(raw.get("trial_end")),
        "cancel_at_period_end": raw.get("cancel_at_period_end"),
        "metadata": raw.get("metadata"),
    }


def subscription_schedule(raw: Raw) -> Row:
    """What a subscription is to become when; `subscription_id` is None before it begins and once it is let go."""
    return {
        "customer_id": reference(raw.get("customer")),
        "subscription_id": reference(raw.get("subscription")),
        "status": raw.get("status"),
    }


def subscription_item(raw: Raw) -> Row:
    """One price within a subscription; `quantity` is None for metered prices."""
    return {
        "subscription_id": reference(raw.get("subscription")),
        "price_id": reference(raw.get("price")),
        "product_id": reference(inside(raw, "price", "product")),
        "quantity": raw.get("quantity"),
        "current_period_start": moment(raw.get("current_period_start")),
        "current_period_end": moment(raw.get("current_period_end")),
    }


def invoice(raw: Raw) -> Row:
    """What was billed, in minor units of `currency`."""
    return {
        "customer_id": reference(raw.get("customer")),
        "subscription_id": reference(inside(raw, "parent", "subscription_details", "subscription")),
        "number": raw.get("number"),
        "status": raw.get("status"),
        "currency": raw.get("currency"),
        "billing_reason": raw.get("billing_reason"),
        "collection_method": raw.get("collection_method"),
        "subtotal_minor": raw.get("subtotal"),
        "total_minor": raw.get("total"),
        "total_excluding_tax_minor": raw.get("total_excluding_tax"),
        "amount_due_minor": raw.get("amount_due"),
        "amount_paid_minor": raw.get("amount_paid"),
        "amount_remaining_minor": raw.get("amount_remaining"),
        "starting_balance_minor": raw.get("starting_balance"),
        "attempt_count": raw.get("attempt_count"),
        "next_payment_attempt_at": moment(raw.get("next_payment_attempt")),
        "period_start": moment(raw.get("period_start")),
        "period_end": moment(raw.get("period_end")),
        "finalized_at": moment(inside(raw, "status_transitions", "finalized_at")),
        "paid_at": moment(inside(raw, "status_transitions", "paid_at")),
        "due_at": moment(raw.get("due_date")),
    }


def line_item(raw: Raw) -> Row:
    """One line of an invoice, in minor units of `currency`; `amount_minor` is before discounts.

    `pretax_credit_amounts` repeats the discounts beside the credits, so only the credits are taken from it.
    """
    kind = inside(raw, "parent", "type") or ""
    parent = inside(raw, "parent", kind)
    details = inside(raw, "pricing", "price_details")
    taxes = raw.get("taxes")
    return {
        "invoice_id": reference(raw.get("invoice")),
        "description": raw.get("description"),
        "currency": raw.get("currency"),
        "amount_minor": raw.get("amount"),
        "quantity": raw.get("quantity"),
        "price_id": reference(inside(details, "price")),
        "product_id": reference(inside(details, "product")),
        "subscription_id": reference(raw.get("subscription") or inside(parent, "subscription")),
        "period_start": moment(inside(raw, "period", "start")),
        "period_end": moment(inside(raw, "period", "end")),
        "is_proration": inside(parent, "proration"),
        "discount_minor": amounts(raw.get("discount_amounts")),
        "pretax_credit_minor": amounts(raw.get("pretax_credit_amounts"), type="credit_balance_transaction"),
        "tax_exclusive_minor": amounts(taxes, tax_behavior="exclusive"),
        "tax_inclusive_minor": amounts(taxes, tax_behavior="inclusive"),
    }
