"""What an episode is: the unusual days of one subject that belong together, what they sum to, and what a look at the data changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from pricing.alert_feedback import CLEARLY_WORSE, Tuning
from pricing.finding import Detector, Finding, Subject

State = Literal["new", "ongoing", "resolved"]
Verdict = Literal["confirmed", "expected", "planned", "not_an_issue"]
# These answers end an alert; a confirmed one goes on until its days do.
CLOSING: frozenset[str] = frozenset({"expected", "planned", "not_an_issue"})
# Each day of usage is judged by itself. All other detectors say what holds at the moment they look.
DAILY: Detector = "cost_spike"
QUIET_DAYS = 7
# A usual day below this part of the episode's largest does not carry it on.
ECHO_PARTS = 10
# Where what is late is not one provider's.
ALL_USAGE = "all usage"
# The fact by which a day names the subject that it is because of, by its key.
LEADER = "parent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An alert as the rules see it: its days by date, without those that were taken back, and what a person said of it.

    `alert_id` is None before it is written. `quieted_*` are its largest day when a person last asked for quiet.
    """

    alert_id: UUID | None
    detector: Detector
    subject: Subject
    state: State
    days: Mapping[date, Finding]
    verdict: Verdict | None = None
    planned_until: date | None = None
    snoozed_until: datetime | None = None
    quieted_impact_minor: int | None = None
    quieted_score: float | None = None
    last_known_day: date | None = None

    @property
    def key(self) -> tuple[Detector, str]:
        """Whose alert it is: there is one open one for each."""
        return self.detector, self.subject.key

    @property
    def first_day(self) -> date:
        """The first unusual day; the last one known where all were taken back."""
        return min(self.days, default=self._without_days)

    @property
    def last_day(self) -> date:
        """The last unusual day; the last one known where all were taken back."""
        return max(self.days, default=self._without_days)

    @property
    def _without_days(self) -> date:
        assert self.last_known_day is not None, "an episode has had a day"
        return self.last_known_day

    @property
    def is_closed_by_a_person(self) -> bool:
        """A person's answer has ended it."""
        return self.state == "resolved" and self.verdict in CLOSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look could judge. `as_of` is the moment the data are of, `now` the moment of looking, both with a zone.

    `detectors` are those that did their work. Days from `since` on were judged, without the late ones (by provider, or ALL_USAGE): of
    these nothing is known, so they neither open an alert nor end one. A first look finds what is long past and makes no news of it.
    `shut` are the episodes of daily cost that a person has ended, by subject: what is because of them is answered with them.
    """

    as_of: datetime
    now: datetime
    since: date
    detectors: Collection[Detector]
    late: Mapping[str, Collection[date]] = field(default_factory=dict)
    tunings: Sequence[Tuning] = ()
    is_first: bool = False
    shut: Mapping[str, Sequence[Episode]] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The UTC day that still runs."""
        return self.as_of.date()

    def is_answered(self, finding: Finding) -> bool:
        """Whether a day is because of an episode that a person has ended, as far as the answer reaches."""
        for leader in self.shut.get(str(finding.facts.get(LEADER)), ()):
            if finding.day < leader.first_day:
                continue
            if leader.planned_until is not None:
                reaches = finding.day <= leader.planned_until
            else:
                reaches = len(self.judged_between(leader.subject, leader.last_day, finding.day)) < QUIET_DAYS
            if reaches:
                return True
        return False

    def is_late(self, subject: Subject, day: date) -> bool:
        """Whether usage of the subject may be missing on a day: all of it, or that of a provider that it may use."""
        return any(
            day in days
            for source, days in self.late.items()
            if source == ALL_USAGE or subject.provider is None or subject.provider == source
        )

    def judged_between(self, subject: Subject, after: date, before: date) -> list[date]:
        """The closed days strictly between two on which a subject was judged, oldest first."""
        end = min(before, self.today)
        between = (after + timedelta(days=number) for number in range(1, (end - after).days))
        return [day for day in between if not self.is_late(subject, day)]

    def judged_after(self, subject: Subject, day: date) -> list[date]:
        """The closed days after one on which a subject was judged, oldest first."""
        return self.judged_between(subject, day, self.today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a look changes of one alert. `written` are days to write down, `taken_back` the days that later data show to be usual.

    `steps` say each change and why. `ended_on` is the last quiet day where the look ended it. `is_news` is what people are told.
    """

    episode: Episode
    written: Mapping[date, Finding]
    taken_back: Mapping[date, Finding]
    steps: Sequence[tuple[str, str]]
    is_news: bool
    ended_on: date | None = None
    resolved_why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """An episode's figures: of daily cost the sums of its days, of levels and rates the last day's. None where a day's is unknown."""

    actual: int | None
    expected: int | None
    lower: int | None
    upper: int | None
    impact_minor: int | None
    impact_pico_usd: int | None
    is_rise: bool
    is_provisional: bool
    peak_score: float
    sentence: str


def totals(episode: Episode) -> Totals:
    """What an episode with at least one day comes to; its sentence is that of the day with the most at stake."""
    days = [episode.days[day] for day in sorted(episode.days)]
    counted = days if episode.detector == DAILY else days[-1:]
    actual, expected = _sum(day.actual for day in counted), _sum(day.expected for day in counted)
    impact_minor = _sum(day.impact_minor for day in counted)
    in_dollars = counted[0].unit == "pico_usd" and actual is not None and expected is not None
    difference = actual - expected if in_dollars and actual is not None and expected is not None else None
    direction = difference if difference is not None else impact_minor
    return Totals(
        actual=actual,
        expected=expected,
        lower=_sum(day.lower for day in counted),
        upper=_sum(day.upper for day in counted),
        impact_minor=impact_minor,
        impact_pico_usd=difference,
        is_rise=direction > 0 if direction and episode.detector == DAILY else days[-1].is_rise,
        is_provisional=days[-1].is_provisional,
        peak_score=max(day.score for day in days),
        sentence=max(counted, key=lambda day: (abs(day.impact_minor or 0), day.day)).sentence,
    )


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def largest_day(episode: Episode) -> tuple[int | None, float]:
    """The largest impact of a day, without its sign, and the highest score: what later days are held against."""
    impacts = [abs(day.impact_minor) for day in episode.days.values() if day.impact_minor is not None]
    return max(impacts, default=None), max((day.score for day in episode.days.values()), default=0.0)


def is_echo(finding: Finding, days: Iterable[Finding]) -> bool:
    """Whether a day is only told because the days before it weigh on its week: usual by itself, and next to nothing beside them.

    A week's level is surprising for seven days after one large day. A slow rise, whose days are all alike, is no echo.
    """
    if finding.impact_minor is None or finding.actual is None or finding.lower is None or finding.upper is None:
        return False
    largest = max((abs(day.impact_minor or 0) for day in days), default=0)
    is_usual = finding.lower <= finding.actual <= finding.upper
    return is_usual and ECHO_PARTS * abs(finding.impact_minor) < largest


def is_clearly_worse(finding: Finding, episode: Episode) -> bool:
    """Whether a day is at least twice as large as the largest when quiet was asked for; by its score where no money is known."""
    if episode.quieted_score is None:
        return False
    if finding.impact_minor is not None and episode.quieted_impact_minor is not None:
        return abs(finding.impact_minor) >= CLEARLY_WORSE * max(1, episode.quieted_impact_minor)
    return finding.score >= CLEARLY_WORSE * episode.quieted_score


@dataclass(frozen=True, slots=True)
class Placed:
    """An alert as far as it matters for which other one it lies under."""

    alert_id: UUID
    subject_key: str
    days: Mapping[date, Finding]

    @property
    def leader(self) -> tuple[str, date] | None:
        """The subject that the day with the most at stake is because of, and that day."""
        largest = max(self.days.values(), key=lambda day: (abs(day.impact_minor or 0), day.day), default=None)
        key = largest.facts.get(LEADER) if largest is not None else None
        return (str(key), largest.day) if largest is not None and key is not None else None


def parents(placed: Sequence[Placed]) -> dict[UUID, UUID | None]:
    """For each alert of daily cost the one that it is because of: its leader's, which has none itself.

    The narrowest subject that explains a rise leads, and the others name it; one whose leader has no alert around that day stands alone.
    """
    leaders = {one.alert_id: _leader_of(one, placed) for one in placed}
    found: dict[UUID, UUID | None] = {}
    for one in placed:
        at, seen = leaders[one.alert_id], {one.alert_id}
        while at is not None and at not in seen and leaders[at] is not None:
            seen.add(at)
            at = leaders[at]
        found[one.alert_id] = None if at in seen else at
    return found


def _leader_of(follower: Placed, placed: Sequence[Placed]) -> UUID | None:
    if follower.leader is None:
        return None
    key, day = follower.leader
    # The leader's own day may be late while its follower's is known.
    reaching = (one for one in placed if one.days and min(one.days) <= day <= max(one.days))
    return next((one.alert_id for one in reaching if one.subject_key == key), None)
