"""Rows of the warehouse that take more than a copy: plan changes, failed payments and what is past due."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from billing.decline_codes import decline_class
from pricing.fx import RateTable
from pricing.money import convert_minor

Row = Mapping[str, Any]


def converted(rates: RateTable, amount_minor: int, currency: str, reporting_currency: str, at: datetime) -> int | None:
    """An amount in the reporting currency at the rate of the day; None where no rate is known."""
    rate = rates.find(currency, reporting_currency, at.date())
    return None if rate is None else convert_minor(amount_minor, currency, reporting_currency, rate.rate_nano)


def past_due(
    unpaid: Iterable[Row], rates: RateTable, reporting_currency: str, *, now: datetime
) -> dict[str, int | None]:
    """What each customer owes past its time: open invoices whose payment failed or whose due date is over."""
    owed: dict[str, int | None] = {}
    for row in unpaid:
        is_late = row["due_at"] <= now if row["due_at"] is not None else (row["attempt_count"] or 0) > 0
        if not is_late or row["customer_id"] is None:
            continue
        minor = converted(rates, row["amount_remaining_minor"], row["currency"], reporting_currency, now)
        before = owed.get(row["customer_id"], 0)
        owed[row["customer_id"]] = None if minor is None or before is None else before + minor
    return owed


def plan_changes(lines: Sequence[Row]) -> list[dict[str, Any]]:
    """One row for each change in mid-cycle: the plan credited, the plan charged, and what the two come to.

    The lines of one change have the subscription, the invoice and the moment in common; `amount_minor` is their sum.
    """
    changes: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for line in lines:
        changes[line["subscription_id"], line["invoice_id"], line["changed_at"]].append(line)
    found = []
    for (_, invoice_id, changed_at), parts in changes.items():
        credited = [part for part in parts if part["amount_minor"] < 0]
        charged = [part for part in parts if part["amount_minor"] >= 0]
        amount_minor = sum(part["amount_minor"] for part in parts)
        before, after = _plan(credited), _plan(charged)
        found.append(
            {
                "customer_id": parts[0]["customer_id"],
                "changed_at": changed_at,
                "from_plan": before,
                "to_plan": after if after is None or after != before else f"{after} at another price",
                "direction": "upgrade" if amount_minor >= 0 else "downgrade",
                "invoice_id": invoice_id,
                "amount_minor": amount_minor,
                "currency": parts[0]["currency"],
            }
        )
    return found


def _plan(lines: Sequence[Row]) -> str | None:
    """The plan, with its quantity in front where there is more than one."""
    if not lines:
        return None
    quantity, plan = lines[0]["quantity"], lines[0]["plan"]
    return f"{quantity} \u00d7 {plan}" if quantity and quantity > 1 else str(plan)


def failed_payments(tries: Sequence[Row], rates: RateTable, reporting_currency: str) -> list[dict[str, Any]]:
    """One row for each invoice with failed tries (`tries` in their order): when it first failed, and what the last one said."""
    found = []
    for invoice_id, of_invoice in groupby(tries, key=lambda row: row["invoice_id"]):
        parts = list(of_invoice)
        first, last = parts[0], parts[-1]
        found.append(
            {
                "month": first["failed_at"].date().replace(day=1),
                "customer_id": first["customer_id"],
                "invoice_id": invoice_id,
                "currency": first["currency"],
                "amount_minor": first["amount_minor"],
                "reporting_minor": converted(
                    rates, first["amount_minor"], first["currency"], reporting_currency, first["failed_at"]
                ),
                "decline_code": last["decline_code"],
                "decline_class": decline_class(last["decline_code"], last["advice_code"]),
                "failed_at": first["failed_at"],
                "is_recovered": first["status"] == "paid",
            }
        )
    return found
