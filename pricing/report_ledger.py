"""The facts behind a locked month: each amount of revenue and each priced group of usage, to tell later what changed and why."""

import json
from dataclasses import dataclass
from datetime import date

import msgspec

from pricing.revenue import Kind
from pricing.revenue_months import SIGNS


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueFact:
    """A part of an invoice line, refund, credit or dispute that counts in the month, by service period.

    `amount_minor` is in its own currency and as positive as on its source; `reporting_minor` is None without an exchange rate.
    """

    customer_id: str | None
    invoice_id: str | None
    invoice_number: str | None
    source_id: str
    kind: Kind
    currency: str
    amount_minor: int
    rate_nano: int | None
    reporting_minor: int | None

    @property
    def counted_minor(self) -> int:
        """What it adds to net revenue, in minor units of the reporting currency: nothing without an exchange rate."""
        return SIGNS[self.kind] * (self.reporting_minor or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFact:
    """A month's usage of one name in the log at one model and price. `quantities` are the buckets that are not 0.

    `events` 0 with the source `invoice` is what a provider's bill has beyond the usage. Cost is None where nothing has a price.
    """

    customer_ref: str | None
    customer_id: str | None
    provider: str | None
    model: str | None
    service_tier: str | None
    price_key: str | None
    cost_source: str | None
    contract_id: str | None
    events: int
    quantities: dict[str, int]
    cost_pico_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All facts of one month under one version of the definitions; `usd_rate_nano` is None in a month without usage."""

    month: date
    currency: str
    definitions_version: str
    usd_rate_nano: int | None
    revenue: tuple[RevenueFact, ...]
    costs: tuple[CostFact, ...]


def ledger_from(text: str) -> Ledger:
    """The ledger that `investor_report.canonical` wrote down."""
    return msgspec.convert(json.loads(text), Ledger)
