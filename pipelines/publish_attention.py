"""What waits for a person, as rows of the warehouse: disputes, refunds, past-due customers that burn tokens, gaps in the numbers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.publish_rows import converted
from pricing.fx import RateTable
from pricing.margin import cost_minor
from pricing.money import Money
from pricing.revenue_books import Invoice
from pricing.revenue_months import Unconverted

Row = Mapping[str, Any]
BURN_DAYS = 30
# After that long, money that came back is an old story; the queue keeps it.
COME_BACK_SHOWN = timedelta(days=30)


class Attention:
    """Collects the rows; names of customers and the rates are the same for all of them."""

    def __init__(self, names: Mapping[str, str], rates: RateTable, reporting_currency: str, now: datetime) -> None:
        self.rows: list[dict[str, Any]] = []
        self._names, self._rates, self._currency, self._now = names, rates, reporting_currency, now

    def disputes(self, disputes: Iterable[Row]) -> None:
        """Disputes and inquiries that wait for an answer."""
        for row in disputes:
            what = "inquires about" if row["status"].startswith("warning") else "disputes"
            self._money(
                "dispute",
                row,
                row["dispute_id"],
                f"{self._name(row)} {what} a charge",
                row["reason"],
                due=row["due_by"],
            )

    def refunds(self, requests: Iterable[Row], on_their_way: Iterable[Row], come_back: Iterable[Row]) -> None:
        """Refunds that were asked for, those that have left and not arrived, and those that never will."""
        for row in come_back:
            title = f"Refund to {self._name(row)} did not arrive"
            self._money("refund_failed", row, row["refund_id"], title, row["reason"], at=row["created_at"])
        for row in requests:
            title = f"{self._name(row)} asks for a refund"
            self._money("refund_request", row, row["charge_id"], title, row["reason"], at=_moment(row["requested_at"]))
        for row in on_their_way:
            state = "is on its way" if row["status"] == "pending" else "waits for the customer"
            title = f"Refund to {self._name(row)} {state}"
            self._money("refund_pending", row, row["refund_id"], title, row["reason"], at=row["created_at"])

    def past_due_burn(
        self, owed: Mapping[str, int | None], burned_pico_usd: Mapping[str, int], usd_rate_nano: int | None
    ) -> None:
        """Past-due customers whose usage goes on: what they owe, and what they have cost in the last days."""
        for customer_id, minor in owed.items():
            burned = cost_minor(burned_pico_usd.get(customer_id, 0), self._currency, usd_rate_nano)
            if not burned:
                continue
            name = self._names.get(customer_id, customer_id)
            detail = f"AI cost of {Money(burned, self._currency)} in the last {BURN_DAYS} days"
            self._add("past_due_burn", customer_id, customer_id, f"{name} is past due and still burning", minor, detail)

    def unpriced(self, models: Iterable[tuple[str | None, str | None, int, int]]) -> None:
        """Models without a price: (provider, model, events, tokens). What they cost is unknown, so there is no amount."""
        for provider, model, events, tokens in models:
            name = "/".join(part for part in (provider, model) if part) or "Usage without a model"
            self._add("unpriced", None, name, f"{name} has no price", None, f"{events:,} events with {tokens:,} tokens")

    def unattributed(self, refs: Iterable[tuple[str | None, int, int]], usd_rate_nano: int | None) -> None:
        """Usage without a customer: (name in the log, events, cost in pico-USD)."""
        for ref, events, pico_usd in refs:
            name = ref or "Usage without a name"
            minor = cost_minor(pico_usd, self._currency, usd_rate_nano)
            self._add("unattributed", None, name, f"{name} belongs to no customer", minor, f"{events:,} events")

    def withheld(self, days_by_provider: Mapping[str, int]) -> None:
        """Providers whose report counts as usage on days on which the log has calls of them, too: only the log counts there."""
        for provider, days in days_by_provider.items():
            title = f"{provider}'s report and your log both tell of the same days"
            detail = f"on {days:,} {'day' if days == 1 else 'days'} only the log counts; connect it as a bill, or stop importing its calls"
            self._add("told_twice", None, provider, title, None, detail)

    def unbalanced(self, invoices: Iterable[tuple[Invoice, int]]) -> None:
        """Invoices whose lines do not come to their total, with what the lines lack: their revenue is counted by its lines."""
        for invoice, missing_minor in invoices:
            title = f"The lines of invoice {invoice.number or invoice.invoice_id} do not come to its total"
            row = {"customer_id": invoice.customer_id, "amount_minor": missing_minor, "currency": invoice.currency}
            self._money("unbalanced", row, invoice.invoice_id, title, "counted by its lines", at=invoice.finalized_at)

    def unconverted(self, amounts: Iterable[Unconverted]) -> None:
        """Revenue without an exchange rate, which no total counts."""
        for amount in amounts:
            title = f"{Money(amount.net_minor, amount.currency)} of revenue has no exchange rate"
            detail = f"{amount.lines:,} amounts are not in the totals; add a rate with `metering rates add`"
            self._add("no_rate", None, amount.currency, title, None, detail)

    def _name(self, row: Row) -> str:
        return self._names.get(row["customer_id"], row["customer_id"] or "Somebody")

    def _money(
        self,
        kind: str,
        row: Row,
        subject_id: str,
        title: str,
        detail: str | None,
        *,
        at: datetime | None = None,
        due: datetime | None = None,
    ) -> None:
        minor = converted(self._rates, row["amount_minor"], row["currency"], self._currency, self._now)
        own = "" if row["currency"] == self._currency else f" ({Money(row['amount_minor'], row['currency'])})"
        self._add(
            kind,
            row["customer_id"],
            subject_id,
            title,
            minor,
            f"{(detail or '').replace('_', ' ')}{own}".strip(),
            at=at,
            due=due,
        )

    def _add(
        self, kind: str, customer_id: str | None, subject_id: str, title: str, amount_minor: int | None, detail: str,
        *, at: datetime | None = None, due: datetime | None = None,
    ) -> None:  # fmt: skip
        self.rows.append(
            {
                "kind": kind,
                "customer_id": customer_id,
                "subject_id": subject_id,
                "title": title,
                "amount_minor": amount_minor,
                "detail": detail,
                "at": at,
                "due_by": due,
            }
        )


def _moment(text: str | datetime) -> datetime | None:
    """A moment of the queue, or one that somebody wrote into metadata: UTC where it names no zone, None where it is no moment."""
    if isinstance(text, datetime):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
