"""From which score and from which money a subject's day is told, so that many series do not mean many false alerts."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from pricing.anomaly_alerts import AT_STAKE_PICO_USD, SCORE_MIN
from pricing.anomaly_subjects import Subjects
from pricing.anomaly_windows import Grid
from pricing.finding import Scope

# What is less than one part of so many of a usual day's AI cost of the whole company is no spike.
STAKE_PARTS = 200
# Up to so many series ring falsely less than once a day at a score of 1.
FREE_SERIES, GROWTH = 3_000, 0.5
USUAL_DAYS = 28
# What many customers do together wavers less, and a third more of the whole bill is news: the wider, the smaller a change may be.
LEAST_CHANGE: dict[Scope, float] = {"company": 0.4, "provider": 0.4, "model": 0.6, "feature": 0.6}


def limits(subjects: Subjects, tunings: Mapping[str, Fraction], stake: int) -> Grid:
    """The least score of each series, higher the more of them spend `stake` (pico-USD) a day; `tunings` multiply it by subject key, '' all."""
    everyone = tunings.get("", Fraction(1))
    factors = [float(tunings.get(subject.key, Fraction(1)) * everyone) for subject in subjects.subjects]
    recent = subjects.series.cost_pico_usd[:, -USUAL_DAYS:].mean(axis=1)
    return least_score(int((recent >= stake).sum())) * np.array(factors)


def least_score(series: int) -> float:
    """The limit for so many series: no more false alerts a day than of three thousand, however many there are.

    Ten times as many series ring falsely ten times as often; half a point of score takes that back (docs/decisions/0109).
    """
    return SCORE_MIN + GROWTH * math.log10(max(series, FREE_SERIES) / FREE_SERIES)


def stake_pico_usd(scoped: Sequence[Subjects]) -> int:
    """The least money a day for an alert: 25 cents, or half a percent of what the company spends on a day."""
    for subjects in scoped:
        if subjects.scope == "company":
            days = subjects.series.cost_pico_usd[0, -USUAL_DAYS:]
            return max(AT_STAKE_PICO_USD, int(days.mean()) // STAKE_PARTS)
    return AT_STAKE_PICO_USD
