"""The dispute's document before it is laid out: its sections, facts and tables, in the order in which a bank reads them; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.evidence import Evidence
from billing.evidence_facts import (
    TIME,
    Charge,
    Holdings,
    UsageDay,
    clipped,
    day_words,
    invoice_of,
    money,
    period_words,
    service_period,
    undisputed,
)
from billing.evidence_usage import ordered_usage, usage_sentence

PAYMENTS_MAX = 30
POLICY_MAX = 9_000
NOT_KNOWN = "not known"
# The texts that answer a reason, and what a bank calls them.
ANSWERS = {
    "refund_refusal_explanation": "Why no refund is due",
    "cancellation_rebuttal": "Why the subscription was not canceled",
    "duplicate_charge_explanation": "Why this is not a second charge for the same thing",
}


@dataclass(frozen=True)
class Column:
    """A column of a table; `share` is its part of the width, numbers stand at the right."""

    name: str
    share: int
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text beneath columns; `total` stands last and bold."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Section:
    """One part of the document; whatever is empty is not drawn. `note` stands small below the table."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None
    note: str = ""


def sections(holdings: Holdings, evidence: Evidence, *, usage_rows: int) -> tuple[Section, ...]:
    """The whole document; at most so many days of the usage log, the rest is counted."""
    made = [
        _summary(holdings),
        Section("What happened", paragraphs=tuple(evidence.fields.get("uncategorized_text", "").splitlines())),
        *(
            Section(title, paragraphs=(evidence.fields[name],))
            for name, title in ANSWERS.items()
            if name in evidence.fields
        ),
        _customer(holdings, evidence),
        _invoice(holdings, holdings.charge, "The invoice that the disputed payment paid"),
        _twin_invoice(holdings, evidence),
        _payments(holdings),
        _usage(holdings, usage_rows),
        _policies(holdings),
    ]
    return tuple(one for one in made if one is not None and (one.facts or one.paragraphs or one.table))


def _facts(*pairs: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, clipped(text, 1_500)) for name, text in pairs if text)


def _summary(holdings: Holdings) -> Section:
    dispute, charge = holdings.dispute, holdings.charge
    invoice = invoice_of(holdings, charge)
    period = service_period(invoice)
    code = f" (network reason code {dispute.network_reason_code})" if dispute.network_reason_code else ""
    facts = _facts(
        ("Dispute", f"{dispute.dispute_id}, opened {dispute.created_at.strftime(TIME)}"),
        ("Reason", f"{dispute.reason.replace('_', ' ')}{code}"),
        ("Disputed amount", money(dispute.amount_minor, dispute.currency)),
        ("Payment", f"{dispute.charge_id}, {_paid(charge)}" if charge else dispute.charge_id),
        ("Card", f"{charge.brand or 'card'} ending in {charge.last4}" if charge and charge.last4 else None),
        ("On the card statement", charge.statement_descriptor if charge else None),
        ("Invoice", (invoice.number or invoice.invoice_id) if invoice else None),
        ("Paid for", period_words(period) if period else None),
        ("Use of the service", usage_sentence(holdings)),
    )
    return Section("Summary", facts=facts)


def _paid(charge: Charge) -> str:
    return f"{money(charge.amount_minor, charge.currency)} on {charge.created_at.strftime(TIME)}"


def _customer(holdings: Holdings, evidence: Evidence) -> Section:
    customer, fields = holdings.customer, evidence.fields
    buyer = holdings.charge.buyer if holdings.charge else None
    facts = _facts(
        ("Name", fields.get("customer_name")),
        ("E-mail", fields.get("customer_email_address")),
        ("Billing address", fields.get("billing_address")),
        ("Account", customer.customer_id if customer else None),
        ("Customer since", day_words(customer.created_at) if customer and customer.created_at else None),
        ("IP address at payment", buyer.customer_purchase_ip if buyer else None),
        ("Device at payment", buyer.customer_device_id if buyer else None),
        ("Device fingerprint", buyer.customer_device_fingerprint if buyer else None),
        ("Account at login", buyer.customer_account_id if buyer else None),
    )
    return Section("Customer", facts=facts)


