"""Customers and companies whose margin of 30 days is below its floor, and customers whose AI has begun to cost more than they bring."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from pricing.coverage import too_low
from pricing.finding import Finding, Subject
from pricing.margin import Margin
from pricing.watch_words import MILLION, day_words, percent, possessive, ppm
from pricing.watching import CLEARS, Watching, as_score, clears_fact

DAYS = 30
# Below this a margin is one call more or less; US cents of net revenue in 30 days.
LEAST_REVENUE_USD_MINOR, LEAST_COMPANY_REVENUE_USD_MINOR = 20_00, 100_00
CLEARS_LOSS = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A customer's (or the company's: both None) DAYS days until before `end` (UTC), whose revenue and usage are both complete.

    `margin` counts only usage without a price as open: `margin.low` has it at its dearest. `earned_minor` is the revenue of the days
    before refunds and disputes, which belong to other days; None where a part has no exchange rate.
    """

    customer_id: str | None
    name: str | None
    end: date
    net_revenue_minor: int | None
    earned_minor: int | None
    margin: Margin

    @property
    def first(self) -> date:
        """The first of the days."""
        return self.end - timedelta(days=DAYS)

    @property
    def last(self) -> date:
        """The last of the days."""
        return self.end - timedelta(days=1)

    @property
    def subject(self) -> Subject:
        """Whom a finding is about."""
        return Subject(scope="customer", customer_id=self.customer_id) if self.customer_id else Subject(scope="company")


@dataclass(frozen=True, slots=True)
class _Known:
    """A margin all of which is known, its band included."""

    net_minor: int
    cost_minor: int
    share: Fraction
    low: Fraction
    high: Fraction


def _known(period: Period, watching: Watching) -> _Known | None:
    """None where a part is unknown, a coverage too low, or the revenue too small to speak of."""
    margin, net = period.margin, period.net_revenue_minor
    least = watching.limits.of_dollars(
        LEAST_REVENUE_USD_MINOR if period.customer_id else LEAST_COMPANY_REVENUE_USD_MINOR
    )
    if least is None or net is None or net < least or too_low(margin.coverage):
        return None
    if margin.share is None or margin.cost_minor is None or margin.low is None or margin.high is None:
        return None
    return _Known(net, margin.cost_minor, margin.share, margin.low, margin.high)


def margin_floor(periods: Iterable[Period], watching: Watching) -> list[Finding]:
    """Margins below their floor, where they are known: an unknown margin is no low one."""
    return [found for period in periods if (found := _margin_floor(period, watching)) is not None]


def _margin_floor(period: Period, watching: Watching) -> Finding | None:
    """The score is AI cost as a share of what the floor lets it be; 1 where only the dear end of the band is beyond it."""
    floor_ppm, known = watching.limits.of("margin_floor", period.subject), _known(period, watching)
    if floor_ppm is None or known is None:
        return None
    allowed = 1 - Fraction(floor_ppm, MILLION)
    score = _of(1 - known.high, allowed)
    is_certain = score >= 1
    if not is_certain and 1 - known.low >= allowed:
        score = Fraction(1)
    if not watching.speaks("margin_floor", period.subject, score):
        return None
    return Finding(
        detector="margin_floor",
        subject=period.subject,
        day=watching.day,
        unit="ppm",
        actual=ppm(known.share),
        expected=floor_ppm,
        lower=ppm(known.low),
        upper=ppm(known.high),
        impact_minor=max(0, known.cost_minor - int(allowed * known.net_minor)) if is_certain else None,
        score=as_score(score),
        is_rise=False,
        sentence=_floor_sentence(known, period, floor_ppm, watching, is_certain=is_certain),
        facts={
            "numerator_minor": known.net_minor - known.cost_minor,
            "denominator_minor": known.net_minor,
            "ai_cost_minor": known.cost_minor,
            "threshold_ppm": floor_ppm,
            "first_day": period.first.isoformat(),
            "last_day": period.last.isoformat(),
            "source": "revenue by service period and effective AI cost of the same days",
            **clears_fact(CLEARS),
        },
    )


