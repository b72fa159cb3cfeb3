"""Explains alerts: what each episode's impact is made of, read from the version it was found in and kept with the alert."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import polars as pl

from pricing.alert_explaining import Around, Episode, Used
from pricing.alert_explaining import explain as explained
from pricing.alert_explanation import ChartDay, Explanation, RateExplanation, to_document
from pricing.alert_outlook import CHART_DAYS, SPARSE_DAYS, FoundDay, baseline
from pricing.alert_split import Moved, Prices
from pricing.finding import Subject
from pricing.money import NANO, exponent
from pricing.usage import BUCKETS
from store import alert_keys, alert_reads, alert_sources, alerts
from store.alert_keys import KeySums, Window
from store.alert_reads import StoredAlert, StoredDay
from store.database import Engine, tenant_transaction
from store.warehouse_calls import CallsGone
from store.warehouse_reads import Warehouse

logger = logging.getLogger(__name__)
# Alerts are explained in parts whose days together are at most so many, so that the calls of a year are never held at once.
DAYS_AT_ONCE = 100
HISTORY = timedelta(days=max(CHART_DAYS, SPARSE_DAYS) + 7)


@dataclass(frozen=True)
class _Read:
    """An alert with its days, its subject's cost by day, the days that are its measure, and a log's names for its customer."""

    alert: StoredAlert
    found: tuple[FoundDay, ...]
    daily: Mapping[date, alert_sources.Daily]
    usual: tuple[date, ...]
    refs: Sequence[str] | None

    @property
    def days(self) -> set[date]:
        """All days whose calls are looked at."""
        return {each.day for each in self.found} | set(self.usual)


@dataclass(frozen=True)
class _Books:
    """What all alerts of a version have in common."""

    prices: Prices
    names: Mapping[str | None, str]
    revenue: Mapping[str | None, Mapping[date, int | None]]
    rates: Mapping[date, int | None]
    company: Mapping[date, alert_sources.Daily]


def explain(engine: Engine, home: Path, tenant_id: UUID, view: Warehouse, found: Sequence[StoredAlert]) -> int:
    """Explain these alerts from a version and keep the explanations; how many. One that has an explanation of that version is left alone.

    Cost spikes get their sentence, too. Where the lake's calls cannot be read the API keys are left open, and the log says so.
    """
    asked = [alert for alert in found if alert.explanation_version != view.version]
    with tenant_transaction(engine, tenant_id) as connection:
        days = alert_reads.days_of(connection, [alert.alert_id for alert in asked])
    held = {alert.alert_id: [day for day in days.get(alert.alert_id, []) if not day.is_taken_back] for alert in asked}
    spikes = [alert for alert in asked if alert.detector == "cost_spike" and alert.unit == "pico_usd"]
    made: list[tuple[StoredAlert, Explanation | RateExplanation]] = list(_cost_spikes(home, view, spikes, held))
    done = {alert.alert_id for alert, _ in made}
    made += [
        (alert, _rate(alert, held[alert.alert_id]))
        for alert in asked
        if alert.alert_id not in done and held[alert.alert_id]
    ]
    with tenant_transaction(engine, tenant_id) as connection:
        for alert, explanation in made:
            alerts.explain(
                connection,
                alert.alert_id,
                explanation=to_document(explanation),
                version=view.version,
                sentence=explanation.sentence if isinstance(explanation, Explanation) else None,
            )
    return len(made)


def _cost_spikes(
    home: Path, view: Warehouse, spikes: Sequence[StoredAlert], held: Mapping[UUID, Sequence[StoredDay]]
) -> Iterator[tuple[StoredAlert, Explanation]]:
    reads = [_read(view, alert, _found(held[alert.alert_id])) for alert in spikes if _found(held[alert.alert_id])]
    if not reads:
        return
    books = _Books(
        alert_sources.prices(view),
        alert_sources.customer_names(view),
        alert_sources.net_revenue(view),
        alert_sources.usd_rates(view),
        alert_sources.daily(
            view,
            Subject(scope="company"),
            min(each.found[0].day for each in reads),
            max(each.found[-1].day for each in reads),
        ),
    )
    for part in _parts(reads):
        days = sorted(set().union(*(each.days for each in part)))
        refs = {ref for each in part for ref in each.refs or ()}
        try:
            with alert_keys.key_sums(home, view, days, refs) as keys:
                made = [(each.alert, _explained(view, each, books, keys)) for each in part]
        except CallsGone as problem:
            logger.warning("%s", problem)
            made = [(each.alert, _explained(view, each, books, None)) for each in part]
        yield from made


def _parts(reads: Sequence[_Read]) -> Iterator[list[_Read]]:
    """The alerts in the order of their days, in parts that together look at DAYS_AT_ONCE days at most, or at one alert's."""
    part: list[_Read] = []
    days: set[date] = set()
    for each in sorted(reads, key=lambda one: (one.found[-1].day, one.alert.subject_key)):
        if part and len(days | each.days) > DAYS_AT_ONCE:
            yield part
            part, days = [], set()
        part.append(each)
        days |= each.days
    if part:
        yield part


