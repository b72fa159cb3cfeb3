"""What every detector of levels and rates is told beside its own numbers, and the one rule of when it speaks and when it is silent again."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing.finding import Detector, Subject
from pricing.watch_limits import Limits
from pricing.watch_words import money

# An alert that is open stays so until the score is clearly below 1: what hovers about its limit does not flap.
CLEARS = Fraction(9, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """The day that findings bear (UTC), the tenant's limits, and which alerts are open, as (detector, subject key)."""

    day: date
    limits: Limits
    open_keys: AbstractSet[tuple[str, str]] = frozenset()

    @property
    def currency(self) -> str:
        """The reporting currency."""
        return self.limits.currency

    def is_open(self, detector: Detector, subject: Subject) -> bool:
        """Whether an alert of this subject is open."""
        return (detector, subject.key) in self.open_keys

    def speaks(self, detector: Detector, subject: Subject, score: Fraction, clears: Fraction = CLEARS) -> bool:
        """Whether to speak: from the limit (score 1) on, and where an alert is open for as long as the score is above `clears`."""
        return score >= 1 or (score > clears and self.is_open(detector, subject))

    def money(self, minor: int) -> str:
        """An amount of the reporting currency in words."""
        return money(minor, self.currency)


def clears_fact(clears: Fraction = CLEARS) -> dict[str, str | int]:
    """The score below which an open alert ends, for `Finding.facts`."""
    return {"clears_below": f"a score of {float(clears):g}"}


def as_score(score: Fraction) -> float:
    """A score for `Finding`, never below 1 by rounding where it is at or above it, and not beyond a thousand."""
    return max(1.0, float(min(score, Fraction(1_000)))) if score >= 1 else float(score)
