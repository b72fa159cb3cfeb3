"""Why an alert is one: the explanation that is kept with it, as a shape and as the document that pages and mails read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from pricing.finding import Unit

# Which version of docs/metrics.md ("Alerts") an explanation follows. A new rule is a new version.
EXPLANATION_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of a list: what it adds to the impact. `name` is None for usage that says no name, and for all the others together.

    `minor` is what is shown, in minor units of the reporting currency; None where the impact has no exchange rate.
    """

    name: str | None
    label: str
    pico_usd: int
    minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDay:
    """One day of the chart in whole numbers of the alert's unit; the band is None where there is no history. `is_found` days are the alert's."""

    day: date
    actual: int | None
    expected: int | None
    lower: int | None
    upper: int | None
    is_found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A unit of a model whose price changed while the episode ran or in the days that it is compared with; pico-USD per unit."""

    model: str
    unit: str
    day: date
    from_pico_usd: int
    to_pico_usd: int
    price_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPoints:
    """What the impact adds to a margin, in millionths of the net revenue of the same days; None where `why_unknown` says why."""

    ppm: int | None
    why_unknown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How sure the expected amount is: `high`, `medium` or `low`, from `n` days with usage that it is made of."""

    words: str
    n: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a cost spike is one. The days that were found are summed; `drivers` and each list sum to the impact, and so does what is shown.

    `company_actual_pico_usd` is the whole company's cost of the found days. `customer_points` is None where the alert is not about one customer. `month_end_pico_usd` is what the episode adds to the running
    month (`month`) if it goes on to that month's end, what it has added so far among it; None where it is over. Events without a
    price are in no amount: they are counted. `causes` are drivers by model, largest first: the story, not a list that sums.
    """

    actual_pico_usd: int
    expected_pico_usd: int
    lower_pico_usd: int | None
    upper_pico_usd: int | None
    impact_pico_usd: int
    impact_minor: int | None
    company_actual_pico_usd: int | None = None
    currency: str
    first_day: date
    last_day: date
    found_days: int
    customer_points: MarginPoints | None
    company_points: MarginPoints
    month: date
    month_so_far_pico_usd: int
    month_end_pico_usd: int | None
    month_end_minor: int | None
    drivers: tuple[Part, ...]
    causes: tuple[tuple[str, str, int], ...]
    customers: tuple[Part, ...]
    models: tuple[Part, ...]
    features: tuple[Part, ...]
    api_keys: tuple[Part, ...]
    baseline_first_day: date | None
    baseline_last_day: date | None
    baseline_days: int
    unpriced_events: int
    price_changes: tuple[PriceChange, ...]
    days: tuple[ChartDay, ...]
    confidence: Confidence
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateExplanation:
    """Why an alert of another detector is one: the rule's own numbers of its last day, its days, and one sentence."""

    unit: Unit
    facts: Mapping[str, str | int] = field(default_factory=dict)
    days: tuple[ChartDay, ...] = ()
    sentence: str = ""


def to_document(explanation: Explanation | RateExplanation) -> dict[str, Any]:
    """The explanation as JSON can hold it: its fields by name, whole numbers, texts, days as YYYY-MM-DD; `kind` says which one it is."""
    kind = "rate" if isinstance(explanation, RateExplanation) else "cost"
    return {"kind": kind, **msgspec.to_builtins(explanation)}


def from_document(document: Mapping[str, Any]) -> Explanation | RateExplanation:
    """The explanation that was written. Raises msgspec.ValidationError on a document that is none."""
    if document.get("kind") == "rate":
        return msgspec.convert(dict(document), RateExplanation)
    return msgspec.convert(dict(document), Explanation)
