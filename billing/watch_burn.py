"""Customers whose payment failed and whose AI cost goes on: what they burn a day, have burned, and will until the last try."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from billing.retry_schedule import GIVE_UP_AFTER
from pricing.finding import Finding, Subject
from pricing.money import divide_half_away
from pricing.watch_words import counted, day_words
from pricing.watching import Watching, as_score, clears_fact

RECENT_DAYS = 7
# Usage within so many days of the newest known day is still going on.
STILL_DAYS = 3
CLEARS_BURN = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burner:
    """A customer with invoices in recovery: the oldest failure, what they owe, and their AI cost in the reporting currency.

    Costs are None without an exchange rate and of closed days to `known_until`: `since_minor` from the day of the failure on,
    `recent_minor` of the last RECENT_DAYS; `last_used` is their newest day with usage.
    """

    customer_id: str
    name: str
    failed_at: datetime
    invoices: int
    owed_minor: int | None
    since_minor: int | None
    recent_minor: int | None
    unpriced_events: int
    last_used: date | None
    known_until: date


def past_due_burn(burners: Iterable[Burner], watching: Watching) -> list[Finding]:
    """Those whose daily cost is beyond the limit and who have not stopped."""
    return [found for burner in burners if (found := _burn(burner, watching)) is not None]


def _burn(burner: Burner, watching: Watching) -> Finding | None:
    subject = Subject(scope="customer", customer_id=burner.customer_id)
    limit = watching.limits.of("past_due_burn", subject)
    if limit is None or burner.recent_minor is None or burner.since_minor is None or burner.last_used is None:
        return None
    if (burner.known_until - burner.last_used).days >= STILL_DAYS:
        return None
    # What failed today is told today; the other days are told when they are closed.
    day = max(watching.day - timedelta(days=1), burner.failed_at.date())
    per_day = Fraction(burner.recent_minor, RECENT_DAYS)
    score = per_day / limit
    if not watching.speaks("past_due_burn", subject, score, CLEARS_BURN):
        return None
    ends = (burner.failed_at + GIVE_UP_AFTER).date()
    days_left = max(0, (ends - burner.known_until).days)
    daily = divide_half_away(burner.recent_minor, RECENT_DAYS)
    until_then = burner.since_minor + divide_half_away(burner.recent_minor * days_left, RECENT_DAYS)
    return Finding(
        detector="past_due_burn",
        subject=subject,
        day=day,
        unit="minor",
        actual=burner.since_minor,
        expected=0,
        impact_minor=burner.since_minor,
        score=as_score(score),
        is_provisional=day == watching.day,
        sentence=_sentence(burner, watching, daily=daily, until_then=until_then, ends=ends, days_left=days_left),
        facts={
            "numerator_minor": burner.recent_minor,
            "denominator_days": RECENT_DAYS,
            "per_day_minor": daily,
            "since_failure_minor": burner.since_minor,
            "until_last_try_minor": until_then,
            "last_try_by": ends.isoformat(),
            "threshold_minor": limit,
            "owed_minor": burner.owed_minor if burner.owed_minor is not None else "unknown: no exchange rate",
            "invoices": burner.invoices,
            "unpriced_events": burner.unpriced_events,
            "usage_known_until": burner.known_until.isoformat(),
            "source": "recovery cases and effective AI cost of the customer's usage",
            **clears_fact(CLEARS_BURN),
        },
    )


def _sentence(burner: Burner, watching: Watching, *, daily: int, until_then: int, ends: date, days_left: int) -> str:
    owed = "" if burner.owed_minor is None else f" {watching.money(burner.owed_minor)}"
    invoices = "" if burner.invoices == 1 else f" on {counted(burner.invoices, 'invoice')}"
    assert burner.since_minor is not None, "only known costs alert"
    if burner.known_until < burner.failed_at.date():
        since = f"usage since then is not known yet, the last week's cost {watching.money(daily)} a day"
    else:
        since = f"their usage goes on at {watching.money(daily)} a day, {watching.money(burner.since_minor)} since the failure"
    ahead = f"; by the last try on {day_words(ends)} it will be {watching.money(until_then)}" if days_left else ""
    unpriced = (
        f" Usage without a price comes on top ({counted(burner.unpriced_events, 'event')})."
        if burner.unpriced_events
        else ""
    )
    return (
        f"{burner.name} has owed{owed}{invoices} since {day_words(burner.failed_at.date())}, and {since}{ahead}.{unpriced} "
        "Write to them, or limit their usage until they have paid, if your contract lets you."
    )
