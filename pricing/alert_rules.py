"""What a look at the data does to alerts: what it opens, carries on, restates, takes back, ends and brings back, and why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from pricing.alert_drafts import Draft
from pricing.alert_episodes import DAILY, QUIET_DAYS, Change, Episode, Look, is_clearly_worse, is_echo
from pricing.alert_feedback import why_silent
from pricing.finding import Detector, Finding

# A level that is back by the next day has not really been gone.
LEVEL_BACK_WITHIN = timedelta(days=1)
NO_LONGER = "The rule no longer holds."

Key = tuple[Detector, str]


def judge(episodes: Sequence[Episode], findings: Sequence[Finding], look: Look) -> list[Change]:
    """Hold findings against the alerts that are known. No subject has more than one open alert afterwards.

    `episodes` are all open alerts, and the ended ones whose days or plans reach into the judged days. The same findings again
    change nothing. Changes come in the order of subjects, oldest episode first.
    """
    drafts: defaultdict[Key, list[Draft]] = defaultdict(list)
    for episode in sorted(episodes, key=lambda one: (one.first_day, one.last_day, str(one.alert_id))):
        drafts[episode.key].append(Draft(episode=episode, days=dict(episode.days), state=episode.state))
    found: defaultdict[Key, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda one: one.day):
        is_late = finding.detector == DAILY and look.is_late(finding.subject, finding.day)
        if finding.detector in look.detectors and not is_late and finding.day <= look.today:
            found[finding.detector, finding.subject.key].append(finding)
    shut: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        if episode.detector == DAILY and episode.is_closed_by_a_person:
            shut[episode.subject.key].append(episode)
    look = replace(look, shut=shut)
    changes: list[Change] = []
    for key in sorted({*drafts, *found}):
        if key[0] not in look.detectors:
            continue
        of_subject, news = drafts[key], found[key]
        if key[0] == DAILY:
            _judge_days(of_subject, {one.day: one for one in news}, look)
        else:
            _judge_level(of_subject, news, look)
        for draft in of_subject:
            _return_from_snooze(draft, look)
            change = draft.change()
            if change is not None:
                changes.append(change)
    return changes


def _judge_days(drafts: list[Draft], found: dict[date, Finding], look: Look) -> None:
    """Give each unusual day to the episode it belongs to, and end those that have been quiet for seven judged days."""
    for draft in reversed(drafts):
        _restate(draft, found, look)
    for day in sorted(found):
        _place(drafts, found[day], look)
    drafts.sort(key=lambda draft: (draft.first_day, draft.last_day))
    going_on = [draft for draft in drafts if not draft.episode.is_closed_by_a_person]
    for draft in going_on:
        _settle(draft, look, is_newest=draft is going_on[-1])


def _restate(draft: Draft, found: dict[date, Finding], look: Look) -> None:
    """Take the episode's own days out of what was found; strike those that are usual now."""
    is_shut = draft.episode.is_closed_by_a_person
    for day in sorted(draft.days):
        again = found.get(day)
        if again is not None:
            if is_shut and is_clearly_worse(again, draft.episode):
                continue  # what was answered was smaller: this becomes an alert of its own
            draft.put(found.pop(day))
        elif not is_shut and look.since <= day < look.today and not look.is_late(draft.subject, day):
            draft.take_back(day)


def _place(drafts: list[Draft], finding: Finding, look: Look) -> None:
    """Give a day to the episode that reaches it, or to a new one, unless an answer keeps it silent."""
    hosts = [draft for draft in drafts if _reaches(draft, finding.day, look)]
    if not hosts:
        _open(drafts, finding, look)
        return
    host = max(hosts, key=lambda one: (one.first_day <= finding.day <= one.last_day, _is_open(one), one.first_day))
    if is_echo(finding, host.days.values()):
        return
    if not host.episode.is_closed_by_a_person:
        host.put(finding)
        return
    _place_in_closed(drafts, host, finding, look)


def _place_in_closed(drafts: list[Draft], host: Draft, finding: Finding, look: Look) -> None:
    """An episode that a person has ended goes on silently, as long as it is what they answered about."""
    planned_until = host.episode.planned_until
    if planned_until is not None:
        if finding.day <= planned_until:
            host.put(finding)
        else:
            _open(drafts, finding, look, f"It goes on after {planned_until}, the day until which it was planned.")
    elif is_clearly_worse(finding, host.episode):
        _open_anyway(drafts, finding, "It is at least twice as large as what was answered before.")
    else:
        host.put(finding)


def _is_open(draft: Draft) -> bool:
    return draft.state != "resolved"


def _reaches(draft: Draft, day: date, look: Look) -> bool:
    """Whether fewer than seven quiet days lie between; a plan reaches as far as it was made for."""
    if draft.episode.planned_until is not None and draft.first_day <= day <= draft.episode.planned_until:
        return True
    if not draft.days and not draft.is_new and draft.episode.state == "resolved":
        return False
    if draft.first_day <= day <= draft.last_day:
        return True
    ends = (draft.last_day, day) if day > draft.last_day else (day, draft.first_day)
    return len(look.judged_between(draft.subject, *ends)) < QUIET_DAYS


def _open(drafts: list[Draft], finding: Finding, look: Look, because: str | None = None) -> None:
    of_subject = [
        tuning
        for tuning in look.tunings
        if tuning.detector == finding.detector and tuning.subject_key in {"", finding.subject.key}
    ]
    if why_silent(finding, of_subject) is None and not look.is_answered(finding):
        _open_anyway(drafts, finding, because)


