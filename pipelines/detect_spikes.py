"""Finds cost spikes in a published version: unusual days of the company, its customers, providers, models and features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pricing.anomaly_alerts import USUAL_DAYS, Alert, alerts, part_pico_usd
from pricing.anomaly_causes import Cells, Unusual, drivers, leaders, only_moved
from pricing.anomaly_detector import judge
from pricing.anomaly_lateness import LateDay, last_closed_day, late_days
from pricing.anomaly_limits import limits, stake_pico_usd
from pricing.anomaly_subjects import QUANTITIES, Subjects, scopes_in, subject_words, subjects_of
from pricing.anomaly_words import price_sentence, unpriced_words, what_it_cost
from pricing.finding import Detector, Finding, Subject
from pricing.margin import cost_minor
from store import warehouse_spikes
from store.warehouse_reads import Warehouse
from store.warehouse_spikes import PriceChange

DETECTOR: Detector = "cost_spike"
# Days that are judged anew at each run: late data restate them.
LEAST_DAYS = 7
# The longest look back of any component: a scale of ten weeks, compared with the maxima of four months.
HISTORY_DAYS = 260
# Before two weeks are known nobody can tell a weekday from a spike.
LEAST_HISTORY_DAYS = 14
# Episodes are followed from their beginning, so that the same subject leads them on each day.
EPISODE_DAYS = 60


@dataclass(frozen=True)
class Detected:
    """What was found, by day; the days whose usage is late; how many series were judged, on how many days in all."""

    findings: list[Finding]
    late_days: list[LateDay]
    series: int
    series_days: int


@dataclass(frozen=True)
class _Found:
    """An alert with its subject, the subject's cost by day, and the numbers of days around it."""

    subject: Subject
    alert: Alert
    unusual: Unusual
    cost_pico_usd: NDArray[np.int64]
    history_days: int
    unpriced_events: int


def detect(
    view: Warehouse,
    *,
    now: datetime,
    tunings: Mapping[tuple[Detector, str], Fraction] | None = None,
    since: date | None = None,
) -> Detected:
    """Judge the closed days from `since` on (the last seven without it, and at the least) of every subject with usage.

    `tunings` multiply the limit of a subject, or of all under the key ''. Days are UTC; `now` tells which are over.
    """
    span = warehouse_spikes.span(view)
    if span is None:
        return Detected([], [], 0, 0)
    arrived = warehouse_spikes.arrival(view)
    last = last_closed_day(span[1], arrived.latest_record_at, now)
    since = min(since or last, last - timedelta(days=LEAST_DAYS - 1))
    days = max(span[0], since - timedelta(days=HISTORY_DAYS)), last
    if days[0] > last:
        return Detected([], [], 0, 0)
    usage = warehouse_spikes.daily_costs(view, *days)
    late = late_days(usage.filter(scope="customer_provider"), *days, now.date())
    judged_from = max(0, (since - days[0]).days)
    looked_from = max(0, judged_from - EPISODE_DAYS)
    scoped = [subjects_of(usage, scope, days, late) for scope in scopes_in(usage)]
    stake = stake_pico_usd(scoped)
    found = [each for subjects in scoped for each in _found(subjects, looked_from, stake, tunings or {})]
    told = _told(view, found, days, since)
    told += [_price_finding(change, view, stake) for change in warehouse_spikes.price_changes(view, since, last)]
    return Detected(
        findings=sorted((each for each in told if each.score >= 1), key=lambda each: (each.day, each.subject.key)),
        late_days=[each for each in late if each.day >= since],
        series=sum(len(each.subjects) for each in scoped),
        series_days=sum(int((~np.isnan(each.series.fixed_cost[:, judged_from:])).sum()) for each in scoped),
    )


def _found(
    subjects: Subjects, since: int, stake: int, tunings: Mapping[tuple[Detector, str], Fraction]
) -> list[_Found]:
    """The unusual days of one scope, each with a day's cost that went the way that surprised."""
    series = subjects.series
    judged = judge(series.fixed_cost, series.requests)
    least = limits(subjects, {key: factor for (detector, key), factor in tunings.items() if detector == DETECTOR})
    found = []
    for alert in alerts(series, judged, subjects.usage, QUANTITIES, at_stake_pico_usd=stake, limits=least, since=since):
        first, day = ((each - series.first_day).days for each in (alert.episode_first_day, alert.day))
        if (alert.impact_pico_usd > 0) != alert.is_rise or not alert.impact_pico_usd:
            continue
        known = int((~np.isnan(series.fixed_cost[alert.series, :first])).sum())
        if known < LEAST_HISTORY_DAYS:
            continue
        usual = slice(max(0, first - USUAL_DAYS), first)
        mean = float(series.cost_pico_usd[alert.series, usual].mean()) if first else 0.0
        scale = alert.expected_pico_usd / mean if mean else 0.0
        subject = subjects.subjects[alert.series]
        found.append(
            _Found(
                subject,
                alert,
                Unusual(subject, day, alert.impact_pico_usd, usual, scale),
                cost_pico_usd=series.cost_pico_usd[alert.series],
                history_days=known,
                unpriced_events=int(subjects.unpriced[alert.series, day]),
            )
        )
    return found


