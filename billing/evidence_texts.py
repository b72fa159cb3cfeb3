"""The texts of dispute evidence, each from what we hold and nothing else; None where what we hold does not say it."""

from datetime import datetime, timedelta

from billing.evidence_facts import (
    TIME,
    Charge,
    Holdings,
    clipped,
    day_words,
    days_in,
    invoice_of,
    money,
    period_words,
    service_period,
    undisputed,
)
from billing.evidence_usage import days_words, usage_sentence

# Payments of one amount within so many days of each other look like one made twice: more than a month, less than two.
TWIN_DAYS = 45
# A policy is quoted up to here and named by its link for the rest, so that all texts together stay within Stripe's limit.
POLICY_MAX = 9_000


def product(holdings: Holdings) -> str | None:
    """What was sold, and how a card statement calls it."""
    charge = holdings.charge
    sold = product_of(holdings, charge)
    if sold is not None and charge is not None and charge.statement_descriptor:
        sold += f" On a card statement it reads {charge.statement_descriptor}."
    return sold


def product_of(holdings: Holdings, charge: Charge | None) -> str | None:
    """What a payment was for: the tenant's own description and the lines of the invoice that it paid."""
    lines = bought(holdings, charge)
    own = clipped(holdings.policy.product_description or "", 2_000)
    return " ".join(part for part in (own, f"This payment was for: {lines}." if lines else "") if part) or None


def bought(holdings: Holdings, charge: Charge | None) -> str:
    """What a payment was for, by the lines of its invoice; empty when none says so."""
    invoice = invoice_of(holdings, charge)
    found = [line.description for line in invoice.lines if line.description] if invoice is not None else []
    return clipped("; ".join(dict.fromkeys(found)), 3_000)


def service_date(holdings: Holdings) -> str | None:
    """The days that the disputed payment pays for."""
    period = service_period(invoice_of(holdings, holdings.charge))
    return None if period is None else period_words(period)


def policy_disclosure(disclosure: str | None, text: str | None, url: str | None) -> str | None:
    """How customers see a policy, and what it says; None unless the tenant has told how they see it."""
    if not disclosure:
        return None
    said = [clipped(disclosure, 2_000)]
    if url:
        said.append(f"The policy is published at {clipped(url, 500)}.")
    if text:
        said.append(f"It reads: {clipped(text, POLICY_MAX)}")
    return " ".join(said)


def refunds_sentence(holdings: Holdings) -> str | None:
    """What went back of the disputed payment; None when its charge is not held."""
    charge = holdings.charge
    if charge is None:
        return None
    found = [refund for refund in holdings.refunds if refund.charge_id == charge.charge_id]
    back = [
        f"{money(refund.amount_minor, refund.currency)} on {day_words(refund.created_at)} ({refund.refund_id}, {refund.status})"
        for refund in found
        if refund.status in {"succeeded", "pending"}
    ]
    if not back:
        return "Our records hold no refund of this payment."
    return f"Of this payment {clipped(' and '.join(back), 2_000)} was refunded."


def refund_refusal(holdings: Holdings) -> str | None:
    """Why no further refund is due, as far as the facts go: what went back, the policy's window, that the service was used."""
    charge, said = holdings.charge, []
    if charge is None:
        return None
    if any(
        refund.charge_id == charge.charge_id and refund.status in {"succeeded", "pending"}
        for refund in holdings.refunds
    ):
        said.append(refunds_sentence(holdings) or "")
    waited, window = (holdings.dispute.created_at - charge.created_at).days, holdings.policy.refund_window_days
    if window is not None and waited > window:
        said.append(
            f"The payment was disputed {days_words(waited)} after it was made; refunds are given within {days_words(window)}."
        )
    period = service_period(invoice_of(holdings, charge))
    if days_in(holdings.usage, period):
        said.append(usage_sentence(holdings) or "")
    return " ".join(said) or None


def canceled_before(holdings: Holdings) -> datetime | None:
    """When the subscription was canceled or ended, if that was before the disputed payment."""
    subscription, charge = holdings.subscription, holdings.charge
    if subscription is None or charge is None:
        return None
    moments = [moment for moment in (subscription.canceled_at, subscription.ended_at) if moment is not None]
    return min((moment for moment in moments if moment <= charge.created_at), default=None)


