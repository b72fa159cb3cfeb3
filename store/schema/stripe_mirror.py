"""What Stripe says: one table per kind of object, the columns we use beside the object as it came.

Rows arrive in any order, so the only references are from parts to their whole (lines, subscription items).
Every typed column may be null: a deleted object is known by its id alone.
"""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Numeric, Table, text
from sqlalchemy.schema import SchemaItem

from store.schema.base import claim, document, moment, number, tenant_table, text_column


def mirror(name: str, *items: SchemaItem, look_up: tuple[str, ...] = ()) -> Table:
    """A mirrored kind of Stripe object; `look_up` columns get an index each, beneath the tenant."""
    table = tenant_table(
        name,
        text_column("id", nullable=False),
        *items,
        document("raw", nullable=False),
        moment("created_at"),
        moment("synced_at", nullable=False),
        Column("is_deleted", claim("is_deleted").type, nullable=False, server_default=text("false")),
        key=("id",),
    )
    for column in look_up:
        Index(None, table.c.tenant_id, table.c[column])
    return table


def texts(*names: str) -> list[Column[str]]:
    """Text columns, in order."""
    return [text_column(name) for name in names]


def numbers(*names: str) -> list[Column[int]]:
    """Integer columns, in order; amounts are in minor units of the row's currency."""
    return [number(name) for name in names]


stripe_customers = mirror(
    "stripe_customers", *texts("name", "email", "currency", "country"), document("metadata"), claim("is_delinquent")
)

stripe_products = mirror("stripe_products", text_column("name"), claim("is_active"), document("metadata"))

stripe_prices = mirror(
    "stripe_prices",
    *texts("product_id", "nickname", "currency"),
    number("unit_amount_minor"),
    *texts("billing_scheme", "usage_type", "recurring_interval"),
    number("recurring_interval_count"),
    claim("is_active"),
)

stripe_subscriptions = mirror(
    "stripe_subscriptions",
    *texts("customer_id", "status", "currency", "billing_mode"),
    moment("started_at"),
    moment("canceled_at"),
    moment("ended_at"),
    moment("trial_end_at"),
    claim("cancel_at_period_end"),
    document("metadata"),
    look_up=("customer_id",),
)

stripe_subscription_schedules = mirror(
    "stripe_subscription_schedules",
    *texts("customer_id", "subscription_id", "status"),
    look_up=("subscription_id",),
)

stripe_subscription_items = mirror(
    "stripe_subscription_items",
    *texts("subscription_id", "price_id", "product_id"),
    number("quantity"),
    moment("current_period_start"),
    moment("current_period_end"),
    ForeignKeyConstraint(
        ["tenant_id", "subscription_id"], ["stripe_subscriptions.tenant_id", "stripe_subscriptions.id"]
    ),
    look_up=("subscription_id",),
)

stripe_invoices = mirror(
    "stripe_invoices",
    *texts("customer_id", "subscription_id", "number", "status", "currency", "billing_reason", "collection_method"),
    *numbers(
        "subtotal_minor",
        "total_minor",
        "total_excluding_tax_minor",
        "amount_due_minor",
        "amount_paid_minor",
        "amount_remaining_minor",
        "starting_balance_minor",
        "attempt_count",
    ),
    moment("next_payment_attempt_at"),
    moment("period_start"),
    moment("period_end"),
    moment("finalized_at"),
    moment("paid_at"),
    moment("due_at"),
    look_up=("customer_id", "subscription_id", "finalized_at"),
)

stripe_invoice_lines = mirror(
    "stripe_invoice_lines",
    *texts("invoice_id", "description", "currency"),
    *numbers("amount_minor", "quantity"),
    *texts("price_id", "product_id", "subscription_id"),
    moment("period_start"),
    moment("period_end"),
    claim("is_proration"),
    *numbers("discount_minor", "pretax_credit_minor", "tax_exclusive_minor", "tax_inclusive_minor"),
    ForeignKeyConstraint(["tenant_id", "invoice_id"], ["stripe_invoices.tenant_id", "stripe_invoices.id"]),
    look_up=("invoice_id",),
)

stripe_invoice_payments = mirror(
    "stripe_invoice_payments",
    *texts("invoice_id", "payment_intent_id", "charge_id", "status"),
    *numbers("amount_paid_minor", "amount_requested_minor"),
    text_column("currency"),
    claim("is_default"),
    moment("paid_at"),
    look_up=("invoice_id", "payment_intent_id"),
)

stripe_payment_intents = mirror(
    "stripe_payment_intents",
    text_column("customer_id"),
    number("amount_minor"),
    *texts("currency", "status", "latest_charge_id", "last_error_code", "last_decline_code"),
    look_up=("customer_id",),
)

stripe_charges = mirror(
    "stripe_charges",
    *texts("customer_id", "payment_intent_id"),
    *numbers("amount_minor", "amount_captured_minor", "amount_refunded_minor"),
    *texts("currency", "status"),
    claim("is_paid"),
    claim("is_disputed"),
    *texts("failure_code", "decline_code", "advice_code", "network_decline_code", "balance_transaction_id"),
    document("metadata"),
    look_up=("customer_id", "payment_intent_id"),
)

stripe_refunds = mirror(
    "stripe_refunds",
    *texts("charge_id", "payment_intent_id"),
    number("amount_minor"),
    *texts("currency", "status", "reason", "failure_reason", "balance_transaction_id"),
    document("metadata"),
    look_up=("charge_id",),
)

stripe_disputes = mirror(
    "stripe_disputes",
    *texts("charge_id", "payment_intent_id"),
    number("amount_minor"),
    *texts("currency", "status", "reason"),
    moment("due_by"),
    text_column("network_reason_code"),
    look_up=("charge_id",),
)

stripe_early_fraud_warnings = mirror(
    "stripe_early_fraud_warnings",
    *texts("charge_id", "payment_intent_id", "fraud_type"),
    claim("is_actionable"),
    look_up=("charge_id",),
)

stripe_balance_transactions = mirror(
    "stripe_balance_transactions",
    *texts("type", "reporting_category"),
    *numbers("amount_minor", "fee_minor", "net_minor"),
    text_column("currency"),
    Column("exchange_rate", Numeric),
    text_column("source_id"),
    moment("available_at"),
    text_column("description"),
    look_up=("source_id",),
)

stripe_payouts = mirror(
    "stripe_payouts",
    number("amount_minor"),
    *texts("currency", "status"),
    claim("is_automatic"),
    *texts("failure_code", "balance_transaction_id"),
    moment("arrival_at"),
)

stripe_events = mirror(
    "stripe_events", *texts("type", "object_id", "object_type", "api_version"), look_up=("created_at",)
)