def _found(days: Sequence[StoredDay]) -> tuple[FoundDay, ...]:
    return tuple(
        FoundDay(
            day=day.day,
            actual=day.actual,
            expected=day.expected,
            lower=day.lower,
            upper=day.upper,
            is_provisional=day.is_provisional,
        )
        for day in days
        if day.actual is not None and day.expected is not None
    )


def _read(view: Warehouse, alert: StoredAlert, found: tuple[FoundDay, ...]) -> _Read:
    today = view.as_of.date()
    daily = alert_sources.daily(view, alert.subject, found[0].day - HISTORY, max(today, found[-1].day))
    usual = baseline({day: each.cost_pico_usd for day, each in daily.items()}, found)
    customer_id = alert.subject.customer_id
    return _Read(
        alert, found, daily, usual, None if customer_id is None else alert_sources.customer_refs(view, customer_id)
    )


def _explained(view: Warehouse, read: _Read, books: _Books, keys: KeySums | None) -> Explanation:
    subject, days = read.alert.subject, [each.day for each in read.found]
    first = read.usual[0] if read.usual else days[0] - timedelta(days=1)
    replaced = alert_sources.replaced_prices(view, books.prices, subject, first, days[-1])
    episode, usual = alert_sources.used(view, subject, days, read.usual)
    moved = _by_key(Window(subject, read.refs, days, read.usual), episode, usual, keys)
    if subject.name is not None:
        # A new price is compared with the old one on the very same calls.
        usual = _at_old_prices(episode, replaced, books.prices)
        moved = Moved(moved.episode, moved.episode)
    used = Used(
        episode=episode,
        baseline=usual,
        api_keys=moved,
        daily={day: each.cost_pico_usd for day, each in read.daily.items()},
        baseline_days=read.usual,
        unpriced_events=sum(read.daily[day].unpriced_events for day in days if day in read.daily),
        company_pico_usd=sum(books.company[day].cost_pico_usd for day in days if day in books.company),
        prices=books.prices,
        price_changes=tuple(change for each in replaced for change in each.changes),
    )
    alert = read.alert
    of_alert = Episode(subject=subject, days=read.found, is_open=alert.is_open, impact_minor=alert.impact_minor)
    return explained(of_alert, used, _around(view, read, books))


def _by_key(window: Window, episode: pl.DataFrame, usual: pl.DataFrame, keys: KeySums | None) -> Moved:
    return alert_keys.without_keys(episode, usual) if keys is None else keys.moved(window, episode, usual)


def _at_old_prices(episode: pl.DataFrame, replaced: Sequence[alert_sources.Replaced], prices: Prices) -> pl.DataFrame:
    """The same usage under the entries that held before; what did not change stays as it is."""
    old = {each.price_id: each.old_price_id for each in replaced}
    rows = []
    for row in episode.iter_rows(named=True):
        before = old.get(row["price_id"])
        if before is not None:
            now = prices[row["price_id"]]
            row["cost_pico_usd"] -= sum(
                row[bucket] * ((now[bucket] or 0) - (prices[before][bucket] or 0)) for bucket in BUCKETS
            )
            row["price_id"] = before
        rows.append(row)
    return pl.DataFrame(rows, schema=episode.schema)


def _around(view: Warehouse, read: _Read, books: _Books) -> Around:
    rate = books.rates.get(read.found[-1].day.replace(day=1))
    unit = Fraction(10 ** exponent(view.reporting_currency), NANO * 10**12)
    return Around(
        customers=books.names,
        customer_revenue=books.revenue.get(read.alert.customer_id, {}) if read.alert.customer_id is not None else {},
        company_revenue=books.revenue.get(None, {}),
        currency=view.reporting_currency,
        minor_per_pico_usd=None if rate is None else unit * rate,
        today=view.as_of.date(),
    )


def _rate(alert: StoredAlert, days: Sequence[StoredDay]) -> RateExplanation:
    """Another detector's alert: the rule's own numbers of its last day, and its days as they were found."""
    last = days[-1]
    return RateExplanation(
        unit=alert.unit,
        facts=last.facts,
        days=tuple(
            ChartDay(
                day=day.day, actual=day.actual, expected=day.expected, lower=day.lower, upper=day.upper, is_found=True
            )
            for day in days
        ),
        sentence=last.sentence,
    )
