"""Models without a price that begin to matter, coverages that fall, and metered invoices that charge other than what was used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from pricing.coverage import COVERAGE_MIN
from pricing.finding import Finding, Subject
from pricing.watch_words import MILLION, counted, day_words, percent, points, ppm
from pricing.watching import CLEARS, Watching, as_score, clears_fact

UNPRICED_DAYS, COVERAGE_DAYS, COVERAGE_BEFORE_DAYS = 28, 7, 28
LEAST_UNPRICED_EVENTS, LEAST_COVERAGE_EVENTS = 20, 100
LEAST_UNPRICED_USD_MINOR, LEAST_COVERAGE_USD_MINOR = 1_00, 1_00
# A quantity is rounded to whole units: with so many, one unit is 2 %.
LEAST_UNITS, LEAST_DRIFT_USD_MINOR = 50, 1_00
CLEARS_COVERAGE = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpricedModel:
    """A model's usage without a price in UNPRICED_DAYS days: of all the company's tokens or, where it has none, events.

    The band is what it may have cost in the reporting currency (pricing.price_ranges); None where nobody lists a price.
    """

    provider: str | None
    model: str | None
    events: int
    tokens: int
    all_events: int
    all_tokens: int
    low_minor: int | None
    high_minor: int | None
    first_day: date

    @property
    def name(self) -> str:
        """As the price book names it: provider/model."""
        return "/".join(part for part in (self.provider, self.model) if part) or "usage without a model"


def unpriced_spend(models: Iterable[UnpricedModel], watching: Watching) -> list[Finding]:
    """Models without a price that have more than the limit of the usage. A count, no sample: chance has no part in it."""
    return [found for model in models if (found := _unpriced(model, watching)) is not None]


def _unpriced(model: UnpricedModel, watching: Watching) -> Finding | None:
    subject = Subject(scope="model", provider=model.provider, model=model.model)
    limit_ppm, least = (
        watching.limits.of("unpriced_spend", subject),
        watching.limits.of_dollars(LEAST_UNPRICED_USD_MINOR),
    )
    if limit_ppm is None or model.events < LEAST_UNPRICED_EVENTS:
        return None
    # What costs next to nothing even at its dearest is no news; what nobody knows the price of is.
    if model.high_minor is not None and (least is None or model.high_minor < least):
        return None
    part, whole, unit = (
        (model.tokens, model.all_tokens, "token") if model.tokens else (model.events, model.all_events, "event")
    )
    share = Fraction(part, whole)
    score = share * MILLION / limit_ppm
    if not watching.speaks("unpriced_spend", subject, score):
        return None
    band = (
        f"It cost between {watching.money(model.low_minor)} and {watching.money(model.high_minor)} by what its provider lists"
        if model.low_minor is not None and model.high_minor is not None
        else "What it cost nobody can say: no price is listed for it anywhere"
    )
    return Finding(
        detector="unpriced_spend",
        subject=subject,
        day=watching.day,
        unit="ppm",
        actual=ppm(share),
        expected=0,
        score=as_score(score),
        sentence=(
            f"{model.name} has no price: {counted(part, unit)} in {UNPRICED_DAYS} days, {percent(ppm(share))} of all. {band}, and no "
            "margin counts it. Give it a price on Price book."
        ),
        facts={
            "numerator": part,
            "denominator": whole,
            "counted_in": f"{unit}s",
            "events": model.events,
            "threshold_ppm": limit_ppm,
            "low_minor": model.low_minor if model.low_minor is not None else "unknown",
            "high_minor": model.high_minor if model.high_minor is not None else "unknown",
            "first_day": model.first_day.isoformat(),
            "source": "usage without a price entry; the band is the 5th to 95th percentile of the provider's list",
            **clears_fact(CLEARS),
        },
    )


CoverageName = Literal["priced", "attributed", "reconciled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSpan:
    """A coverage of the last days and of those before, each None where it was not measured; `events` are of the last days.

    `open_minor` is what is not covered of the last days' cost in the reporting currency; None where nobody can say.
    """

    name: CoverageName
    now: Fraction | None
    before: Fraction | None
    events: int
    open_minor: int | None
    last_day: date
    days: int


_COVERS: dict[CoverageName, tuple[str, str]] = {
    "priced": ("of the usage has a price", "Give the models without a price one on Price book."),
    "attributed": (
        "of the AI cost belongs to a known customer",
        "Map the names without a customer (Overview lists them).",
    ),
    "reconciled": (
        "of the AI cost agrees with the providers' bills",
        "Usage bills shows which day and model differ, and why.",
    ),
}


def coverage_drop(spans: Iterable[CoverageSpan], watching: Watching) -> list[Finding]:
    """Coverages that fell by the limit against the days before, or are below the 95 % that a known margin needs."""
    return [found for span in spans if (found := _coverage_drop(span, watching)) is not None]


def _coverage_drop(span: CoverageSpan, watching: Watching) -> Finding | None:
    subject = Subject(scope="company", name=span.name)
    limit_ppm, least = (
        watching.limits.of("coverage_drop", subject),
        watching.limits.of_dollars(LEAST_COVERAGE_USD_MINOR),
    )
    if span.now is None or limit_ppm is None or span.events < LEAST_COVERAGE_EVENTS:
        return None
    if span.open_minor is not None and (least is None or span.open_minor < least):
        return None
    fell = (span.before - span.now) * MILLION / limit_ppm if span.before is not None else Fraction(0)
    missing = (1 - span.now) / (1 - COVERAGE_MIN)
    # Exactly 95 % is enough; a fall of exactly the limit is not.
    is_too_low = span.now < COVERAGE_MIN
    score = max(fell, missing if is_too_low else min(missing, Fraction(99, 100)), Fraction(0))
    if not watching.speaks("coverage_drop", subject, score, CLEARS_COVERAGE if fell > missing else CLEARS):
        return None
    covers, advice = _COVERS[span.name]
    now, before = ppm(span.now), None if span.before is None else ppm(span.before)
    was = "" if before is None else f", {percent(before)} in the four weeks before"
    down = f" ({points(before - now)} down)" if before is not None and before > now else ""
    consequence = f"Below {percent(ppm(COVERAGE_MIN))} every margin is shown as unknown. " if is_too_low else ""
    return Finding(
        detector="coverage_drop",
        subject=subject,
        day=watching.day,
        unit="ppm",
        actual=now,
        expected=before,
        impact_minor=None,
        score=as_score(score),
        is_rise=False,
        sentence=f"Only {percent(now)} {covers} in the {span.days} days to {day_words(span.last_day)}{was}{down}. {consequence}{advice}",
        facts={
            "coverage": span.name,
            "share_ppm": now,
            "before_ppm": before if before is not None else "not measured",
            "events": span.events,
            "threshold_ppm": limit_ppm,
            "needed_ppm": ppm(COVERAGE_MIN),
            "is_too_low": int(is_too_low),
            "open_minor": span.open_minor if span.open_minor is not None else "unknown",
            "source": "usage cube and bills of the published version",
            **clears_fact(CLEARS),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredPeriod:
    """What a metered price charged a customer for in a closed period, in its own units, beside what the usage log has of it.

    `charged_minor` is the line's amount in the reporting currency (None without a rate); times are UTC, the end exclusive.
    """

    customer_id: str
    customer: str
    price: str
    unit: str
    period_start: datetime
    period_end: datetime
    charged_quantity: int
    logged_quantity: int | None
    charged_minor: int | None


def meter_drift(periods: Sequence[MeteredPeriod], watching: Watching) -> list[Finding]:
    """The newest closed period of each customer and metered price, where invoice and usage log differ by more than the limit."""
    newest: dict[tuple[str, str], MeteredPeriod] = {}
    for period in periods:
        held = newest.get((period.customer_id, period.price))
        if held is None or held.period_end < period.period_end:
            newest[period.customer_id, period.price] = period
    return [found for period in newest.values() if (found := _meter_drift(period, watching)) is not None]


def _meter_drift(period: MeteredPeriod, watching: Watching) -> Finding | None:
    subject = Subject(scope="meter", customer_id=period.customer_id, name=period.price)
    limit_ppm, least = watching.limits.of("meter_drift", subject), watching.limits.of_dollars(LEAST_DRIFT_USD_MINOR)
    charged, logged = period.charged_quantity, period.logged_quantity
    if limit_ppm is None or logged is None or max(charged, logged) < LEAST_UNITS:
        return None
    gap = charged - logged
    share = Fraction(abs(gap), max(charged, logged))
    score = share * MILLION / limit_ppm
    impact = (
        round(Fraction(gap * period.charged_minor, charged)) if charged and period.charged_minor is not None else None
    )
    if impact is not None and (least is None or abs(impact) < least):
        return None
    if not watching.speaks("meter_drift", subject, score):
        return None
    worth = f", about {watching.money(abs(impact))} at the price they paid" if impact is not None else ""
    which = "more" if gap > 0 else "less"
    advice = (
        "They may have been charged too much: compare before they do."
        if gap > 0
        else "You may have given usage away: see whether what you report to Stripe's meter is complete."
    )
    dates = f"{day_words(period.period_start.date())} to {day_words(period.period_end.date())}"
    return Finding(
        detector="meter_drift",
        subject=subject,
        day=watching.day,
        unit="count",
        actual=charged,
        expected=logged,
        impact_minor=impact,
        score=as_score(score),
        is_rise=gap > 0,
        sentence=(
            f"{period.customer} was charged for {charged:,} {period.unit} ({period.price}, {dates}); the usage log has {logged:,}: "
            f"{percent(ppm(share))} {which} on the invoice{worth}. {advice}"
        ),
        facts={
            "numerator": abs(gap),
            "denominator": max(charged, logged),
            "threshold_ppm": limit_ppm,
            "charged_minor": period.charged_minor if period.charged_minor is not None else "unknown: no exchange rate",
            "period_start": period.period_start.isoformat(),
            "period_end": period.period_end.isoformat(),
            "source": "metered invoice lines of Stripe and the usage log of the same UTC days",
            **clears_fact(CLEARS),
        },
    )