def _open_anyway(drafts: list[Draft], finding: Finding, because: str | None = None) -> None:
    episode = Episode(
        alert_id=None,
        detector=finding.detector,
        subject=finding.subject,
        state="new",
        days={},
        last_known_day=finding.day,
    )
    draft = Draft(episode=episode, days={}, is_new=True)
    draft.put(finding)
    draft.added.clear()
    draft.steps.append(("opened", f"{finding.day}: {because or finding.sentence}"))
    drafts.append(draft)


def _settle(draft: Draft, look: Look, *, is_newest: bool) -> None:
    """Say in which state the episode is by what is known now."""
    was = draft.episode
    if not draft.days:
        if was.state != "resolved":
            _resolve(draft, look.today, "No day of it is unusual by what is known now.", look)
        return
    quiet = [day for day in look.judged_after(draft.subject, draft.last_day) if day not in draft.days]
    if draft.added:
        draft.steps.append(("seen again", ", ".join(str(day) for day in sorted(draft.added))))
    if len(quiet) >= QUIET_DAYS or not is_newest:
        ended_on = quiet[QUIET_DAYS - 1] if len(quiet) >= QUIET_DAYS else draft.last_day
        because = f"{QUIET_DAYS} quiet days since {draft.last_day}." if quiet else "A later alert goes on with it."
        if was.state != "resolved":
            _resolve(draft, ended_on, because, look)
        return
    if was.state == "resolved" and not draft.added:
        return
    if was.state == "resolved" and not draft.is_new:
        draft.steps.append(("reopened", f"It was seen again on {draft.last_day}, before seven quiet days had passed."))
    _carry_on(draft, look, is_seen_once=len(draft.days) == 1 and not look.judged_after(draft.subject, draft.first_day))


def _carry_on(draft: Draft, look: Look, *, is_seen_once: bool) -> None:
    was = draft.episode
    draft.state = "new" if is_seen_once and was.state != "ongoing" else "ongoing"
    if look.is_first:
        draft.is_news = was.detector == DAILY and draft.state == "new"
    elif draft.is_new or was.state == "resolved":
        draft.is_news = draft.is_new or was.detector == DAILY  # a level that comes and goes within a day is told once
    if (was.state, draft.state) != ("new", "ongoing") or draft.is_new:
        return
    if was.detector != DAILY:
        draft.steps.append(("ongoing", f"It still holds on {draft.last_day}."))
    elif not draft.added:
        draft.steps.append(("ongoing", f"Not seen since {draft.last_day}; it ends after {QUIET_DAYS} quiet days."))


def _resolve(draft: Draft, ended_on: date, because: str, look: Look) -> None:
    draft.state, draft.ended_on, draft.resolved_why = "resolved", ended_on, because
    draft.steps.append(("resolved", because))
    is_snoozed = draft.episode.snoozed_until is not None
    draft.is_unsnoozed = is_snoozed
    draft.is_news = not (look.is_first or draft.is_new or is_snoozed)


def _judge_level(drafts: list[Draft], found: list[Finding], look: Look) -> None:
    """A level or a rate: while the rule holds the alert is open, and when it does not the alert has ended."""
    newest = max(drafts, key=lambda draft: (_is_open(draft), draft.last_day), default=None)
    if not found:
        if newest is not None and _is_open(newest):
            _resolve(newest, look.today, NO_LONGER, look)
        return
    finding = found[-1]
    before = len(drafts)
    if newest is None or not _level_reaches(newest, finding.day):
        _open(drafts, finding, look)
    elif newest.episode.is_closed_by_a_person:
        _place_in_closed(drafts, newest, finding, look)
    else:
        newest.put(finding)
        if not _is_open(newest):
            newest.steps.append(("reopened", f"{finding.day}: {finding.sentence}"))
        _carry_on(newest, look, is_seen_once=len(newest.days) == 1)
    for draft in drafts[before:]:
        _carry_on(draft, look, is_seen_once=True)


def _level_reaches(draft: Draft, day: date) -> bool:
    if _is_open(draft):
        return True
    planned_until = draft.episode.planned_until
    if planned_until is not None and day <= planned_until:
        return True
    apart = day - draft.last_day
    return apart <= (timedelta(days=QUIET_DAYS) if draft.episode.is_closed_by_a_person else LEVEL_BACK_WITHIN)


def _return_from_snooze(draft: Draft, look: Look) -> None:
    """Let a snoozed alert be heard again when its time is over and it still goes on, or as soon as it is clearly worse."""
    until = draft.episode.snoozed_until
    if until is None or not _is_open(draft):
        return
    if any(is_clearly_worse(day, draft.episode) for day in draft.written.values()):
        _bring_back(draft, "It is at least twice as large as when it was snoozed.")
        draft.is_news = not look.is_first
    elif look.now >= until:
        is_seen = draft.episode.detector != DAILY or not look.judged_after(draft.subject, draft.last_day)
        _bring_back(draft, "The snooze has ended and it goes on." if is_seen else "The snooze has ended.")
        draft.is_news = draft.is_news or is_seen


def _bring_back(draft: Draft, because: str) -> None:
    draft.is_unsnoozed = True
    draft.steps.append(("back from snooze", because))
