"""From where on a detector speaks up: the limit of each, what it means, and which one holds for a subject."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Literal

from pricing.finding import Detector, Scope, Subject
from pricing.money import convert_minor, exponent

MILLION = 1_000_000
LimitUnit = Literal["ppm", "minor"]
EVERYTHING = ""


class LimitRefused(ValueError):
    """A limit cannot be set like that; the sentence says how it can."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a detector's limit is: a share (`ppm`) or an amount (`minor`), and the sentence that says what of.

    `default` is parts per million or US cents; `by_scope` is another one for subjects of that scope. `least` and `most` bound it.
    """

    unit: LimitUnit
    default: int
    means: str
    by_scope: Mapping[Scope, int] = field(default_factory=dict)
    least: int = 1
    most: int = MILLION


KINDS: Mapping[Detector, Kind] = {
    "margin_floor": Kind(
        "ppm", 200_000, "the gross margin (AI usage only) of 30 days below which it alerts", {"company": 500_000}
    ),
    "turned_unprofitable": Kind("minor", 10_00, "the loss of 30 days from which on it alerts", most=10**15),
    "failed_payment_rate": Kind("ppm", 100_000, "by how many points first payments fail more often than before"),
    "refund_rate": Kind("ppm", 30_000, "by how many points payments are refunded more often than before"),
    "dispute_rate": Kind("ppm", 750_000, "the part of a card network's limit from which on it warns"),
    "unpriced_spend": Kind("ppm", 10_000, "the share of 28 days' tokens (or events) that one model without a price has"),
    "coverage_drop": Kind("ppm", 30_000, "by how many points a coverage of 7 days is below the four weeks before"),
    "stale_source": Kind("ppm", 3 * MILLION, "how many times its usual gap a source may be silent", most=1_000 * MILLION),
    "past_due_burn": Kind("minor", 2_00, "the AI cost a day of a customer whose payment failed", most=10**15),
    "meter_drift": Kind("ppm", 50_000, "the share by which a metered invoice and the usage log may differ"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a tenant: those it has set by (detector, subject key), else the defaults.

    A key is a subject's own, a scope (`customer`: every customer), or empty for everything. Amounts are in minor units of the
    reporting currency; `usd_rate_nano` is what a dollar is worth in it, None where nobody knows: then defaults of money are unknown.
    """

    currency: str
    usd_rate_nano: int | None
    given: Mapping[tuple[Detector, str], int] = field(default_factory=dict)

    def of(self, detector: Detector, subject: Subject) -> int | None:
        """The limit for a subject: its own, its scope's, everybody's, the default."""
        for key in (subject.key, subject.scope, EVERYTHING):
            if (detector, key) in self.given:
                return self.given[detector, key]
        kind = KINDS[detector]
        default = kind.by_scope.get(subject.scope, kind.default)
        return default if kind.unit == "ppm" else self.of_dollars(default)

    def of_dollars(self, usd_minor: int) -> int | None:
        """An amount in US cents in the reporting currency, 1 at the least; None without a rate."""
        if self.currency == "usd":
            return usd_minor
        if self.usd_rate_nano is None:
            return None
        return max(1, convert_minor(usd_minor, "usd", self.currency, self.usd_rate_nano))


def detector_named(name: str) -> Detector:
    """The detector of this name. Raises LimitRefused for one that has no limit."""
    found = next((known for known in KINDS if known == name.strip()), None)
    if found is None:
        raise LimitRefused(f"No detector {name!r} has a limit: choose one of {', '.join(KINDS)}.")
    return found


def parse_limit(detector: str, text: str, currency: str) -> tuple[Detector, int]:
    """A limit as a person writes it: `40%`, `3x` (parts per million) or `25.00` (minor units). Raises LimitRefused."""
    found = detector_named(detector)
    kind, written = KINDS[found], text.strip().lower().replace(" ", "")
    ending = written[-1:] if written[-1:] in {"%", "x"} else ""
    try:
        number = Fraction(Decimal(written.removesuffix(ending)))
    except (InvalidOperation, ValueError, OverflowError):
        number = None
    if number is None or (kind.unit == "ppm") != bool(ending):
        example = "40% or 3x" if kind.unit == "ppm" else f"25 (in {currency.upper()})"
        raise LimitRefused(f"The limit of {found} is {kind.means}, written as {example}, not {text!r}.")
    scale = {"%": MILLION // 100, "x": MILLION, "": 10 ** exponent(currency)}[ending]
    if (number * scale).denominator != 1:
        raise LimitRefused(f"{text} has more places than are counted: write it with fewer.")
    value = int(number * scale)
    if not kind.least <= value <= kind.most:
        raise LimitRefused(
            f"{text} is no limit for {found}: it is more than 0 and at most {limit_words(found, kind.most, currency)}."
        )
    return found, value


def limit_words(detector: Detector, limit: int, currency: str) -> str:
    """A limit as `parse_limit` reads it."""
    if KINDS[detector].unit == "minor":
        places = exponent(currency)
        return f"{Decimal(limit).scaleb(-places):f} {currency.upper()}"
    if detector == "stale_source":
        return f"{Decimal(limit).scaleb(-6).normalize():f}x"
    return f"{Decimal(limit).scaleb(-4).normalize():f}%"
