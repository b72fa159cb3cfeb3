"""Dispute evidence put together by Stripe's reason from what we hold: texts, what the PDF shows, what is missing, what speaks against us."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing import evidence_texts as texts
from billing.evidence_facts import TIME, Holdings, clipped, day_words, days_in, invoice_of, service_period
from billing.evidence_needs import FILE_FIELD, LONG_TEXT_MAX, completeness
from billing.evidence_usage import access_log, usage_sentence


@dataclass(frozen=True)
class Evidence:
    """What can be said about a dispute.

    `fields` are Stripe's text fields, ready to be sent as `evidence[name]`; `shown_by_file` are the pieces that the PDF shows, which
    goes into the file field `file_field`. `missing` names what the reason calls for and we do not hold, the heaviest first
    (`evidence_needs.WHERE_FROM` says where it comes from), `completeness_percent` what is held by weight. `left_out_days` days of
    the usage log did not fit into Stripe's limit. `against` are sentences for us, never sent: what the bank will hold against us.
    """

    reason: str
    fields: Mapping[str, str]
    shown_by_file: tuple[str, ...]
    file_field: str
    missing: tuple[str, ...]
    completeness_percent: int
    left_out_days: int
    against: tuple[str, ...]


def assemble(holdings: Holdings) -> Evidence:
    """The evidence for one dispute by its reason; pure. Each text is within Stripe's limits, and nothing in it is invented."""
    reason = holdings.dispute.reason
    log, left_out_days = access_log(holdings)
    written = {
        **_who(holdings),
        "product_description": texts.product(holdings),
        "service_date": texts.service_date(holdings),
        "access_activity_log": log,
        **_by_reason(holdings),
        "uncategorized_text": _story(holdings),
    }
    fields = {name: clipped(text, LONG_TEXT_MAX) for name, text in written.items() if text}
    shown = _shown_by_file(holdings)
    percent, missing = completeness(reason, {*fields, *shown})
    return Evidence(
        reason=reason,
        fields=fields,
        shown_by_file=shown,
        file_field=FILE_FIELD.get(reason, "uncategorized_file"),
        missing=missing,
        completeness_percent=percent,
        left_out_days=left_out_days,
        against=_against(holdings),
    )


def _who(holdings: Holdings) -> dict[str, str | None]:
    customer, charge = holdings.customer, holdings.charge
    return {
        "customer_name": (customer.name if customer else None) or (charge.billing_name if charge else None),
        "customer_email_address": (customer.email if customer else None)
        or (charge.buyer.customer_email_address if charge else None),
        "billing_address": (charge.billing_address if charge else None) or (customer.address if customer else None),
        "customer_purchase_ip": charge.buyer.customer_purchase_ip if charge else None,
    }


def _by_reason(holdings: Holdings) -> dict[str, str | None]:
    """The texts that answer one reason and would distract from another."""
    policy = holdings.policy
    refund_policy = texts.policy_disclosure(policy.disclosure, policy.refund_text, policy.refund_url)
    match holdings.dispute.reason:
        case "subscription_canceled":
            return {
                "cancellation_policy_disclosure": texts.policy_disclosure(
                    policy.disclosure, policy.cancellation_text, policy.cancellation_url
                ),
                "cancellation_rebuttal": texts.cancellation_rebuttal(holdings),
            }
        case "credit_not_processed" | "product_unacceptable":
            return {
                "refund_policy_disclosure": refund_policy,
                "refund_refusal_explanation": texts.refund_refusal(holdings),
            }
        case "duplicate":
            other = texts.twin(holdings)
            return {
                "duplicate_charge_id": other.charge_id if other else None,
                "duplicate_charge_explanation": texts.duplicate_explanation(holdings),
            }
        case "fraudulent" | "debit_not_authorized" | "unrecognized" | "product_not_received":
            return {}
        case _:
            return {"refund_policy_disclosure": refund_policy}


def _story(holdings: Holdings) -> str | None:
    """What happened, in order, for a person at the bank who reads nothing else."""
    charge, customer = holdings.charge, holdings.customer
    if charge is None and customer is None:
        return None
    said = [
        f"The customer's account was opened on {day_words(customer.created_at)}."
        if customer is not None and customer.created_at is not None
        else None,
        texts.payment_sentence(holdings),
        texts.history_sentence(holdings),
        usage_sentence(holdings),
        texts.refunds_sentence(holdings),
    ]
    invoice = invoice_of(holdings, charge)
    links = [
        f"{name}: {url}"
        for name, url in (
            ("Receipt", charge.receipt_url if charge else None),
            ("Invoice", invoice.hosted_url if invoice else None),
        )
        if url
    ]
    as_of = f"These are our records as of {holdings.as_of.strftime(TIME)}."
    return "\n".join([*(sentence for sentence in said if sentence), *links, as_of])


def _shown_by_file(holdings: Holdings) -> tuple[str, ...]:
    """The pieces that Stripe takes as files and our PDF shows."""
    charge, policy, other = holdings.charge, holdings.policy, texts.twin(holdings)
    invoice = invoice_of(holdings, charge)
    is_shown = {
        "receipt": invoice is not None or (charge is not None and charge.receipt_url is not None),
        "service_documentation": bool(days_in(holdings.usage, service_period(invoice))),
        "refund_policy": bool(policy.refund_text or policy.refund_url),
        "cancellation_policy": bool(policy.cancellation_text or policy.cancellation_url),
        "duplicate_charge_documentation": invoice is not None
        and invoice_of(holdings, other) is not None
        and texts.duplicate_explanation(holdings) is not None,
    }
    return tuple(name for name, shown in is_shown.items() if shown)


def _against(holdings: Holdings) -> tuple[str, ...]:
    """What the bank will hold against us, for whoever decides whether to fight."""
    said = []
    period = service_period(invoice_of(holdings, holdings.charge))
    if holdings.usage and period is not None and not days_in(holdings.usage, period):
        said.append("The usage log shows no call in the period that the payment is for.")
    canceled = texts.canceled_before(holdings)
    if canceled is not None:
        said.append(f"The subscription was canceled on {canceled.strftime(TIME)}, before the payment was taken.")
    charge, other = holdings.charge, texts.twin(holdings)
    if charge and other and charge.invoice_id is not None and charge.invoice_id == other.invoice_id:
        said.append(f"The payment {other.charge_id} of the same amount paid the same invoice {charge.invoice_id}.")
    disputed = sum(1 for one in holdings.charges if one.is_disputed)
    if disputed:
        number = (
            "1 other payment of this customer was"
            if disputed == 1
            else f"{disputed} other payments of this customer were"
        )
        said.append(f"{number} disputed too.")
    return tuple(said)
