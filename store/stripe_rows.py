"""Stripe's objects as rows: which table an object belongs in, and what its columns hold. Pure: a dict in, a dict out.

Accepts every identifier either as a bare id or as the expanded object. What Stripe leaves out becomes None, never zero,
except sums over lists (discounts, taxes): an absent list adds up to nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store import stripe_rows_billing, stripe_rows_payments
from store.stripe_values import moment

Raw = Mapping[str, Any]
Row = dict[str, Any]


class UnknownStripeObject(Exception):
    """An object of a kind that is not mirrored; the kind is in the sentence."""


@dataclass(frozen=True)
class Parts:
    """The list inside an object whose members get a table of their own.

    `key` names the list, `kind` is its members' object name, `whole_column` the column that points back.
    """

    key: str
    kind: str
    whole_column: str


@dataclass(frozen=True)
class Kind:
    """A mirrored kind of object: its table, its typed columns, and the parts it is made of."""

    table: str
    columns: Callable[[Raw], Row]
    parts: Parts | None = None


KINDS: dict[str, Kind] = {
    "customer": Kind("stripe_customers", stripe_rows_billing.customer),
    "product": Kind("stripe_products", stripe_rows_billing.product),
    "price": Kind("stripe_prices", stripe_rows_billing.price),
    "subscription": Kind(
        "stripe_subscriptions",
        stripe_rows_billing.subscription,
        Parts("items", "subscription_item", "subscription_id"),
    ),
    "subscription_item": Kind("stripe_subscription_items", stripe_rows_billing.subscription_item),
    "subscription_schedule": Kind("stripe_subscription_schedules", stripe_rows_billing.subscription_schedule),
    "invoice": Kind("stripe_invoices", stripe_rows_billing.invoice, Parts("lines", "line_item", "invoice_id")),
    "line_item": Kind("stripe_invoice_lines", stripe_rows_billing.line_item),
    "invoice_payment": Kind("stripe_invoice_payments", stripe_rows_payments.invoice_payment),
    "payment_intent": Kind("stripe_payment_intents", stripe_rows_payments.payment_intent),
    "charge": Kind("stripe_charges", stripe_rows_payments.charge),
    "refund": Kind("stripe_refunds", stripe_rows_payments.refund),
    "dispute": Kind("stripe_disputes", stripe_rows_payments.dispute),
    "radar.early_fraud_warning": Kind("stripe_early_fraud_warnings", stripe_rows_payments.early_fraud_warning),
    "balance_transaction": Kind("stripe_balance_transactions", stripe_rows_payments.balance_transaction),
    "payout": Kind("stripe_payouts", stripe_rows_payments.payout),
    "event": Kind("stripe_events", stripe_rows_payments.event),
}


def kind_of(raw: Raw) -> Kind:
    """The kind of this object. Raises UnknownStripeObject for one that is not mirrored."""
    name = raw.get("object")
    if name not in KINDS:
        raise UnknownStripeObject(f"Stripe objects of the kind {name!r} are not mirrored (id {raw.get('id')!r})")
    return KINDS[name]


def to_row(raw: Raw, *, fetched_at: datetime) -> Row:
    """The object's row, without its tenant: typed columns, the object as it came, and when we fetched it."""
    return {
        "id": raw["id"],
        **kind_of(raw).columns(raw),
        "raw": raw,
        "created_at": moment(raw.get("created")),
        "synced_at": fetched_at,
        "is_deleted": False,
    }


def is_tombstone(raw: Raw) -> bool:
    """Whether Stripe answered with no more than that the object was deleted."""
    return raw.get("deleted") is True


def embedded_parts(raw: Raw) -> list[Raw]:
    """The parts that came inside the object; Stripe puts in the first ten or so, and `has_more` says whether that is all."""
    parts = kind_of(raw).parts
    return [] if parts is None else list((raw.get(parts.key) or {}).get("data") or [])


def has_more_parts(raw: Raw) -> bool:
    """Whether Stripe holds parts of this object that did not come with it."""
    parts = kind_of(raw).parts
    return parts is not None and bool((raw.get(parts.key) or {}).get("has_more"))


def latest_created(objects: Iterable[Raw]) -> datetime | None:
    """When the newest of these objects came to be, by Stripe's clock; None when none says."""
    times = [raw["created"] for raw in objects if raw.get("created") is not None]
    return moment(max(times)) if times else None
