"""The sections of a daily mail as words, before anybody's links are in them: figures, alerts, data health, alert quality."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from billing import digest_charts
from billing.digest import Digest, Line, Told
from billing.digest_words import (
    amount,
    counted,
    coverage_words,
    impact,
    kind,
    listed,
    margin_points,
    moment,
    one_line,
    short_day,
    when,
)
from billing.mails import InlineImage
from billing.report_words import UNKNOWN, money_exact, moved, percent, points
from pricing.alert_episodes import ALL_USAGE
from pricing.alert_explanation import Explanation
from pricing.key_labels import shown_key

LONGEST_MESSAGE, MOST_WITHIN = 240, 3
NEVER_A_DROP = "Missing data is never counted as a drop in cost."


def figures(digest: Digest) -> dict[str, Any]:
    """The reported day's cost beside a usual day's, the margin of the month so far, and how sure they are."""
    found = digest.figures
    usual = None
    if found.usual_pico_usd is not None:
        usual = f"a usual {found.day:%A}: {amount(found.usual_pico_usd, 'pico_usd', digest.currency)}"
    margin, before = found.margin, found.margin_before
    share = None if margin is None else margin.share
    move = moved(before, share)
    return {
        "cost": (
            f"AI cost {when(found.day, digest.day)}",
            amount(found.cost_pico_usd, "pico_usd", digest.currency),
            "not all data are there yet" if digest.health.is_late else usual,
        ),
        "margin": (
            f"Margin {found.month:%B} so far",
            percent(share),
            None if move is None else f"{points(move)} against the month before",
        ),
        "coverage": None if margin is None else _sureness(margin.low, margin.high, coverage_words(margin.coverage)),
    }


def _sureness(low: Any, high: Any, coverage: str) -> str:
    band = "" if low is None or high is None or low == high else f"between {percent(low)} and {percent(high)}; "
    return f"{band}{coverage}"


def card(line_: Line, images: Mapping[UUID, InlineImage]) -> dict[str, Any]:
    """A new alert in full: what, how much, why, how sure."""
    told = line_.told
    alert, explanation = told.alert, told.explanation
    chart = images.get(alert.alert_id)
    # Of what is no cost spike the sentence has the numbers already.
    is_explained = isinstance(explanation, Explanation)
    return {
        "kind": kind(told) + (" \u00b7 today so far" if alert.is_provisional else ""),
        "title": told.title,
        "is_less": alert.detector == "cost_spike" and not alert.is_rise,
        "impact": impact(told),
        "sentence": _sentence(told),
        "chart": None
        if chart is None or explanation is None
        else {
            "cid": chart.content_id,
            "width": digest_charts.WIDTH,
            "height": digest_charts.HEIGHT,
            "alt": digest_charts.words(explanation.days, alert.unit, alert.currency),
        },
        "facts": _facts(told) if is_explained else [],
        "in_short": None if is_explained else " \u00b7 ".join(f"{name}: {value}" for name, value in _facts(told)),
        "split": _split(explanation) if isinstance(explanation, Explanation) else [],
        "mostly": _mostly(explanation) if isinstance(explanation, Explanation) else None,
        "within": _within(line_),
    }


def line(line_: Line) -> dict[str, Any]:
    """An alert that goes on or has ended, on two lines."""
    told, alert = line_.told, line_.told.alert
    days = counted((alert.last_day - alert.first_day).days + 1, "day")
    since = f"since {short_day(alert.first_day)}" if alert.is_open else f"from {short_day(alert.first_day)}, {days}"
    why = one_line(alert.resolved_why or "") if not alert.is_open else ""
    return {
        "kind": kind(told),
        "title": told.title,
        "impact": impact(told),
        "note": f"{since}: {amount(alert.actual, alert.unit, alert.currency)} "
        f"instead of {amount(alert.expected, alert.unit, alert.currency)}" + (f". {why}" if why else ""),
        "within": _within(line_),
    }


def _sentence(told: Told) -> str:
    """The alert in one sentence; an API key in it that may be a secret is shown by its end, whoever wrote the sentence."""
    explanation = told.explanation
    said = one_line(explanation.sentence if explanation and explanation.sentence else told.alert.sentence)
    if isinstance(explanation, Explanation):
        for name in sorted((part.name for part in explanation.api_keys if part.name), key=len, reverse=True):
            said = said.replace(name, shown_key(name))
    return said


def _within(line_: Line) -> str | None:
    """The alerts that this one explains, the largest by name and the rest by number: their money is in its own."""
    if not line_.within:
        return None
    named = []
    for each in line_.within[:MOST_WITHIN]:
        sort = "" if each.alert.detector == line_.told.alert.detector else f" ({kind(each).lower()})"
        named.append(f"{each.title} {impact(each)}{sort}")
    rest = len(line_.within) - len(named)
    return f"Within it: {', '.join(named)}" + (f" and {rest} more" if rest else "")


def _facts(told: Told) -> list[tuple[str, str]]:
    alert, explanation = told.alert, told.explanation
    is_cost, band = alert.detector == "cost_spike", ""
    if is_cost and alert.lower is not None and alert.upper is not None:
        ends = [amount(end, alert.unit, alert.currency) for end in (alert.lower, alert.upper)]
        band = f" ({ends[0]} to {ends[1]})"
    several = explanation.found_days if isinstance(explanation, Explanation) and explanation.found_days > 1 else None
    facts = [
        (f"Actual, {several} days together" if several else "Actual", amount(alert.actual, alert.unit, alert.currency)),
        ("Expected" if is_cost else "Compared with", amount(alert.expected, alert.unit, alert.currency) + band),
        ("Impact", impact(told)),
    ]
    if isinstance(explanation, Explanation):
        facts.append(("Margin effect", _margin_effect(explanation)))
        if explanation.month_end_minor is not None:
            goes_on = money_exact(explanation.month_end_minor, explanation.currency)
            facts.append((f"If it goes on to the end of {explanation.month:%B}", goes_on))
    last = f", last {short_day(alert.last_day)}" if alert.last_day > alert.first_day else ""
    facts.append(("First seen", short_day(alert.first_day) + last))
    if isinstance(explanation, Explanation):
        sure = explanation.confidence
        facts.append(("Confidence", f"{sure.words}, from {counted(sure.n, 'usual day')}"))
    return facts


def _margin_effect(explanation: Explanation) -> str:
    company, customer = explanation.company_points, explanation.customer_points
    told = []
    if customer is not None:
        told.append(f"{_points(customer.ppm, customer.why_unknown)} of this customer\u2019s")
    told.append(f"{_points(company.ppm, company.why_unknown)} of the company\u2019s")
    return listed(told)


def _points(ppm: int | None, why_unknown: str | None) -> str:
    return margin_points(ppm) if ppm is not None else f"{UNKNOWN} ({one_line(why_unknown or 'not known')})"


def _split(explanation: Explanation) -> list[tuple[str, str]]:
    """The causes, largest first, without those that are nothing; they sum to the impact that is shown, cent by cent."""
    known = [part for part in explanation.drivers if part.minor]
    return [
        (one_line(part.label), money_exact(part.minor or 0, explanation.currency))
        for part in sorted(known, key=lambda part: -abs(part.minor or 0))
    ]


def _mostly(explanation: Explanation) -> str | None:
    """The largest customer, model and feature behind it, where there is more than one; API keys are in no mail."""
    found = []
    for parts in (explanation.customers, explanation.models, explanation.features):
        named = [part for part in parts if part.name is not None and part.minor]
        if len(parts) > 1 and named:
            found.append(f"{one_line(named[0].label)} {money_exact(named[0].minor or 0, explanation.currency)}")
    return f"Most of it: {', '.join(found)}" if found else None


def health(digest: Digest) -> list[str]:
    """How far the data reach, and what is missing; with the promise that nothing missing is called cheaper."""
    found = digest.health
    told = []
    if found.as_of is None:
        told.append("No figures have been published yet.")
    else:
        told.append(f"The figures cover usage up to {moment(found.as_of)}.")
    if found.is_late:
        told.append(f"Data late: {short_day(digest.figures.day)} is not complete, so more may be found for it later.")
    told += [
        f"{'All usage' if source == ALL_USAGE else one_line(source)}: no data yet for {_days(days)}."
        for source, days in sorted(found.late.items())
    ]
    told += [
        f"{one_line(source)}: the last try failed: {one_line(why)[:LONGEST_MESSAGE]}"
        for source, why in sorted(found.failing.items())
    ]
    if found.refusal is not None:
        told.append(f"A newer version is not shown: {one_line(found.refusal)[:LONGEST_MESSAGE]}")
    if not (found.is_late or found.late or found.failing or found.refusal):
        told.append("Every source is up to date.")
    return [*told, NEVER_A_DROP]


def _days(days: tuple[date, ...]) -> str:
    shown = [short_day(day) for day in days[:3]]
    return listed(shown) if len(days) <= len(shown) else f"{', '.join(shown)} and {counted(len(days) - 3, 'more day')}"


def quality(digest: Digest) -> str:
    """How often the alerts of the last 30 days were right, by people's answers, with the counts behind it."""
    found = digest.quality
    if not found.alerts:
        return "No alert in the last 30 days."
    counts = (
        f"{counted(found.alerts, 'alert')} in the last 30 days: {found.confirmed} confirmed, {found.expected} expected, "
        f"{found.planned} planned, {found.not_an_issue} not an issue, {found.unlabelled} without an answer."
    )
    judged = found.confirmed + found.not_an_issue
    if found.precision is None:
        return f"{counts} Too few answers to say how often they are right."
    return f"{counts} {percent(found.precision)} of the {judged} that were judged were real."


def foot(digest: Digest, address: str, links_end_at: datetime) -> list[str]:
    """Why it comes and when, which days are meant, and how long its links work."""
    end = links_end_at.astimezone(ZoneInfo(digest.zone))
    return [
        f"Sent to {address}, which is on the list of {digest.company}\u2019s daily mail.",
        f"It comes at {digest.hour:02}:00 in {digest.zone} when there is news; days of usage are UTC days.",
        f"The links work until {end.day} {end:%B %Y}; each asks once more before anything is changed.",
    ]
