"""Gathers all we hold about one dispute: Stripe's objects from the mirror, the usage log, and the tenant's own words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billing.evidence_facts import (
    Buyer,
    Charge,
    Customer,
    Disputed,
    Holdings,
    Invoice,
    Line,
    Policy,
    Refund,
    Subscription,
    UsageDay,
)
from billing.visa_ce3 import compelling, enhanced_evidence
from store import evidence_policies, evidence_reads, refund_requests
from store.database import Connection
from store.evidence_reads import MirroredDispute
from store.stripe_values import inside, moment, reference
from store.warehouse_reads import Warehouse

Raw = Mapping[str, Any]


class NoSuchDispute(LookupError):
    """The mirror does not know the dispute; the sentence says what to do."""


def holdings(connection: Connection, warehouse: Warehouse | None, dispute_id: str, *, now: datetime) -> Holdings:
    """All we hold about a dispute of the tenant of the open transaction. Without a warehouse there is no usage to show.

    Raises NoSuchDispute.
    """
    held = evidence_reads.mirrored_dispute(connection, dispute_id)
    if held is None:
        raise NoSuchDispute(f"The mirror has no dispute {dispute_id}: refresh from Stripe first.")
    customer = None if held.customer is None else _customer(held.customer)
    usage: tuple[UsageDay, ...] = ()
    if warehouse is not None and customer is not None:
        days = evidence_reads.usage_days(warehouse, customer.customer_id, until=now.astimezone(UTC).date())
        usage = tuple(UsageDay(**vars(day)) for day in days)
    return Holdings(
        as_of=now,
        dispute=_dispute(held.dispute),
        charge=None if held.charge is None else _charge(held, held.charge),
        customer=customer,
        invoices=tuple(_invoice(held, raw) for raw in held.invoices),
        charges=tuple(_charge(held, raw) for raw in held.charges),
        refunds=tuple(_refund(raw) for raw in held.refunds),
        subscription=None if held.subscription is None else _subscription(held.subscription),
        policy=policy(connection),
        usage=usage,
        usage_as_of=None if warehouse is None else warehouse.as_of.replace(tzinfo=UTC),
    )


def enhanced(connection: Connection, dispute_id: str, *, now: datetime) -> dict[str, Any]:
    """Visa's compelling evidence as a field of the dispute's evidence; nothing where Stripe does not take it or nothing qualifies."""
    try:
        facts = holdings(connection, None, dispute_id, now=now)
    except NoSuchDispute:
        return {}
    found = enhanced_evidence(facts, compelling(facts)) if facts.dispute.takes_ce3 else None
    return {} if found is None else {"enhanced_evidence": found}


def policy(connection: Connection) -> Policy:
    """What the tenant says of its shop; the refund window only where the tenant has set one."""
    queue, said = refund_requests.policy(connection), evidence_policies.read(connection)
    return Policy(refund_window_days=None if queue is None else queue[0], **said)


def _dispute(raw: Raw) -> Disputed:
    eligibility = inside(raw, "evidence_details", "enhanced_eligibility", "visa_compelling_evidence_3", "status")
    return Disputed(
        dispute_id=raw["id"],
        charge_id=reference(raw["charge"]) or "",
        amount_minor=raw["amount"],
        currency=raw["currency"],
        reason=raw["reason"],
        status=raw["status"],
        created_at=_at(raw["created"]),
        network_reason_code=inside(raw, "payment_method_details", "card", "network_reason_code")
        or raw.get("network_reason_code"),
        due_by=moment(inside(raw, "evidence_details", "due_by") or None),
        takes_ce3="visa_compelling_evidence_3" in (raw.get("enhanced_eligibility_types") or ()),
        ce3_status=eligibility,
    )


def _customer(raw: Raw) -> Customer:
    return Customer(
        customer_id=raw["id"],
        name=raw.get("name") or None,
        email=raw.get("email") or None,
        address=_address(raw.get("address")),
        created_at=moment(raw.get("created")),
    )


def _charge(held: MirroredDispute, raw: Raw) -> Charge:
    card = inside(raw, "payment_method_details", "card") or {}
    details = raw.get("billing_details") or {}
    return Charge(
        charge_id=raw["id"],
        created_at=_at(raw["created"]),
        amount_minor=raw["amount"],
        currency=raw["currency"],
        amount_refunded_minor=raw.get("amount_refunded") or 0,
        is_disputed=bool(raw.get("disputed")) or raw["id"] in held.disputed,
        is_reported=raw["id"] in held.reported,
        fingerprint=card.get("fingerprint"),
        brand=card.get("brand"),
        network=card.get("network"),
        last4=card.get("last4"),
        receipt_url=raw.get("receipt_url"),
        statement_descriptor=raw.get("calculated_statement_descriptor") or raw.get("statement_descriptor"),
        billing_name=details.get("name"),
        billing_address=_address(details.get("address")),
        invoice_id=held.invoice_by_charge.get(raw["id"]),
        buyer=_buyer(raw),
    )


def _buyer(raw: Raw) -> Buyer:
    """What the shop wrote into the charge's metadata at checkout, by Stripe's names for it."""
    written = raw.get("metadata") or {}
    names = ("customer_purchase_ip", "customer_device_id", "customer_device_fingerprint", "customer_account_id")
    known = {name: str(written[name]).strip() or None for name in names if written.get(name) is not None}
    return Buyer(**known, customer_email_address=inside(raw, "billing_details", "email") or raw.get("receipt_email"))


def _invoice(held: MirroredDispute, raw: Raw) -> Invoice:
    lines = [line for line in held.lines if line.invoice_id == raw["id"]]
    return Invoice(
        invoice_id=raw["id"],
        number=raw.get("number"),
        currency=raw["currency"],
        total_minor=raw.get("total"),
        created_at=_at(raw["created"]),
        paid_at=moment(inside(raw, "status_transitions", "paid_at")),
        hosted_url=raw.get("hosted_invoice_url"),
        lines=tuple(Line(line.description, line.amount_minor, line.period_start, line.period_end) for line in lines),
    )


def _refund(raw: Raw) -> Refund:
    return Refund(
        refund_id=raw["id"],
        charge_id=reference(raw["charge"]) or "",
        amount_minor=raw["amount"],
        currency=raw["currency"],
        status=raw.get("status"),
        created_at=_at(raw["created"]),
    )


def _subscription(raw: Raw) -> Subscription:
    return Subscription(
        subscription_id=raw["id"],
        status=raw.get("status"),
        started_at=moment(raw.get("start_date")),
        canceled_at=moment(raw.get("canceled_at")),
        ended_at=moment(raw.get("ended_at")),
    )


def _address(raw: Raw | None) -> str | None:
    """An address on one line, as far as it is known."""
    names = ("line1", "line2", "city", "state", "postal_code", "country")
    return ", ".join(str(raw[name]) for name in names if raw.get(name)) or None if raw else None


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
