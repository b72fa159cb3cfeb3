"""The usage log as proof of service: its days in the order that matters, as many as Stripe takes, with a word on those left out."""

from collections.abc import Sequence

from billing.evidence_facts import (
    TIME,
    Holdings,
    UsageDay,
    clipped,
    day_words,
    days_in,
    invoice_of,
    period_words,
    service_period,
)
from billing.evidence_needs import LONG_TEXT_MAX


def ordered_usage(holdings: Holdings) -> list[UsageDay]:
    """The days of use as they matter: those paid for, then those since, then those before; the newest first within each."""
    period = service_period(invoice_of(holdings, holdings.charge))

    def rank(day: UsageDay) -> tuple[int, int]:
        place = 0 if period is None or period[0] <= day.day < period[1] else 1 if day.day >= period[1] else 2
        return place, -day.day.toordinal()

    return sorted(holdings.usage, key=rank)


def access_log(holdings: Holdings, limit: int = LONG_TEXT_MAX) -> tuple[str | None, int]:
    """The usage log as proof of service, a line per day, and how many days did not fit; None when we hold no usage."""
    if not holdings.usage:
        return None, 0
    days = ordered_usage(holdings)
    head = "\n".join(
        part
        for part in [
            f"Calls of the service by {_account(holdings)}, by day in UTC. What was asked and answered is not part of this log.",
            usage_sentence(holdings) or "",
            f"The log is as of {holdings.usage_as_of.strftime(TIME)}." if holdings.usage_as_of else "",
            *_machine(holdings),
        ]
        if part
    )
    lines = [usage_line(day) for day in days]
    if len("\n".join([head, *lines])) <= limit:
        return "\n".join([head, *lines]), 0
    room = limit - len(head) - len(_left_out(days)) - 2
    kept = 0
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept += 1
    return "\n".join([head, *lines[:kept], _left_out(days[kept:])]), len(days) - kept


def _left_out(days: Sequence[UsageDay]) -> str:
    calls = sum(day.calls for day in days)
    return f"Left out for length: {len(days):,} further days with {calls:,} calls."


def usage_line(day: UsageDay) -> str:
    """One day of use on one line."""
    parts = [f"{day.calls:,} {'call' if day.calls == 1 else 'calls'}"]
    if day.models:
        parts.append(f"models {', '.join(day.models)}")
    if day.features:
        parts.append(f"features {', '.join(day.features)}")
    if day.input_tokens is not None:
        parts.append(f"{day.input_tokens:,} input tokens")
    if day.output_tokens is not None:
        parts.append(f"{day.output_tokens:,} output tokens")
    return clipped(f"{day.day.isoformat()}: {'; '.join(parts)}", 1_000)


def usage_sentence(holdings: Holdings) -> str | None:
    """How much the service was used, and how much of it in the period paid for; None when we hold no usage."""
    if not holdings.usage:
        return None
    days = [day.day for day in holdings.usage]
    said = (
        f"The service was used on {days_words(len(days))} between {day_words(min(days))} and {day_words(max(days))}, "
        f"with {sum(day.calls for day in holdings.usage):,} calls."
    )
    period = service_period(invoice_of(holdings, holdings.charge))
    if period is None:
        return said
    paid_for = days_in(holdings.usage, period)
    return (
        f"{said} Of these, {sum(day.calls for day in paid_for):,} calls on {days_words(len(paid_for))} fall into the period "
        f"that the disputed payment is for ({period_words(period)})."
    )


def days_words(number: int) -> str:
    """A number of days."""
    return f"{number:,} {'day' if number == 1 else 'days'}"


def _account(holdings: Holdings) -> str:
    customer = holdings.customer
    if customer is None:
        return "the customer"
    return f"{clipped(customer.name or customer.email or 'the customer', 200)} (account {customer.customer_id})"


def _machine(holdings: Holdings) -> list[str]:
    """What is known of the machine that made the payment."""
    buyer = holdings.charge.buyer if holdings.charge is not None else None
    if buyer is None:
        return []
    known = {
        "IP address": buyer.customer_purchase_ip,
        "device": buyer.customer_device_id,
        "device fingerprint": buyer.customer_device_fingerprint,
        "account at login": buyer.customer_account_id,
    }
    said = ", ".join(f"{name} {clipped(value, 200)}" for name, value in known.items() if value)
    return [f"Known of the disputed payment: {said}."] if said else []