def cancellation_rebuttal(holdings: Holdings) -> str | None:
    """That the subscription was not canceled when the payment was made; None when it was, or when we hold none."""
    subscription, charge = holdings.subscription, holdings.charge
    if subscription is None or charge is None or canceled_before(holdings) is not None:
        return None
    ended = subscription.canceled_at or subscription.ended_at
    paid = f"the disputed payment of {charge.created_at.strftime(TIME)}"
    if ended is not None:
        said = f"The subscription {subscription.subscription_id} was canceled on {ended.strftime(TIME)}, after {paid}."
    else:
        said = (
            f"Our records of {day_words(holdings.as_of)} hold no cancellation of the subscription "
            f"{subscription.subscription_id}, neither before {paid} nor since; its status is {subscription.status}."
        )
    later = [day for day in holdings.usage if day.day > charge.created_at.date()]
    if later:
        said += f" Since that payment the service was used on {days_words(len(later))}, with {sum(day.calls for day in later):,} calls."
    return said


def twin(holdings: Holdings) -> Charge | None:
    """The customer's other payment that looks like the disputed one: the same amount, the nearest in time within 45 days."""
    charge = holdings.charge
    if charge is None:
        return None
    alike = [
        other
        for other in holdings.charges
        if (other.amount_minor, other.currency) == (charge.amount_minor, charge.currency)
        and abs(other.created_at - charge.created_at) <= timedelta(TWIN_DAYS)
    ]
    return min(alike, key=lambda other: (abs(other.created_at - charge.created_at), other.charge_id), default=None)


def duplicate_explanation(holdings: Holdings) -> str | None:
    """What each of two like payments was for, by their invoices; or that there is no second one."""
    charge, other = holdings.charge, twin(holdings)
    if charge is None or holdings.customer is None:
        return None
    if other is None:
        return (
            f"Our records hold no other payment of {money(charge.amount_minor, charge.currency)} by this customer within "
            f"{TWIN_DAYS} days before or after this one."
        )
    if charge.invoice_id == other.invoice_id or not (invoice_of(holdings, charge) and invoice_of(holdings, other)):
        return None
    return f"The two payments are for different things. {_paid(holdings, charge)} {_paid(holdings, other)}"


def _paid(holdings: Holdings, charge: Charge) -> str:
    invoice = invoice_of(holdings, charge)
    said = f"Payment {charge.charge_id} of {charge.created_at.strftime(TIME)}"
    if invoice is None:
        return f"{said} paid no invoice that we hold."
    period, lines = service_period(invoice), bought(holdings, charge)
    said += f" paid invoice {invoice.number or invoice.invoice_id}"
    said += f" for {period_words(period)}" if period else ""
    return f"{said}: {lines}." if lines else f"{said}."


def payment_sentence(holdings: Holdings) -> str | None:
    """What was paid, when, with which card, and for which invoice."""
    charge = holdings.charge
    if charge is None:
        return None
    card = f" with the {charge.brand or 'card'} ending in {charge.last4}" if charge.last4 else ""
    return (
        f"On {charge.created_at.strftime(TIME)} the customer paid {money(charge.amount_minor, charge.currency)}{card}. "
        f"{_paid(holdings, charge)}"
    )


def history_sentence(holdings: Holdings) -> str | None:
    """The payments before this one that nobody questioned, summed by currency; None when there is none."""
    prior = undisputed(holdings)
    if not prior:
        return None
    sums: dict[str, int] = {}
    for charge in prior:
        sums[charge.currency] = sums.get(charge.currency, 0) + charge.amount_minor
    together = " and ".join(money(minor, currency) for currency, minor in sorted(sums.items()))
    fingerprint = holdings.charge.fingerprint if holdings.charge is not None else None
    same = sum(1 for charge in prior if fingerprint is not None and charge.fingerprint == fingerprint)
    number = "1 payment" if len(prior) == 1 else f"{len(prior):,} payments"
    said = f"Before it, the same customer made {number} of together {together} that nobody disputed"
    said += f", {same:,} of them with the same card" if same else ""
    return f"{said}; the first on {day_words(prior[-1].created_at)}."
