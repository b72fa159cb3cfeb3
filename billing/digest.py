"""What a daily mail tells: which alerts are new, go on or have ended since the last one, in which order, how many of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal
from uuid import UUID

from pricing.alert_explanation import Explanation, RateExplanation
from pricing.margin import Margin
from store.alert_reads import AlertQuality, StoredAlert

Part = Literal["new", "ongoing", "resolved"]
PARTS: tuple[Part, ...] = ("new", "ongoing", "resolved")
# More lines than this nobody reads in the morning; what is left out is counted, and stands on the page.
MOST_LINES = 10
# An episode that had ended before anybody was told of it is old news after this long.
NEWS_FOR = timedelta(days=10)
# Where cost alerts of several scopes speak of the same dollars, the widest one is added up, and no other.
_WIDEST_FIRST = ("company", "customer", "provider", "model", "feature", "customer_model")


@dataclass(frozen=True, kw_only=True)
class Told:
    """An alert with its subject's name in words. `reported_impact_minor` is the reported day's alone, None where it has none."""

    alert: StoredAlert
    title: str
    explanation: Explanation | RateExplanation | None = None
    reported_impact_minor: int | None = None


@dataclass(frozen=True)
class Line:
    """One alert and those that it explains: a customer's spike is part of the company's, and is told with it."""

    told: Told
    within: tuple[Told, ...] = ()


@dataclass(frozen=True, kw_only=True)
class News:
    """The lines of a mail, most money first in each part. `left_out` are lines beyond the longest mail, `small` those below the
    least impact, `snoozed` those that somebody wants to hear of later; they are counted, and in no part.
    """

    lines: dict[Part, tuple[Line, ...]]
    left_out: dict[Part, int] = field(default_factory=dict)
    small: int = 0
    snoozed: int = 0

    def count(self, part: Part) -> int:
        """How many alerts there are in a part, shown or left out."""
        return len(self.lines[part]) + self.left_out.get(part, 0)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The reported UTC day's AI cost, and the margin of its month so far beside the month before. None is unknown.

    `cost_pico_usd` counts what has a price; `usual_pico_usd` is the median of the same weekday in the four weeks before.
    """

    day: date
    cost_pico_usd: int | None
    usual_pico_usd: int | None
    month: date
    margin: Margin | None
    margin_before: Fraction | None


@dataclass(frozen=True, kw_only=True)
class Health:
    """How far the data reach. `late` are days that a source has not told, `failing` the sources whose last try failed, with why.

    `is_late`: the reported day is not whole, or nobody has looked at it yet. `as_of` is the end of what the figures cover, aware UTC.
    """

    is_late: bool
    as_of: datetime | None
    late: dict[str, tuple[date, ...]] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    refusal: str | None = None


@dataclass(frozen=True, kw_only=True)
class Digest:
    """All that a daily mail of `day` (local in `zone`) says, to whomever it goes. `since` is when news was told last, None for never."""

    company: str
    currency: str
    day: date
    zone: str
    hour: int
    since: datetime | None
    news: News
    figures: Figures
    health: Health
    quality: AlertQuality
    is_note: bool = False


def select(
    told: Sequence[Told], *, since: datetime | None, now: datetime, reported: date, least_impact_minor: int = 0
) -> News:
    """Sort alerts into what is new, goes on and has ended since the last mail; nothing is in two places.

    `reported` is the UTC day that the mail is about, `since` when news was told last: None for never, then everything open is new.
    An alert that began and ended between two mails has ended.
    """
    kept = {each.alert.alert_id: each for each in told if part_of(each.alert, since=since, reported=reported)}
    snoozed = {key for key, each in kept.items() if _sleeps(each.alert, now)}
    small = {key for key, each in kept.items() if _is_small(each.alert, least_impact_minor)} - snoozed
    shown = {key: each for key, each in kept.items() if key not in snoozed | small}
    within: dict[UUID, list[Told]] = {}
    for key, each in shown.items():
        root = _root(key, shown)
        if root != key:
            within.setdefault(root, []).append(each)
    roots = [each for key, each in shown.items() if _root(key, shown) == key]
    parts: dict[Part, list[Line]] = {part: [] for part in PARTS}
    for each in sorted(roots, key=_by_money):
        inner = tuple(sorted(within.get(each.alert.alert_id, ()), key=_by_money))
        part = part_of(each.alert, since=since, reported=reported)
        assert part is not None, "only what has a part was kept"
        parts[part].append(Line(each, inner))
    return _shortened(parts, small=len(small), snoozed=len(snoozed))


def part_of(alert: StoredAlert, *, since: datetime | None, reported: date) -> Part | None:
    """Where an alert stands in a mail; None for one whose end was told before, or that ended long ago."""
    is_untold = since is None or alert.opened_at > since
    if alert.is_open:
        return "new" if is_untold else "ongoing"
    has_ended = alert.resolved_at is not None and (since is None or alert.resolved_at > since)
    is_old = is_untold and alert.last_day < reported - NEWS_FOR
    return "resolved" if has_ended and not is_old else None


def has_news(news: News, reported: date, *, is_late: bool) -> bool:
    """Whether the day is worth a mail: something began or ended, cost goes on running away, or the data are late.

    A rate that stays beyond its limit is shown in the mails that go out, and causes none by itself.
    """
    burns = any(
        line.told.alert.detector == "cost_spike" and line.told.alert.last_day >= reported
        for line in news.lines["ongoing"]
    )
    return bool(news.count("new") or news.count("resolved") or burns or is_late)


def unexpected_minor(news: News) -> int | None:
    """What the reported day cost beyond the expected, over the open cost alerts of the widest scope that has one; None where none has."""
    shown = [told for part in PARTS[:2] for line in news.lines[part] for told in (line.told, *line.within)]
    spikes = [
        told for told in shown
        if told.alert.is_open and told.alert.detector == "cost_spike" and told.reported_impact_minor is not None
    ]  # fmt: skip
    for scope in _WIDEST_FIRST:
        found = [each.reported_impact_minor or 0 for each in spikes if each.alert.scope == scope]
        if found:
            return sum(found)
    return None


def _shortened(parts: dict[Part, list[Line]], *, small: int, snoozed: int) -> News:
    room = MOST_LINES
    lines: dict[Part, tuple[Line, ...]] = {}
    left_out: dict[Part, int] = {}
    for part in PARTS:
        lines[part] = tuple(parts[part][:room])
        left_out[part] = len(parts[part]) - len(lines[part])
        room -= len(lines[part])
    return News(lines=lines, left_out=left_out, small=small, snoozed=snoozed)


def _root(key: UUID, shown: dict[UUID, Told]) -> UUID:
    """The alert that explains this one, and is itself explained by none that is shown; itself where they go round in a circle."""
    root, seen = key, {key}
    while (parent := shown[root].alert.parent_alert_id) is not None and parent in shown:
        if parent in seen:
            return key
        seen.add(parent)
        root = parent
    return root


def _sleeps(alert: StoredAlert, now: datetime) -> bool:
    return alert.is_open and alert.snoozed_until is not None and alert.snoozed_until > now


def _is_small(alert: StoredAlert, least_impact_minor: int) -> bool:
    return alert.impact_minor is not None and abs(alert.impact_minor) < least_impact_minor


def _by_money(told: Told) -> tuple[bool, int, date, str]:
    impact = told.alert.impact_minor
    return impact is None, -abs(impact or 0), told.alert.first_day, str(told.alert.alert_id)
