"""What an investor report of a closed month says, as values that can be kept for ever: canonical JSON with its SHA-256."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal

import msgspec

from pricing.report_changes import Part

# The shape of the content: a new field with a default may be added under the same number, anything else is a new one.
FORMAT = 1
TREND_MONTHS = 12
Unit = Literal["money", "share", "times", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of the company's month and of the month before; unknown is None.

    Money is in minor units of the report's currency, a share is of 1, `times` is a plain ratio.
    """

    key: str
    unit: Unit
    value: Fraction | None
    before: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a figure means: its formula in words and the version of docs/metrics.md that it is taken from."""

    key: str
    name: str
    formula: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendMonth:
    """The company's month in the trend; shares are None where nothing was sold or something is unknown.

    `profitable` counts customers in the last two months and is None before.
    """

    month: date
    net_revenue_minor: int | None
    cost_minor: int | None
    gross_profit_minor: int | None
    margin: Fraction | None
    low: Fraction | None
    high: Fraction | None
    priced_share: Fraction | None
    attributed_share: Fraction | None
    customers: int
    profitable: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow:
    """A customer's month; `customer_id` None gathers usage and amounts of no known customer.

    `history` are the margins of the trend's months, in its order; None where there is none.
    """

    customer_id: str | None
    name: str
    plan: str | None
    net_revenue_minor: int | None
    cost_minor: int | None
    gross_profit_minor: int | None
    margin: Fraction | None
    low: Fraction | None
    high: Fraction | None
    status: str
    history: tuple[Fraction | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSource:
    """How much of the AI cost stands on what: the provider's invoice, its report, a contract, or the price catalogue."""

    source: str
    cost_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How sure the month is. `reconciled_share` is None where nothing was compared; `reason` says why the status is unknown."""

    priced_share: Fraction | None
    attributed_share: Fraction | None
    reconciled_share: Fraction | None
    low: Fraction | None
    high: Fraction | None
    status: str
    reason: str | None
    sources: tuple[CostSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The revision before this one, and what has changed since it was locked."""

    revision: int
    locked_at: datetime
    content_hash: str
    margin: Fraction | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvestorReport:
    """The whole content. `revision` 0 without `locked_at` is a preview that nobody has locked.

    `ledger_sha256` seals the facts behind the figures (pricing.report_ledger), which are kept beside and never shared.
    """

    format: int
    tenant_name: str
    month: date
    currency: str
    basis: str
    revision: int
    locked_at: datetime | None
    as_of: datetime
    warehouse_version: int
    definitions_version: str
    figures: tuple[Figure, ...]
    trend: tuple[TrendMonth, ...]
    customers: tuple[CustomerRow, ...]
    confidence: Confidence
    definitions: tuple[Definition, ...]
    ledger_sha256: str
    previous: Previous | None = None

    def figure(self, key: str) -> Figure | None:
        """The figure of that key; None where this report has none."""
        return next((figure for figure in self.figures if figure.key == key), None)


def canonical(value: object) -> str:
    """The one JSON text of a report or ledger: sorted keys, no spaces, exact fractions as `numerator/denominator`, no floats."""
    plain = msgspec.to_builtins(value, enc_hook=_fraction_as_text)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_of(text: str) -> str:
    """The SHA-256 of a canonical text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def report_from(text: str) -> InvestorReport:
    """The report that `canonical` wrote down."""
    return msgspec.convert(json.loads(text), InvestorReport, dec_hook=fraction_from_text)


def _fraction_as_text(value: object) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise NotImplementedError(f"a report cannot keep a {type(value).__name__} exactly")


def fraction_from_text(wanted: type, value: Any) -> Fraction:
    """The fraction that `canonical` wrote as text; a decoder's hook."""
    if wanted is Fraction and isinstance(value, str):
        return Fraction(value)
    raise NotImplementedError(f"{wanted} is not read from a {type(value).__name__}")
