"""From which score and from which money a subject's day is told, so that many series do not mean many false alerts."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from pricing.anomaly_alerts import AT_STAKE_PICO_USD, SCORE_MIN
from pricing.anomaly_subjects import Subjects
from pricing.anomaly_windows import Grid

# What is less than one part of so many of a usual day's AI cost of the whole company is no spike.
STAKE_PARTS = 200
USUAL_DAYS = 28


def limits(subjects: Subjects, tunings: Mapping[str, Fraction]) -> Grid:
    """The least score of each series; `tunings` multiply it by subject key, and '' that of all."""
    everyone = tunings.get("", Fraction(1))
    factors = [float(tunings.get(subject.key, Fraction(1)) * everyone) for subject in subjects.subjects]
    return SCORE_MIN * np.array(factors)


def stake_pico_usd(scoped: Sequence[Subjects]) -> int:
    """The least money a day for an alert: 25 cents, or half a percent of what the company spends on a day."""
    for subjects in scoped:
        if subjects.scope == "company":
            days = subjects.series.cost_pico_usd[0, -USUAL_DAYS:]
            return max(AT_STAKE_PICO_USD, int(days.mean()) // STAKE_PARTS)
    return AT_STAKE_PICO_USD