def _invoice(holdings: Holdings, charge: Charge | None, title: str) -> Section | None:
    invoice = invoice_of(holdings, charge)
    if charge is None or invoice is None:
        return None
    period = service_period(invoice)
    rows = tuple(
        (
            clipped(line.description or NOT_KNOWN, 300),
            period_words((line.period_start.date(), line.period_end.date()))
            if line.period_start is not None and line.period_end is not None
            else NOT_KNOWN,
            NOT_KNOWN if line.amount_minor is None else money(line.amount_minor, invoice.currency),
        )
        for line in invoice.lines[:PAYMENTS_MAX]
    )
    facts = _facts(
        ("Invoice", f"{invoice.number or invoice.invoice_id} of {day_words(invoice.created_at)}"),
        ("Paid by", f"{charge.charge_id}, {_paid(charge)}"),
        ("Paid for", period_words(period) if period else None),
        ("Receipt", charge.receipt_url),
        ("Invoice page", invoice.hosted_url),
    )
    columns = (Column("Line", 42), Column("Pays for", 40), Column("Amount", 18, is_number=True))
    total = None if invoice.total_minor is None else ("Total", "", money(invoice.total_minor, invoice.currency))
    left_out = len(invoice.lines) - len(rows)
    return Section(
        title,
        facts=facts,
        table=Table(columns, rows, total) if rows else None,
        note=f"{left_out} further lines are left out." if left_out else "",
    )


def _twin_invoice(holdings: Holdings, evidence: Evidence) -> Section | None:
    name = evidence.fields.get("duplicate_charge_id")
    other = next((charge for charge in holdings.charges if charge.charge_id == name), None)
    return _invoice(holdings, other, "The other payment and its invoice")


def _payments(holdings: Holdings) -> Section | None:
    prior = undisputed(holdings)
    if not prior:
        return None
    fingerprint = holdings.charge.fingerprint if holdings.charge else None
    rows = tuple(
        (
            charge.created_at.strftime(TIME),
            charge.charge_id,
            "the same" if fingerprint is not None and charge.fingerprint == fingerprint else "another or not known",
            money(charge.amount_minor, charge.currency),
        )
        for charge in prior[:PAYMENTS_MAX]
    )
    left_out = len(prior) - len(rows)
    return Section(
        "Earlier payments of this customer that nobody disputed",
        table=Table(
            (Column("Paid", 25), Column("Payment", 35), Column("Card", 22), Column("Amount", 18, is_number=True)), rows
        ),
        note=f"{left_out} older payments are left out." if left_out else "",
    )


def _usage(holdings: Holdings, rows_max: int) -> Section | None:
    if not holdings.usage:
        return None
    days = ordered_usage(holdings)
    shown = days[:rows_max]
    note = "Days are UTC. What was asked and answered is not part of this log."
    if holdings.usage_as_of is not None:
        note += f" The log is as of {holdings.usage_as_of.strftime(TIME)}."
    if len(shown) < len(days):
        rest = days[rows_max:]
        note += f" Left out for length: {len(rest):,} further days with {sum(day.calls for day in rest):,} calls; the total counts them."
    columns = (
        Column("Day", 13),
        Column("Calls", 10, is_number=True),
        Column("Models", 29),
        Column("Features", 22),
        Column("Input tokens", 13, is_number=True),
        Column("Output tokens", 13, is_number=True),
    )
    total = (
        f"All {len(days):,} days",
        f"{sum(day.calls for day in days):,}",
        "",
        "",
        _tokens([day.input_tokens for day in days]),
        _tokens([day.output_tokens for day in days]),
    )
    return Section("Use of the service by day", table=Table(columns, tuple(map(_usage_row, shown)), total), note=note)


def _usage_row(day: UsageDay) -> tuple[str, ...]:
    return (
        day.day.isoformat(),
        f"{day.calls:,}",
        ", ".join(day.models) or NOT_KNOWN,
        ", ".join(day.features) or NOT_KNOWN,
        _tokens([day.input_tokens]),
        _tokens([day.output_tokens]),
    )


def _tokens(counts: Sequence[int | None]) -> str:
    """The sum; not known as soon as one count is not."""
    known = [count for count in counts if count is not None]
    return f"{sum(known):,}" if len(known) == len(counts) else NOT_KNOWN


def _policies(holdings: Holdings) -> Section | None:
    policy = holdings.policy
    said = [
        f"How customers see them: {clipped(policy.disclosure, 2_000)}" if policy.disclosure else None,
        _policy("Refunds", policy.refund_text, policy.refund_url),
        _policy("Cancellation", policy.cancellation_text, policy.cancellation_url),
    ]
    return Section("Policies", paragraphs=tuple(paragraph for paragraph in said if paragraph))


def _policy(name: str, text: str | None, url: str | None) -> str | None:
    if not text and not url:
        return None
    published = f" (published at {clipped(url, 500)})" if url else ""
    return (
        f"{name}{published}: {clipped(text, POLICY_MAX)}" if text else f"{name}: published at {clipped(url or '', 500)}"
    )
