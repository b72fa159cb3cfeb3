"""Which changed alerts are news for a channel: new, much worse, over; each once, under its parent, and never what is long past. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from store.alert_reads import StoredAlert

Event = Literal["alert.opened", "alert.worsened", "alert.resolved"]
# An episode that began before is history that came late: it stands on the page, and nobody is called for it.
FRESH = timedelta(days=3)
MOST = 5  # messages of one run over one channel; the others are summed in one more
SILENT_VERDICTS = {"planned", "expected", "not_an_issue"}


@dataclass(frozen=True)
class Worst:
    """An alert's largest day: its impact in minor units where money is at stake, and how surprising it was."""

    impact_minor: int | None
    score: float


@dataclass(frozen=True)
class Said:
    """What a channel was told of alerts: of which at all, and of which in a message of their own, with the worst day and the level then."""

    mentioned: frozenset[UUID] = frozenset()
    own: Mapping[UUID, tuple[Worst, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """One message to be. `level` counts how often the worst day has doubled since the first message; `children` are its lines."""

    event: Event
    alert: StoredAlert
    worst: Worst
    level: int = 0
    children: tuple[StoredAlert, ...] = ()


def is_silent(alert: StoredAlert, now: datetime) -> bool:
    """Whether somebody has said that they want to hear no more of it, for now or at all."""
    return alert.verdict in SILENT_VERDICTS or (alert.snoozed_until is not None and alert.snoozed_until > now)


def news(
    changed: Sequence[StoredAlert],
    others: Mapping[UUID, StoredAlert],
    worst: Mapping[UUID, Worst],
    said: Said,
    now: datetime,
) -> list[News]:
    """What to say of the changed alerts, the largest first. `others` are the alerts above them that did not change."""
    known = {**others, **{alert.alert_id: alert for alert in changed}}
    tops = {alert.alert_id: _top(alert, known) for alert in changed}
    found = [
        News(event, alert, worst[alert.alert_id], level, _children(alert, changed, tops, said, now))
        for alert in changed
        if tops[alert.alert_id] is alert
        for event, level in _event(alert, worst[alert.alert_id], said, now)
    ]
    return sorted(found, key=lambda each: (-abs(each.alert.impact_minor or 0), str(each.alert.alert_id)))


def _event(alert: StoredAlert, worst: Worst, said: Said, now: datetime) -> Iterable[tuple[Event, int]]:
    """Nothing or one: what has become of this alert that the channel does not know."""
    if is_silent(alert, now):
        return
    told = said.own.get(alert.alert_id)
    if alert.state == "resolved":
        if told is not None and alert.resolved_at is not None and now - alert.resolved_at <= FRESH:
            yield "alert.resolved", 0
        return
    if told is None:
        if alert.alert_id not in said.mentioned and alert.first_day >= (now - FRESH).date():
            yield "alert.opened", 0
        return
    before, level_before = told
    level = doublings(before, worst)
    if level > level_before:
        yield "alert.worsened", level


def doublings(before: Worst, after: Worst) -> int:
    """How often the worst day has doubled: in money where both are known, else in surprise."""
    if before.impact_minor and after.impact_minor is not None:
        return max(0, (abs(after.impact_minor) // abs(before.impact_minor)).bit_length() - 1)
    if before.score > 0 and after.score < float("inf"):
        return max(0, int(after.score / before.score).bit_length() - 1)
    return 0


def _top(alert: StoredAlert, known: Mapping[UUID, StoredAlert]) -> StoredAlert:
    """The alert that explains this one and that is explained by no open other: itself, in most cases."""
    seen = {alert.alert_id}
    while alert.parent_alert_id is not None:
        parent = known.get(alert.parent_alert_id)
        if parent is None or not parent.is_open or parent.alert_id in seen:
            break
        seen.add(parent.alert_id)
        alert = parent
    return alert


def _children(
    alert: StoredAlert,
    changed: Sequence[StoredAlert],
    tops: Mapping[UUID, StoredAlert],
    said: Said,
    now: datetime,
) -> tuple[StoredAlert, ...]:
    below = [
        each
        for each in changed
        if tops[each.alert_id] is alert and each is not alert and each.is_open and not is_silent(each, now)
        if each.alert_id not in said.mentioned
    ]
    return tuple(sorted(below, key=lambda each: (-abs(each.impact_minor or 0), str(each.alert_id))))
