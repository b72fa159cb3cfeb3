"""An episode while one look works on it: the days that come and go, the steps that say so, and what of it is to be written."""

from dataclasses import dataclass, field
from datetime import date

from pricing.alert_episodes import DAILY, Change, Episode, State
from pricing.finding import Finding, Subject


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
    def subject(self) -> Subject:
        """Whose episode it is."""
        return self.episode.subject

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
