"""Runs the rules of alerts over made-up days, as the job does over published versions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid5

from pricing.alert_episodes import ALL_USAGE, Change, Episode, Look, Verdict, largest_day
from pricing.alert_feedback import Tuning
from pricing.alert_rules import judge
from pricing.finding import Detector, Finding, Subject
from tests.alert_fixtures import BIG, found

FIRST = date(2026, 9, 1)
_NAMES = UUID("4b4a1f6e-0000-4000-8000-000000000000")


def day(number: int) -> date:
    """The day of that number, from 0 on."""
    return FIRST + timedelta(days=number)


def spike(number: int, usd: int = 300, subject: Subject = BIG, **fields: object) -> Finding:
    """An unusual day where $100 was expected."""
    return found(day(number), subject, usd=usd, **fields)


def morning(number: int) -> datetime:
    """Six o'clock of a day."""
    return datetime.combine(day(number), time(6), UTC)


class Company:
    """The alerts of a company and all that was told of them, kept between looks."""

    def __init__(self) -> None:
        """A company that nobody has looked at yet."""
        self.episodes: dict[UUID, Episode] = {}
        self.steps: list[tuple[UUID, str, str]] = []
        self.news: list[tuple[UUID, str]] = []
        self.tunings: list[Tuning] = []

    def look(
        self,
        number: int,
        findings: Sequence[Finding],
        *,
        late: Iterable[int] = (),
        source: str = ALL_USAGE,
        detectors: Sequence[Detector] = ("cost_spike",),
        is_first: bool = False,
    ) -> list[Change]:
        """Look in the morning of a day at all the findings that the data have by then."""
        at = morning(number)
        look = Look(
            as_of=at,
            now=at,
            since=day(0),
            detectors=detectors,
            late={source: frozenset(day(each) for each in late)},
            tunings=self.tunings,
            is_first=is_first,
        )
        changes = judge(list(self.episodes.values()), findings, look)
        for change in changes:
            id_ = change.episode.alert_id or uuid5(_NAMES, str(len(self.episodes)))
            self.episodes[id_] = replace(change.episode, alert_id=id_)
            self.steps += [(id_, step, why) for step, why in change.steps]
            self.news += [(id_, change.episode.state)] * change.is_news
        return changes

    def answer(self, verdict: Verdict, *, planned_until: date | None = None) -> None:
        """What a person says of the only alert."""
        (known,) = self.episodes.values()
        impact, score = largest_day(known)
        self.episodes[self.only_id] = replace(
            known,
            verdict=verdict,
            state=known.state if verdict == "confirmed" else "resolved",
            planned_until=planned_until,
            quieted_impact_minor=impact,
            quieted_score=score,
        )

    def snooze(self, until: datetime) -> None:
        """Quiet for the only alert."""
        impact, score = largest_day(self.only)
        self.episodes[self.only_id] = replace(
            self.only, snoozed_until=until, quieted_impact_minor=impact, quieted_score=score
        )

    @property
    def only(self) -> Episode:
        """The only alert there is."""
        (only,) = self.episodes.values()
        return only

    @property
    def only_id(self) -> UUID:
        """The id of the only alert."""
        (only,) = self.episodes
        return only

    def state(self) -> str:
        """The state of the only alert."""
        return self.only.state

    def is_snoozed(self) -> bool:
        """Whether the only alert is kept quiet."""
        return self.only.snoozed_until is not None

    def told(self) -> list[tuple[str, str]]:
        """Every step and why, in order."""
        return [(step, why) for _, step, why in self.steps]

    def summary(self) -> list[tuple[str, str, date, date, tuple[date, ...]]]:
        """Each alert: whose, its state, first and last day, and its days."""
        return sorted(
            (one.subject.key, one.state, one.first_day, one.last_day, tuple(sorted(one.days)))
            for one in self.episodes.values()
        )


def until(findings: Sequence[Finding], number: int) -> list[Finding]:
    """What the data say in the morning of a day: the closed days before it."""
    return [finding for finding in findings if finding.day < day(number)]
