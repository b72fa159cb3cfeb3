"""What is pulled: one entry per kind of object, with its address, how it is listed and the permission that reading it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SOURCE = "stripe"


@dataclass(frozen=True)
class Stream:
    """A list at Stripe. `kind` is the `object` of its members, `permission` what a restricted key must be allowed to read."""

    name: str
    kind: str
    permission: str
    list_parameters: Mapping[str, str] = field(default_factory=dict)
    retrieve_parameters: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The address of the list."""
        return f"/v1/{self.name}"

    @property
    def words(self) -> str:
        """The stream's name for people."""
        return self.name.rsplit("/", 1)[-1].replace("_", " ")


STREAMS = (
    Stream("customers", "customer", "Customers"),
    Stream("products", "product", "Products"),
    Stream("prices", "price", "Prices"),
    # Without a status the list leaves canceled subscriptions out.
    Stream("subscriptions", "subscription", "Subscriptions", {"status": "all"}),
    Stream("subscription_schedules", "subscription_schedule", "Subscriptions"),
    # An invoice that is read alone brings its payments along: not each of their changes has an event of its own.
    Stream("invoices", "invoice", "Invoices", retrieve_parameters={"expand": ["payments"]}),
    Stream("invoice_payments", "invoice_payment", "Invoices"),
    Stream("payment_intents", "payment_intent", "PaymentIntents"),
    Stream("charges", "charge", "Charges and Refunds"),
    Stream("refunds", "refund", "Charges and Refunds"),
    Stream("disputes", "dispute", "Disputes"),
    Stream("radar/early_fraud_warnings", "radar.early_fraud_warning", "Radar"),
    Stream("balance_transactions", "balance_transaction", "Balance transactions"),
    Stream("payouts", "payout", "Payouts"),
    Stream("events", "event", "Events"),
)
BY_NAME = {stream.name: stream for stream in STREAMS}
BY_KIND = {stream.kind: stream for stream in STREAMS}

# Money moves without events, so the newest part of this list is read at every pull.
WITHOUT_EVENTS = BY_NAME["balance_transactions"]
EVENTS = BY_NAME["events"]

# Objects that are read again when an event names them.
FOLLOWED_KINDS = frozenset(BY_KIND) - {EVENTS.kind, WITHOUT_EVENTS.kind}
