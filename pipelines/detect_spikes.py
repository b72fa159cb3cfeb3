"""Finds cost spikes in a published version: unusual days of the company, its customers, providers, models and features."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from pipelines.detect_today import running_day
from pipelines.spike_findings import DETECTOR, Tunings, customers_of, findings, unusual_days
from pricing.anomaly_lateness import LateDay, last_closed_day, late_days
from pricing.anomaly_limits import stake_pico_usd
from pricing.anomaly_subjects import scopes_in, subjects_of
from pricing.anomaly_words import price_sentence
from pricing.finding import Finding, Subject
from pricing.margin import cost_minor
from store import warehouse_spikes
from store.warehouse_reads import Warehouse
from store.warehouse_spikes import PriceChange

# Days that are judged anew at each run: late data restate them.
LEAST_DAYS = 7
# The longest look back of any component: a scale of ten weeks, compared with the maxima of four months.
HISTORY_DAYS = 260
# Episodes are followed from their beginning, so that the same subject leads them on each day.
EPISODE_DAYS = 60


@dataclass(frozen=True)
class Detected:
    """What was found, by day; the days whose usage is late; how many series were judged, on how many days in all."""

    findings: list[Finding]
    late_days: list[LateDay]
    series: int
    series_days: int


def detect(
    view: Warehouse,
    *,
    now: datetime,
    tunings: Tunings | None = None,
    since: date | None = None,
) -> Detected:
    """Judge the closed days from `since` on (the last seven without it, and at the least) of every subject with usage, and the running one.

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
    usage = warehouse_spikes.daily_costs(view, days[0], span[1])
    late = late_days(usage, *days, now.date())
    judged_from = max(0, (since - days[0]).days)
    looked_from = max(0, judged_from - EPISODE_DAYS)
    scoped = [subjects_of(usage, scope, days, late) for scope in scopes_in(usage)]
    stake = stake_pico_usd(scoped)
    found = [each for subjects in scoped for each in unusual_days(subjects, looked_from, stake, tunings or {})]
    told = findings(view, found, warehouse_spikes.cells(view, *days, customers_of(found)), days, since) if found else []
    told += [_price_finding(change, view, stake) for change in warehouse_spikes.price_changes(view, since, last)]
    told += running_day(view, usage, late, stake, tunings or {})
    return Detected(
        findings=sorted((each for each in told if each.score >= 1), key=lambda each: (each.day, each.subject.key)),
        late_days=[each for each in late if each.day >= since],
        series=sum(len(each.subjects) for each in scoped),
        series_days=sum(int((~np.isnan(each.series.fixed_cost[:, judged_from:])).sum()) for each in scoped),
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
