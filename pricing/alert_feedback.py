"""What people's answers do to a detector's limits: no issue raises them for a while, confirmations lower them again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

from pricing.finding import Finding

# A false alarm raises the limit of its subject by a quarter, a confirmation takes a tenth off; either wears off evenly.
REJECTED = Fraction(5, 4)
CONFIRMED = Fraction(9, 10)
WEARS_OFF = timedelta(days=90)
# However many false alarms there were, twice the limit is told.
FACTOR_MAX = Fraction(2)
# What is twice as large as all that was called no issue is something else.
CLEARLY_WORSE = 2
# A day that comes to 1,000.00 of the reporting currency is told whatever was answered before.
HUGE_MINOR = 100_000
# A level that was called normal is normal until the detector's own memory of five weeks holds it, and a week beyond.
NORMAL_FOR = timedelta(days=42)
# A new level may move by a quarter and is still that level.
LEVEL_ROOM = Fraction(5, 4)
# Below so many answers a share says nothing.
LABELS_MIN = 5
WIDE_LABELS_MIN = 10
# All subjects of a detector: from half of its alerts being right downwards, its limit rises, by a quarter at most.
WIDE_FROM, WIDE_MAX = Fraction(1, 2), Fraction(5, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What one answer left behind. `subject_key` is empty for all subjects of the detector.

    `impact_minor` is the largest day that was called no issue. `level` is how far from the expected a new level lies that was called
    normal, in the finding's unit; None where the answer said nothing about a level.
    """

    detector: str
    subject_key: str
    factor: Fraction
    set_at: datetime
    ends_at: datetime
    impact_minor: int | None = None
    level: int | None = None
    is_rise: bool = True


def precision(confirmed: int, rejected: int) -> Fraction | None:
    """confirmed ÷ (confirmed + rejected); None below five answers."""
    answered = confirmed + rejected
    return Fraction(confirmed, answered) if answered >= LABELS_MIN else None


def wide_factor(confirmed: int, rejected: int) -> Fraction:
    """What all limits of a detector are multiplied by for the share of its alerts that were right; 1 below ten answers.

    1 at a half and above, 5/4 where none was right, and straight between: 1 + (1/2 - share) / 2.
    """
    answered = confirmed + rejected
    if answered < WIDE_LABELS_MIN:
        return Fraction(1)
    missing = max(Fraction(0), WIDE_FROM - Fraction(confirmed, answered))
    return 1 + missing / WIDE_FROM * (WIDE_MAX - 1)


def factor_at(tuning: Tuning, at: datetime) -> Fraction:
    """What is left of a tuning's factor: all of it until it was set, 1 from 90 days later or its end on, straight between."""
    if at >= tuning.ends_at:
        return Fraction(1)
    left = max(timedelta(0), WEARS_OFF - max(timedelta(0), at - tuning.set_at))
    return 1 + (tuning.factor - 1) * Fraction(left // timedelta(seconds=1), WEARS_OFF // timedelta(seconds=1))


def factor_of(tunings: Iterable[Tuning], at: datetime) -> Fraction:
    """What the limit of one subject is multiplied by: the product of what is left of each answer, between 1 and 2."""
    product = Fraction(1)
    for tuning in tunings:
        product *= factor_at(tuning, at)
    return min(FACTOR_MAX, max(Fraction(1), product))


def why_silent(finding: Finding, tunings: Iterable[Tuning]) -> str | None:
    """Why answers keep a finding from becoming an alert; None where they do not.

    `tunings` are those of the finding's detector, its subject's and those of all subjects. They count as they stood when the day
    ended, so that a day once silent is silent whenever it is looked at; days before an answer are as silent as the first after it.
    """
    ended_at = datetime.combine(finding.day + timedelta(days=1), time.min, UTC)
    in_force = [tuning for tuning in tunings if ended_at < tuning.ends_at]
    if finding.impact_minor is not None and abs(finding.impact_minor) >= HUGE_MINOR:
        return None
    if any(_is_within(finding, tuning) for tuning in in_force):
        return "It is within the level that was called normal."
    factor = factor_of(in_force, ended_at)
    if Fraction(finding.score) >= factor or _outgrows(finding, in_force):
        return None
    return f"Earlier answers raised the limit to {float(factor):.2f} times; this reaches {finding.score:.2f}."


def _is_within(finding: Finding, tuning: Tuning) -> bool:
    if tuning.level is None or tuning.is_rise != finding.is_rise or finding.actual is None:
        return False
    return abs(finding.actual - (finding.expected or 0)) <= tuning.level * LEVEL_ROOM


def _outgrows(finding: Finding, tunings: Iterable[Tuning]) -> bool:
    """Whether the day is clearly larger than the largest that was called no issue."""
    rejected = [abs(tuning.impact_minor) for tuning in tunings if tuning.impact_minor is not None]
    if not rejected or finding.impact_minor is None:
        return False
    return abs(finding.impact_minor) >= CLEARLY_WORSE * max(rejected)
