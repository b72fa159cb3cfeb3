"""Sources that are silent for longer than is usual for them: data late, not usage gone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from pricing.finding import Finding, Subject
from pricing.watch_words import MILLION
from pricing.watching import CLEARS, Watching, as_score, clears_fact

HOUR, DAY = 3_600, 86_400
# Fewer successes have no rhythm. Several within a minute (files of one import) are one.
LEAST_GAPS, TOGETHER_SECONDS = 4, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of data and when it last succeeded, oldest first (UTC); `trouble` is what the last try said where it failed.

    `title` is what a person calls it, `affects` the numbers that rest on it, `at_least_seconds` below which no silence counts.
    """

    name: str
    title: str
    affects: str
    advice: str
    at_least_seconds: int
    successes: Sequence[datetime] = ()
    trouble: str | None = None


def usual_gap_seconds(successes: Sequence[datetime]) -> tuple[int, int] | None:
    """The median gap between successes and the longest usual one (nine of ten are no longer), in seconds; None with too few."""
    gaps = sorted(
        int((later - earlier).total_seconds())
        for earlier, later in pairwise(successes)
        if (later - earlier).total_seconds() >= TOGETHER_SECONDS
    )
    if len(gaps) < LEAST_GAPS:
        return None
    return gaps[(len(gaps) - 1) // 2], gaps[(9 * len(gaps) + 9) // 10 - 1]


def stale_source(sources: Iterable[Source], watching: Watching, now: datetime) -> list[Finding]:
    """Sources later than the limit (times the median gap), than their long gaps and one more, and than their least."""
    return [found for source in sources if (found := _stale(source, watching, now)) is not None]


def _stale(source: Source, watching: Watching, now: datetime) -> Finding | None:
    subject = Subject(scope="source", name=source.name)
    times_ppm, usual = watching.limits.of("stale_source", subject), usual_gap_seconds(source.successes)
    if times_ppm is None or usual is None:
        return None
    median, long = usual
    # Whoever imports on working days has a longer gap each weekend: that is their rhythm, too.
    allowed = max(Fraction(times_ppm * median, MILLION), Fraction(long + median), Fraction(source.at_least_seconds))
    last = source.successes[-1]
    silent = max(0, int((now - last).total_seconds()))
    score = Fraction(silent) / allowed
    if not watching.speaks("stale_source", subject, score):
        return None
    trouble = f" The last try said: {source.trouble}" if source.trouble else ""
    return Finding(
        detector="stale_source",
        subject=subject,
        day=watching.day,
        unit="seconds",
        actual=silent,
        expected=median,
        upper=int(allowed),
        score=as_score(score),
        is_provisional=True,
        sentence=(
            f"Data late: nothing from {source.title} since {last:%-d %B %H:%M} UTC ({span(silent)}), which usually comes every "
            f"{span(median)}. Until it does, {source.affects}.{trouble} {source.advice}"
        ),
        facts={
            "numerator_seconds": silent,
            "denominator_seconds": median,
            "threshold_seconds": int(allowed),
            "threshold_times_ppm": times_ppm,
            "since": last.isoformat(),
            "long_gap_seconds": long,
            "source": "times of this source's last successes",
            **clears_fact(CLEARS),
        },
    )


def span(seconds: int) -> str:
    """5 minutes, 3 hours, 2 days: in the largest unit of which there are two, or one exactly."""
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (60, "minute")):
        if seconds >= 2 * size or seconds == size:
            number = round(seconds / size)
            return f"{number:,} {unit}{'s' * (number != 1)}"
    return f"{round(seconds / 60):,} minutes" if seconds >= 60 else f"{seconds} seconds"
