"""How near a card network's disputes are to the limits of its programs: crossed, on the way there, or high while too few for a program."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from billing.dispute_thresholds import Activity, Standing, standings
from pricing.finding import Finding, Subject
from pricing.share_interval import Z95, wilson_ppm
from pricing.watch_words import MILLION, counted, percent
from pricing.watching import CLEARS, Watching, as_score, clears_fact

# Fewer disputes than that are bad luck with a few customers, whatever share they are.
LEAST_EVENTS = 5
Level = Literal["crossed", "early_warning", "below_minimum"]


@dataclass(frozen=True, slots=True)
class _Near:
    standing: Standing
    level: Level
    score: Fraction
    low_ppm: int
    high_ppm: int


def dispute_rate(months: Iterable[Activity], watching: Watching) -> list[Finding]:
    """One finding a network, about the month and program that is nearest to its limit; `months` are the running and the last one."""
    worst: dict[str, _Near] = {}
    for standing in standings(months):
        near = _near(standing, watching)
        network = standing.threshold.network
        if near is not None and (network not in worst or worst[network].score < near.score):
            worst[network] = near
    return [
        _finding(near, watching)
        for network, near in sorted(worst.items())
        if watching.speaks("dispute_rate", Subject(scope="network", name=network), near.score)
    ]


def _near(standing: Standing, watching: Watching) -> _Near | None:
    """None where the disputes are few, or chance alone may have brought the share there (95 % Wilson), unless an alert is open."""
    line, subject = standing.threshold, Subject(scope="network", name=standing.threshold.network)
    early_ppm = watching.limits.of("dispute_rate", subject)
    if early_ppm is None or standing.events < LEAST_EVENTS or not standing.payments:
        return None
    share, early = Fraction(standing.events, standing.payments), Fraction(early_ppm, MILLION)
    level: Level = "crossed" if standing.standing == "crossed" else "early_warning"
    warns_from = early * line.share_ppm / MILLION
    if level == "early_warning" and not _is_near_minimum(standing, early):
        # No program counts so few, and fraud alone has one of its own: what an acquirer looks at is the share of all disputes.
        if line.counts == "fraud_disputes":
            return None
        level, warns_from = "below_minimum", Fraction(line.share_ppm, MILLION)
    low_ppm, high_ppm = wilson_ppm(min(standing.events, standing.payments), standing.payments, z=Z95)
    is_chance = level != "crossed" and low_ppm < warns_from * MILLION
    if is_chance and not watching.is_open("dispute_rate", subject):
        return None
    return _Near(standing, level, share / warns_from, low_ppm, high_ppm)


def _is_near_minimum(standing: Standing, early: Fraction) -> bool:
    line, month = standing.threshold, standing.activity
    return (
        standing.events >= early * line.minimum_count
        and standing.payments >= early * line.minimum_payments
        and month.fraud_usd_minor >= early * line.minimum_fraud_usd_minor
    )


def _finding(near: _Near, watching: Watching) -> Finding:
    standing, line = near.standing, near.standing.threshold
    share_ppm = standing.events * MILLION // standing.payments
    return Finding(
        detector="dispute_rate",
        subject=Subject(scope="network", name=line.network),
        day=watching.day,
        unit="ppm",
        actual=share_ppm,
        expected=line.share_ppm,
        lower=near.low_ppm,
        upper=near.high_ppm,
        score=as_score(near.score),
        is_provisional=True,
        sentence=_sentence(near, share_ppm),
        facts={
            "numerator": standing.events,
            "denominator": standing.payments,
            "threshold_ppm": line.share_ppm,
            "minimum_count": line.minimum_count,
            "program": f"{line.network} {line.program} ({line.level})",
            "level": near.level,
            "month": standing.activity.month.isoformat(),
            "counts": line.counts,
            "valid_from": line.valid_from.isoformat(),
            "is_confirmed": int(line.is_confirmed),
            "source": line.source,
            **clears_fact(CLEARS),
        },
    )


_COUNTED = {
    "disputes_and_warnings": "disputes and fraud warnings",
    "disputes": "disputes",
    "fraud_disputes": "disputes for fraud",
}


def _sentence(near: _Near, share_ppm: int) -> str:
    standing, line = near.standing, near.standing.threshold
    of = "the month before" if line.over == "month_before" else "the month"
    said = (
        f"{standing.events:,} {_COUNTED[line.counts]} on {line.network.capitalize()} in {standing.activity.month:%B}, "
        f"{percent(share_ppm)} of {counted(standing.payments, 'payment')} of {of}"
    )
    limit = f"{line.network.capitalize()}'s {line.program} limit of {percent(line.share_ppm)}"
    match near.level:
        case "crossed":
            return f"{said}: {limit} is crossed, and the network charges fees. Refund early fraud warnings, and find what they have in common."
        case "early_warning":
            return f"{said}: on the way to {limit}. Refund early fraud warnings before they become disputes."
        case "below_minimum":
            return (
                f"{said}: more than {limit}, which does not bind you below {counted(line.minimum_count, 'event')} a month, but your "
                "acquirer may act. Refund early fraud warnings before they become disputes."
            )
