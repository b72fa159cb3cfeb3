"""Makes findings of the unusual days of subjects: each with its parts, its sentence, and the one that leads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pricing.anomaly_alerts import USUAL_DAYS, Alert, alerts, between, part_pico_usd
from pricing.anomaly_causes import Cells, Unusual, drivers, leaders, only_moved
from pricing.anomaly_detector import NAMES, SPANS, judge
from pricing.anomaly_limits import LEAST_CHANGE, limits
from pricing.anomaly_series import UsageSeries
from pricing.anomaly_subjects import QUANTITIES, Subjects, subject_words
from pricing.anomaly_today import Projection
from pricing.anomaly_words import in_a_sentence, still_to_come, unpriced_words, what_it_cost
from pricing.finding import Detector, Finding, Subject
from pricing.margin import cost_minor
from store import warehouse_spikes
from store.warehouse_reads import Warehouse

DETECTOR: Detector = "cost_spike"
# Before two weeks are known nobody can tell a weekday from a spike.
LEAST_HISTORY_DAYS = 14
Tunings = Mapping[tuple[Detector, str], Fraction]


@dataclass(frozen=True)
class Running:
    """A day that still runs: its end, and the hour (UTC) up to which its alert compares."""

    by_its_end: Projection
    hour: int


@dataclass(frozen=True)
class Found:
    """An alert with its subject, the subject's cost by day, and the numbers of days around it.

    `is_told` is false for a day that only belongs to an episode: known to be unusual when a later day was.
    """

    subject: Subject
    alert: Alert
    unusual: Unusual
    cost_pico_usd: NDArray[np.int64]
    history_days: int
    unpriced_events: int
    today: Running | None = None
    is_told: bool = True


def customers_of(found: Sequence[Found]) -> set[str]:
    """The customers among the subjects."""
    return {each.subject.customer_id for each in found if each.subject.customer_id is not None}


def unusual_days(
    subjects: Subjects, since: int, stake: int, tunings: Tunings, only: frozenset[str] = frozenset(NAMES)
) -> list[Found]:
    """The unusual days of one scope, each with a day's cost that went the way that surprised; `only` names what may tell."""
    series = subjects.series
    judged = judge(series.fixed_cost, series.requests, only, LEAST_CHANGE.get(subjects.scope, 1.0))
    tuned = {key: factor for (detector, key), factor in tunings.items() if detector == DETECTOR}
    least = limits(subjects, tuned, stake)
    told = [
        alert
        for alert in alerts(
            series, judged, subjects.usage, QUANTITIES, at_stake_pico_usd=stake, limits=least, since=since
        )
        if alert.impact_pico_usd
        and (alert.impact_pico_usd > 0) == alert.is_rise
        and _history(series, alert) >= LEAST_HISTORY_DAYS
    ]
    more = between(series, told, subjects.usage, QUANTITIES)
    return [_found(subjects, alert) for alert in told] + [
        replace(_found(subjects, alert), is_told=False) for alert in more
    ]


def _history(series: UsageSeries, alert: Alert) -> int:
    """How many days are known before an alert's episode."""
    first = (alert.episode_first_day - series.first_day).days
    return int((~np.isnan(series.fixed_cost[alert.series, :first])).sum())


def _found(subjects: Subjects, alert: Alert) -> Found:
    series = subjects.series
    first, day = ((each - series.first_day).days for each in (alert.episode_first_day, alert.day))
    until = max(1, first - SPANS[alert.component] + 1)
    usual = slice(max(0, until - USUAL_DAYS), until)
    mean = series.cost_pico_usd[alert.series, usual].mean() if first else 0.0
    scale = alert.expected_pico_usd / mean if mean else 0.0
    subject = subjects.subjects[alert.series]
    return Found(
        subject,
        alert,
        Unusual(subject, day, alert.impact_pico_usd, usual, scale),
        cost_pico_usd=series.cost_pico_usd[alert.series],
        history_days=_history(series, alert),
        unpriced_events=int(subjects.unpriced[alert.series, day]),
    )


def findings(
    view: Warehouse, found: Sequence[Found], rows: pl.DataFrame, days: tuple[date, date], since: date
) -> list[Finding]:
    """What was found as findings, each with its parts and with the one that leads it."""
    cells = Cells(rows, days[0], (days[1] - days[0]).days + 1)
    belonging = [each for each in found if not each.is_told]
    found = [each for each in found if each.is_told and not only_moved(each.unusual, cells)]
    followed = leaders([each.unusual for each in found], cells)
    found += _going_on(found, followed)
    found += _belonging(belonging, found, followed)
    names, rates = warehouse_spikes.customer_names(view), warehouse_spikes.usd_rates(view)
    return [
        _finding(each, view.reporting_currency, cells, followed, names, rates)
        for each in found
        if each.alert.day >= since
    ]


