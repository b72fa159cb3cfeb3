"""What any detector says of one subject on one day: the one shape that alerts, pages and mails are made of."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

Detector = Literal[
    "cost_spike",
    "margin_floor",
    "turned_unprofitable",
    "failed_payment_rate",
    "refund_rate",
    "dispute_rate",
    "unpriced_spend",
    "coverage_drop",
    "stale_source",
    "past_due_burn",
    "meter_drift",
]
Scope = Literal["company", "customer", "provider", "model", "feature", "customer_model", "source", "network", "meter"]
Unit = Literal["pico_usd", "minor", "ppm", "seconds", "count"]
DETECTORS: tuple[Detector, ...] = get_args(Detector)
SCOPES: tuple[Scope, ...] = get_args(Scope)
UNITS: tuple[Unit, ...] = get_args(Unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is unusual. `name` is a source's, a card network's or a meter's; what the scope does not need is None."""

    scope: Scope
    customer_id: str | None = None
    provider: str | None = None
    model: str | None = None
    feature: str | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        """The same text for the same subject, for as long as rows are kept: the scope and what is not None."""
        named = ("customer_id", "provider", "model", "feature", "name")
        return "|".join([self.scope, *(f"{part}={getattr(self, part)}" for part in named if getattr(self, part))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One subject on one UTC day. `actual`, `expected`, `lower` and `upper` are whole numbers of `unit`; None is unknown.

    `minor` is the tenant's reporting currency, `ppm` millionths of a share. `score` is 1 at the detector's limit. The band holds 95 %
    of usual days where there is one. `is_provisional` is a day that still runs. `impact_minor` is what it comes to in the reporting
    currency, negative where less was spent; None where money is not what is at stake or nobody can say. `parts` sum to
    actual minus expected exactly where the detector can take it apart. `facts` are the rule's own numbers, for a person who asks why.
    """

    detector: Detector
    subject: Subject
    day: date
    unit: Unit
    actual: int | None
    expected: int | None
    lower: int | None = None
    upper: int | None = None
    impact_minor: int | None = None
    score: float
    is_rise: bool = True
    is_provisional: bool = False
    sentence: str
    parts: dict[str, int] = field(default_factory=dict)
    facts: dict[str, str | int] = field(default_factory=dict)