def _told(view: Warehouse, found: Sequence[_Found], days: tuple[date, date], since: date) -> list[Finding]:
    """What was found as findings, each with its parts and with the one that leads it."""
    if not found:
        return []
    customers = {each.subject.customer_id for each in found if each.subject.customer_id is not None}
    rows = warehouse_spikes.cells(view, *days, customers)
    cells = Cells(rows, days[0], (days[1] - days[0]).days + 1)
    found = [each for each in found if not only_moved(each.unusual, cells)]
    followed = leaders([each.unusual for each in found], cells)
    found += _going_on(found, followed)
    names, rates = warehouse_spikes.customer_names(view), warehouse_spikes.usd_rates(view)
    return [
        _finding(each, view.reporting_currency, cells, followed, names, rates)
        for each in found
        if each.alert.day >= since
    ]


def _going_on(found: Sequence[_Found], followed: Mapping[tuple[str, int], str]) -> list[_Found]:
    """The days on which a cause is not unusual any more by itself, and others still are because of it."""
    own = {(each.subject.key, each.unusual.day) for each in found}
    last: dict[str, _Found] = {}
    added: dict[tuple[str, int], _Found] = {}
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
    found: _Found,
    currency: str,
    cells: Cells,
    followed: Mapping[tuple[str, int], str],
    names: dict[str, str],
    rates: Mapping[date, int | None],
) -> Finding:
    alert, subject = found.alert, found.subject
    band = alert.expected_pico_usd, alert.lower_pico_usd, alert.upper_pico_usd
    parts = part_pico_usd(drivers(found.unusual, alert.expected_pico_usd, alert.actual_pico_usd, cells))
    parts = {name: amount for name, amount in parts.items() if amount}
    facts: dict[str, str | int] = {
        "component": alert.component,
        "history_days": found.history_days,
        "episode_first_day": str(alert.episode_first_day),
    }
    if (leader := followed.get((subject.key, found.unusual.day))) is not None:
        facts["parent"] = leader
    sentence = what_it_cost(subject_words(subject, names), alert.actual_pico_usd, band, parts)
    if found.unpriced_events:
        facts["unpriced_events"] = found.unpriced_events
        sentence += f" {unpriced_words(found.unpriced_events)}"
    return Finding(
        detector=DETECTOR,
        subject=subject,
        day=alert.day,
        unit="pico_usd",
        actual=alert.actual_pico_usd,
        expected=alert.expected_pico_usd,
        lower=alert.lower_pico_usd,
        upper=alert.upper_pico_usd,
        impact_minor=cost_minor(alert.impact_pico_usd, currency, rates.get(alert.day.replace(day=1))),
        score=alert.score,
        is_rise=alert.is_rise,
        sentence=sentence,
        parts=parts,
        facts=facts,
    )


def _price_finding(change: PriceChange, view: Warehouse, stake: int) -> Finding:
    """One finding for a model's new price, on its first day: what that day's calls cost beyond the old one."""
    impact = change.actual_pico_usd - change.before_pico_usd
    rates = warehouse_spikes.usd_rates(view)
    subject = Subject(scope="model", provider=change.provider, model=change.model, name="price")
    return Finding(
        detector=DETECTOR,
        subject=subject,
        day=change.day,
        unit="pico_usd",
        actual=change.actual_pico_usd,
        expected=change.before_pico_usd,
        impact_minor=cost_minor(impact, view.reporting_currency, rates.get(change.day.replace(day=1))),
        score=abs(impact) / stake,
        is_rise=impact > 0,
        sentence=price_sentence(change.model, change.actual_pico_usd, change.before_pico_usd, change.customers),
        parts={"token_price": impact},
        facts={"component": "price", "price_key": change.price_key, "customers": change.customers},
    )