def _belonging(days: Sequence[Found], found: Sequence[Found], followed: dict[tuple[str, int], str]) -> list[Found]:
    """Those of the days whose episode is told and that are not told already; each follows whom the nearest told day follows."""
    told: dict[tuple[str, date], list[int]] = {}
    for each in found:
        told.setdefault((each.subject.key, each.alert.episode_first_day), []).append(each.unusual.day)
    kept = []
    for each in days:
        key, day = each.subject.key, each.unusual.day
        near = told.get((key, each.alert.episode_first_day))
        if near is None or day in near:
            continue
        leader = followed.get((key, min(near, key=lambda one: abs(one - day))))
        if leader is not None:
            followed[key, day] = leader
        kept.append(each)
    return kept


def _going_on(found: Sequence[Found], followed: Mapping[tuple[str, int], str]) -> list[Found]:
    """The days on which a cause is not unusual any more by itself, and others still are because of it."""
    own = {(each.subject.key, each.unusual.day) for each in found}
    last: dict[str, Found] = {}
    added: dict[tuple[str, int], Found] = {}
    for each in sorted(found, key=lambda one: one.unusual.day):
        last[each.subject.key] = each
        day = each.unusual.day
        leader = last.get(followed.get((each.subject.key, day), ""))
        if leader is None or (leader.subject.key, day) in own:
            continue
        actual = int(leader.cost_pico_usd[day])
        impact = actual - leader.alert.expected_pico_usd
        if impact and (impact > 0) == leader.alert.is_rise:
            before = added.get((leader.subject.key, day))
            score = max(each.alert.score, before.alert.score if before else 0.0)
            added[leader.subject.key, day] = replace(
                leader,
                alert=replace(leader.alert, day=each.alert.day, actual_pico_usd=actual, score=score),
                unusual=replace(leader.unusual, day=day, impact_pico_usd=impact),
                unpriced_events=0,
            )
    return list(added.values())


def _finding(
    found: Found,
    currency: str,
    cells: Cells,
    followed: Mapping[tuple[str, int], str],
    names: dict[str, str],
    rates: Mapping[date, int | None],
) -> Finding:
    alert = found.alert
    parts = part_pico_usd(drivers(found.unusual, alert.expected_pico_usd, alert.actual_pico_usd, cells))
    parts = {name: amount for name, amount in parts.items() if amount}
    # The amounts are those of the day: of a running one, by its end.
    day = alert if found.today is None else found.today.by_its_end
    return Finding(
        detector=DETECTOR,
        subject=found.subject,
        day=alert.day,
        unit="pico_usd",
        actual=day.actual_pico_usd,
        expected=day.expected_pico_usd,
        lower=day.lower_pico_usd,
        upper=day.upper_pico_usd,
        impact_minor=cost_minor(alert.impact_pico_usd, currency, rates.get(alert.day.replace(day=1))),
        score=alert.score,
        is_rise=alert.is_rise,
        is_provisional=found.today is not None,
        sentence=_sentence(found, subject_words(found.subject, names), parts),
        parts=parts,
        facts=_facts(found, followed.get((found.subject.key, found.unusual.day))),
    )


def _sentence(found: Found, words: str, parts: Mapping[str, int]) -> str:
    alert = found.alert
    band = alert.expected_pico_usd, alert.lower_pico_usd, alert.upper_pico_usd
    begin = words if found.today is None else f"By {found.today.hour}:00 UTC {in_a_sentence(words)}"
    said = [what_it_cost(begin, alert.actual_pico_usd, band, parts)]
    if found.today is not None:
        said.append(still_to_come(found.today.by_its_end.actual_pico_usd))
    if found.unpriced_events:
        said.append(unpriced_words(found.unpriced_events))
    return " ".join(said)


def _facts(found: Found, leader: str | None) -> dict[str, str | int]:
    alert = found.alert
    facts: dict[str, str | int] = {
        "component": alert.component,
        "history_days": found.history_days,
        "episode_first_day": str(alert.episode_first_day),
    }
    if leader is not None:
        facts["parent"] = leader
    if not found.is_told:
        facts["known_later"] = "yes"
    if found.unpriced_events:
        facts["unpriced_events"] = found.unpriced_events
    if found.today is not None:
        facts["until_hour"] = found.today.hour
        facts["until_hour_pico_usd"] = alert.actual_pico_usd
        facts["until_hour_expected_pico_usd"] = alert.expected_pico_usd
    return facts
