"""Whether first payments fail, or payments are refunded, more often than in the tenant's own past, beyond what chance does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from pricing.finding import Finding, Subject
from pricing.share_interval import Z95, rise_at_least_ppm, wilson_ppm
from pricing.watch_words import MILLION, counted, percent, points, ppm
from pricing.watching import Watching, as_score, clears_fact

RateDetector = Literal["failed_payment_rate", "refund_rate"]
WINDOWS_DAYS = (7, 28)
PAST_DAYS = 84
# With fewer, one payment more or less moves the share by points.
LEAST_WHOLE, LEAST_PART, LEAST_PAST = 20, 5, 50
CLEARS_RISE = Fraction(1, 2)
COMPANY = Subject(scope="company")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfPayments:
    """A UTC day: how many payments there were, on how many of them it happened, and what that came to.

    `part_minor` is in the reporting currency; None where an amount has no exchange rate.
    """

    day: date
    whole: int
    part: int
    part_minor: int | None


@dataclass(frozen=True, slots=True)
class _Sums:
    part: int
    whole: int
    minor: int | None

    @property
    def share(self) -> Fraction:
        return Fraction(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class _Rise:
    days: int
    now: _Sums
    before: _Sums
    score: Fraction


def payment_rate(detector: RateDetector, days: Sequence[DayOfPayments], watching: Watching) -> list[Finding]:
    """The worse of the last 7 and 28 days (the running one included) against the 84 days before each, where it is beyond the limit.

    The score is the rise of the share over the limit (points), 0 where Newcombe's interval of the rise (99.98 %, as it is asked daily) reaches to nothing.
    """
    limit_ppm = watching.limits.of(detector, COMPANY)
    if limit_ppm is None:
        return []
    is_open = watching.is_open(detector, COMPANY)
    rises = [_rise(days, length, limit_ppm, watching.day, is_open=is_open) for length in WINDOWS_DAYS]
    worst = max((rise for rise in rises if rise is not None), key=lambda rise: rise.score, default=None)
    if worst is None or not watching.speaks(detector, COMPANY, worst.score, CLEARS_RISE):
        return []
    return [_finding(detector, worst, limit_ppm, watching)]


def _rise(days: Sequence[DayOfPayments], length: int, limit_ppm: int, today: date, *, is_open: bool) -> _Rise | None:
    first = today - timedelta(days=length - 1)
    now = _sum([day for day in days if first <= day.day <= today])
    before = _sum([day for day in days if first - timedelta(days=PAST_DAYS) <= day.day < first])
    if now.whole < LEAST_WHOLE or now.part < LEAST_PART or before.whole < LEAST_PAST:
        return None
    is_beyond_chance = rise_at_least_ppm((now.part, now.whole), (before.part, before.whole)) > 0
    rise = now.share - before.share
    # Chance is asked once: an alert that is open ends when the rise is gone, not when fewer payments make it less sure.
    counts = is_beyond_chance or is_open
    return _Rise(length, now, before, Fraction(MILLION, limit_ppm) * rise if counts else Fraction(0))


def _sum(days: Sequence[DayOfPayments]) -> _Sums:
    minors = [day.part_minor for day in days]
    known = [minor for minor in minors if minor is not None]
    whole = sum(day.whole for day in days)
    # A payment of an earlier day may be refunded in the window: of no more than all can it have happened to.
    part = min(whole, sum(day.part for day in days))
    return _Sums(part, whole, sum(known) if len(known) == len(minors) else None)


_WORDS: dict[RateDetector, tuple[str, str, str, str]] = {
    "failed_payment_rate": (
        "{part} of {whole} failed at the first try",
        "first payment",
        "Look at the decline codes on Recovery: one code or one bank points to a cause that can be mended.",
        "first try of each invoice, as mirrored from Stripe",
    ),
    "refund_rate": (
        "{part} of {whole} were refunded",
        "payment",
        "Look at the reasons on Refunds: one reason in common points to a cause.",
        "refunds by the day they were made, over payments of the same days, as mirrored from Stripe",
    ),
}


def _finding(detector: RateDetector, rise: _Rise, limit_ppm: int, watching: Watching) -> Finding:
    now, before = rise.now, rise.before
    happened, what, advice, source = _WORDS[detector]
    low, high = wilson_ppm(now.part, now.whole, z=Z95)
    usual_low, usual_high = wilson_ppm(before.part, before.whole, z=Z95)
    share, usual = ppm(now.share), ppm(before.share)
    more = _beyond_usual(now, before)
    said = happened.format(part=f"{now.part:,}", whole=counted(now.whole, what))
    amount = f", {watching.money(now.minor)} in all" if now.minor is not None else ""
    return Finding(
        detector=detector,
        subject=COMPANY,
        day=watching.day,
        unit="ppm",
        actual=share,
        expected=usual,
        lower=usual_low,
        upper=usual_high,
        impact_minor=more,
        score=as_score(rise.score),
        is_provisional=True,
        sentence=(
            f"{said} in the last {rise.days} days ({percent(share)}{amount}), {points(share - usual)} more than the {percent(usual)} "
            f"of the {PAST_DAYS} days before; by chance alone that is hardly so. {advice}"
        ),
        facts={
            "numerator": now.part,
            "denominator": now.whole,
            "usual_numerator": before.part,
            "usual_denominator": before.whole,
            "threshold_ppm": limit_ppm,
            "lower_95_ppm": low,
            "upper_95_ppm": high,
            "rise_at_least_ppm": rise_at_least_ppm((now.part, now.whole), (before.part, before.whole)),
            "days": rise.days,
            "amount_minor": now.minor if now.minor is not None else "unknown: an amount has no exchange rate",
            "source": source,
            **clears_fact(CLEARS_RISE),
        },
    )


def _beyond_usual(now: _Sums, before: _Sums) -> int | None:
    """The part of the amount that is beyond the usual share of the same payments."""
    if now.minor is None or now.share <= 0:
        return None
    return round(now.minor * (now.share - before.share) / now.share)