def _of(part: Fraction, whole: Fraction) -> Fraction:
    """A floor of 100 % lets nothing be spent: any cost is then far beyond it."""
    return part / whole if whole else Fraction(1_000 if part > 0 else 0)


def _floor_sentence(known: _Known, period: Period, floor_ppm: int, watching: Watching, *, is_certain: bool) -> str:
    who = possessive(period.name or period.customer_id) if period.customer_id else "Your"
    share, floor = percent(ppm(known.share)), percent(floor_ppm)
    days = f"in the {DAYS} days to {day_words(period.last)}"
    if not is_certain and known.low < Fraction(floor_ppm, MILLION):
        return (
            f"{who} gross margin (AI usage only) may be below its floor of {floor}: {share} {days} by the usage that has a price, and "
            f"down to {percent(ppm(known.low))} with the rest at its dearest. Give the models without a price one to know."
        )
    if not is_certain:
        return f"{who} gross margin (AI usage only) is back at {share} {days}, hardly above its floor of {floor}."
    amounts = f"{watching.money(known.net_minor)} of revenue, {watching.money(known.cost_minor)} of AI cost"
    advice = (
        "See which customers pull it down on Margins."
        if period.customer_id is None
        else "Raise the price, limit the usage or move it to a cheaper model; What-if shows what each would bring."
    )
    return f"{who} gross margin (AI usage only) was {share} {days}, below its floor of {floor}: {amounts}. {advice}"


def turned_unprofitable(pairs: Iterable[tuple[Period, Period]], watching: Watching) -> list[Finding]:
    """Customers, each as (the DAYS days before, the last ones), who made money and now cost more than they bring."""
    return [found for before, now in pairs if (found := _turned_unprofitable(before, now, watching)) is not None]


def _turned_unprofitable(before: Period, now: Period, watching: Watching) -> Finding | None:
    """The score is the loss over the least that counts. Known cost is enough: what has no price only adds to the loss."""
    least_loss = watching.limits.of("turned_unprofitable", now.subject)
    earned, cost = now.earned_minor, now.margin.cost_minor
    if least_loss is None or earned is None or cost is None or now.customer_id is None:
        return None
    loss = cost - earned
    score = Fraction(max(0, loss), least_loss)
    is_open = watching.is_open("turned_unprofitable", now.subject)
    # Whoever has turned stays so: a month later "the days before" are loss-making too.
    if not (is_open or _was_profitable(before, watching)):
        return None
    if not watching.speaks("turned_unprofitable", now.subject, score, CLEARS_LOSS):
        return None
    was = before.earned_minor
    spent_before = before.margin.cost_minor
    left = None if was is None or spent_before is None else was - spent_before
    before_words = f"; the {DAYS} days before left {watching.money(left)}" if left is not None and left > 0 else ""
    return Finding(
        detector="turned_unprofitable",
        subject=now.subject,
        day=watching.day,
        unit="minor",
        actual=cost,
        expected=earned,
        impact_minor=loss,
        score=as_score(score),
        sentence=(
            f"{now.name} now costs more than it brings: {watching.money(cost)} of AI cost against {watching.money(earned)} of revenue "
            f"in the {DAYS} days to {day_words(now.last)}, a loss of {watching.money(loss)}{before_words}. "
            "Talk to them about their plan, or limit what it includes."
        ),
        facts={
            "numerator_minor": cost,
            "denominator_minor": earned,
            "threshold_minor": least_loss,
            "before_ai_cost_minor": spent_before if spent_before is not None else "unknown",
            "before_revenue_minor": was if was is not None else "unknown",
            "first_day": now.first.isoformat(),
            "last_day": now.last.isoformat(),
            "source": "revenue by service period (before refunds) and effective AI cost of the same days",
            **clears_fact(CLEARS_LOSS),
        },
    )


def _was_profitable(before: Period, watching: Watching) -> bool:
    """Earned enough to speak of, more than the days cost at the most, and was measured well enough to say so."""
    least = watching.limits.of_dollars(LEAST_REVENUE_USD_MINOR)
    earned, margin = before.earned_minor, before.margin
    if least is None or earned is None or earned < least or margin.cost_minor is None or margin.low is None:
        return False
    return not too_low(margin.coverage) and margin.cost_minor < earned and margin.low > 0
