"""What an episode is: the unusual days of one subject that belong together, what they sum to, and what a look at the data changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from pricing.alert_feedback import CLEARLY_WORSE, Tuning
from pricing.finding import Detector, Finding, Scope, Subject

State = Literal["new", "ongoing", "resolved"]
Verdict = Literal["confirmed", "expected", "planned", "not_an_issue"]
# These answers end an alert; a confirmed one goes on until its days do.
CLOSING: frozenset[str] = frozenset({"expected", "planned", "not_an_issue"})
# Each day of usage is judged by itself. All other detectors say what holds at the moment they look.
DAILY: Detector = "cost_spike"
QUIET_DAYS = 7
# Which alert another one may lie under, the nearest first.
_ABOVE: Mapping[Scope, tuple[Scope, ...]] = {
    "customer_model": ("customer", "company"),
    "customer": ("company",),
    "provider": ("company",),
    "model": ("company",),
    "feature": ("company",),
}


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

    `detectors` are those that did their work. Days from `since` on were judged, without the late ones: of these nothing is known,
    so they neither open an alert nor end one. A first look finds what is long past and makes no news of it.
    """

    as_of: datetime
    now: datetime
    since: date
    detectors: Collection[Detector]
    late_days: Collection[date] = frozenset()
    tunings: Sequence[Tuning] = ()
    is_first: bool = False

    @property
    def today(self) -> date:
        """The UTC day that still runs."""
        return self.as_of.date()

    def judged_between(self, after: date, before: date) -> list[date]:
        """The closed days strictly between two that were judged, oldest first."""
        end = min(before, self.today)
        between = (after + timedelta(days=number) for number in range(1, (end - after).days))
        return [day for day in between if day not in self.late_days]

    def judged_after(self, day: date) -> list[date]:
        """The closed days after one that were judged, oldest first."""
        return self.judged_between(day, self.today)


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
    detector: Detector
    subject: Subject
    first_day: date
    last_day: date
    is_rise: bool


def parents(placed: Sequence[Placed]) -> dict[UUID, UUID | None]:
    """For each alert the one it is explained with: of a wider scope, in the same direction, and with a day in common."""
    return {one.alert_id: _parent(one, placed) for one in placed}


def _parent(child: Placed, placed: Sequence[Placed]) -> UUID | None:
    if child.detector != DAILY:
        return None
    for scope in _ABOVE.get(child.subject.scope, ()):
        above = [
            one
            for one in placed
            if (one.detector, one.subject.scope, one.is_rise) == (DAILY, scope, child.is_rise)
            and (scope != "customer" or one.subject.customer_id == child.subject.customer_id)
            and one.first_day <= child.last_day
            and child.first_day <= one.last_day
        ]
        if above:
            return max(above, key=lambda one: (one.last_day, one.first_day, str(one.alert_id))).alert_id
    return None


@dataclass(slots=True, kw_only=True)
class Draft:
    """An episode while one look works on it."""

    episode: Episode
    days: dict[date, Finding]
    is_new: bool = False
    written: dict[date, Finding] = field(default_factory=dict)
    taken_back: dict[date, Finding] = field(default_factory=dict)
    added: list[date] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    is_news: bool = False
    is_unsnoozed: bool = False
    state: State = "new"
    ended_on: date | None = None
    resolved_why: str | None = None

    @property
    def last_day(self) -> date:
        """The last unusual day as known now."""
        return max(self.days, default=self.episode.last_day)

    @property
    def first_day(self) -> date:
        """The first unusual day as known now."""
        return min(self.days, default=self.episode.first_day)

    def put(self, found: Finding) -> None:
        """Write a day down that is new, or told differently now."""
        before = self.days.get(found.day)
        if before == found:
            return
        if before is None:
            self.added.append(found.day)
        elif self._is_restated(before, found):
            self.steps.append(("restated", f"{found.day}: {found.sentence}"))
        self.days[found.day] = self.written[found.day] = found

    def _is_restated(self, before: Finding, found: Finding) -> bool:
        """Whether a closed day comes to something else now; a day that runs, and a level, change all the time."""
        is_closed = self.episode.detector == DAILY and not before.is_provisional
        return is_closed and (before.actual, before.impact_minor) != (found.actual, found.impact_minor)

    def take_back(self, day: date) -> None:
        """Strike a day that is usual by what is known now."""
        before = self.days.pop(day)
        self.taken_back[day] = before
        because = "it ended as usual" if before.is_provisional else "with later data it is as usual"
        self.steps.append(("day taken back", f"{day}: {because}."))

    def change(self) -> Change | None:
        """What is to be written; None where nothing changed."""
        was = self.episode
        if not (self.is_new or self.written or self.taken_back or self.steps or self.state != was.state):
            return None
        after = Episode(
            alert_id=was.alert_id,
            detector=was.detector,
            subject=was.subject,
            state=self.state,
            days=dict(self.days),
            verdict=was.verdict,
            planned_until=was.planned_until,
            snoozed_until=None if self.is_unsnoozed else was.snoozed_until,
            quieted_impact_minor=was.quieted_impact_minor,
            quieted_score=was.quieted_score,
            last_known_day=self.last_day,
        )
        return Change(
            episode=after,
            written=self.written,
            taken_back=self.taken_back,
            steps=self.steps,
            is_news=self.is_news,
            ended_on=self.ended_on,
            resolved_why=self.resolved_why,
        )
