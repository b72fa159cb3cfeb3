"""The daily mail's words: amounts in each unit, what an alert is about, the subject line and the verdict."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from billing.digest import Digest, Figures, Told, unexpected_minor
from billing.report_words import MINUS, SYMBOLS, UNKNOWN, money, money_exact, moved, percent, points, rounded
from pricing.coverage import Coverage
from pricing.finding import Detector, Subject, Unit
from pricing.money import exponent

DETECTORS: dict[Detector, str] = {
    "cost_spike": "AI cost",
    "margin_floor": "Margin below its floor",
    "turned_unprofitable": "Turned unprofitable",
    "failed_payment_rate": "Failed payments",
    "refund_rate": "Refund rate",
    "dispute_rate": "Dispute rate",
    "unpriced_spend": "Usage without a price",
    "coverage_drop": "Coverage fell",
    "stale_source": "Source is late",
    "past_due_burn": "Cost while past due",
    "meter_drift": "Meter and usage differ",
}


def subject_title(subject: Subject, company: str, customer_names: dict[str, str]) -> str:
    """What an alert is about, by the names people know; an id where there is no name."""
    customer = customer_names.get(subject.customer_id or "", subject.customer_id)
    parts = (customer, subject.provider, subject.model, subject.feature, subject.name)
    if subject.scope == "customer_model":
        parts = (customer, None, subject.model, None, None)
    return one_line(" \u00b7 ".join(part for part in parts if part)) or f"{one_line(company)}, all customers"


def one_line(words: str) -> str:
    """Somebody else's words on one line, without signs that nobody sees or that turn the line around."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())


def kind(told: Told) -> str:
    """What sort of alert it is, with its direction where it has one."""
    words = DETECTORS[told.alert.detector]
    if told.alert.detector != "cost_spike":
        return words
    return f"{words} {'above' if told.alert.is_rise else 'below'} the expected"


def amount(value: int | None, unit: Unit, currency: str) -> str:
    """A value in its unit: $1,234.56, 3.2%, 5 h 12 min, 1,234; an em dash where it is unknown."""
    if value is None:
        return UNKNOWN
    sign = MINUS if value < 0 else ""
    if unit == "pico_usd":
        return f"{sign}${rounded(Fraction(abs(value), 10**12), 2):,}"
    if unit == "minor":
        symbol = SYMBOLS.get(currency, f"{currency.upper()} ")
        return f"{sign}{symbol}{abs(Decimal(value).scaleb(-exponent(currency))):,}"
    if unit == "ppm":
        return f"{sign}{rounded(Fraction(abs(value), 10_000), 2 if abs(value) < 100_000 else 1)}%"
    return f"{sign}{_duration(abs(value)) if unit == 'seconds' else f'{abs(value):,}'}"


def short_amount(value: int | None, unit: Unit, currency: str) -> str:
    """The same for a chart's label: $7.0K and not $7,012.34."""
    if value is None or unit not in {"pico_usd", "minor"}:
        return amount(value, unit, currency)
    return money(Fraction(value, 10**10), "usd") if unit == "pico_usd" else money(value, currency)


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min"


def impact(told: Told) -> str:
    """What it comes to with its sign; an em dash where no amount is at stake or nobody can say."""
    alert = told.alert
    return UNKNOWN if alert.impact_minor is None else money_exact(alert.impact_minor, alert.currency)


def margin_points(ppm: int) -> str:
    """Millionths of revenue as percentage points of a margin."""
    shown = rounded(Fraction(ppm, 10_000), 2)
    return f"{MINUS if shown < 0 else '+' if shown > 0 else ''}{abs(shown)} pp"


def when(reported: date, today: date) -> str:
    """The reported UTC day as the reader calls it: in zones far from UTC it is not always yesterday."""
    return "yesterday" if reported == today - timedelta(days=1) else f"on {short_day(reported)}"


def short_day(day: date) -> str:
    """`Sun 29 Nov`."""
    return f"{day:%a} {day.day} {day:%b}"


def moment(at: datetime) -> str:
    """`29 Nov 22:05 UTC`."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%b %H:%M} UTC"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 alert`, `2 alerts`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def subject_line(digest: Digest) -> str:
    """The line in the list of mails: how many, what it comes to, and the margin."""
    news, figures = digest.news, digest.figures
    counts = [f"{news.count(part)} {part}" for part in ("new", "ongoing", "resolved") if news.count(part)]
    if digest.health.is_late:
        counts.append("data late")
    day, beyond = when(figures.day, digest.day), unexpected_minor(news)
    if digest.is_note:
        said = "All quiet"
    elif beyond is not None:
        said = f"AI cost {money(beyond, digest.currency, plus=True)} vs expected {day}"
    elif figures.cost_pico_usd is not None and not digest.health.is_late:
        said = f"AI cost {amount(figures.cost_pico_usd, 'pico_usd', digest.currency)} {day}"
    else:
        said = f"AI cost {day} not known yet"
    margin = margin_words(figures)
    return (f"[{', '.join(counts)}] " if counts else "") + said + (f" \u00b7 {margin}" if margin else "")


def margin_words(figures: Figures) -> str | None:
    """`margin 61.2% (\u22121.9 pp)`; None where there is no margin."""
    if figures.margin is None or figures.margin.share is None:
        return None
    move = moved(figures.margin_before, figures.margin.share)
    return f"margin {percent(figures.margin.share)}" + ("" if move is None else f" ({points(move)})")


def verdict(digest: Digest) -> str:
    """The mail in one line."""
    news, day = digest.news, when(digest.figures.day, digest.day)
    new, ongoing, resolved = news.count("new"), news.count("ongoing"), news.count("resolved")
    beyond = unexpected_minor(news)
    cost = None
    if beyond is not None:
        side = "above" if beyond > 0 else "below"
        cost = f"AI cost was {money(abs(beyond), digest.currency)} {side} the expected {day}"
    if new:
        return f"{counted(new, 'new alert')}" + (f": {cost}" if cost else "")
    if cost and ongoing:
        return f"{cost[0].upper()}{cost[1:]}, and goes on"
    if resolved:
        return f"{counted(resolved, 'alert')} ended, none is new"
    if digest.health.is_late:
        return f"The data of {short_day(digest.figures.day)} are not complete yet"
    return "All quiet: no alert is new" + (f", {ongoing} {'goes' if ongoing == 1 else 'go'} on" if ongoing else "")


def coverage_words(coverage: Coverage) -> str:
    """How sure the margin is: each of the three coverages, or that it was not measured."""
    measured = (
        (coverage.priced, "of usage priced"),
        (coverage.attributed, "of AI cost attributed to customers"),
        (coverage.reconciled, "of AI cost agrees with bills"),
    )
    words = [f"{percent(share)} {what}" for share, what in measured if share is not None]
    return ", ".join(words) if words else "coverage not measured"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
