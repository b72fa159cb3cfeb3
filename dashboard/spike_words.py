"""What the Spikes page says: names and icons of detectors, amounts of any unit, states, and the sentence at the top."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from dashboard import wording
from dashboard.spike_charts import Axis
from pricing.finding import Detector, Subject, Unit
from pricing.money import divide_half_away

PICO_PER_CENT = 10**10
PPM = 1_000_000


@dataclass(frozen=True)
class Kind:
    """How alerts of one detector are called and marked, what its amount is, and what that is held against (empty: against nothing)."""

    name: str
    icon: str
    what: str
    against: str


KINDS: Mapping[Detector, Kind] = {
    "cost_spike": Kind("AI cost", ":material/bolt:", "AI cost a day", "Expected"),
    "margin_floor": Kind("Margin below its floor", ":material/trending_down:", "Margin, 30 days", "Floor"),
    "turned_unprofitable": Kind("Turned unprofitable", ":material/money_off:", "AI cost, 30 days", "Revenue"),
    "failed_payment_rate": Kind("Failed payments", ":material/credit_card_off:", "First tries that failed", "Usual"),
    "refund_rate": Kind("Refund rate", ":material/undo:", "Refund rate", "Usual"),
    "dispute_rate": Kind("Dispute rate", ":material/gavel:", "Dispute rate", "Usual"),
    "unpriced_spend": Kind("Usage without a price", ":material/sell:", "Share without a price", ""),
    "coverage_drop": Kind("Coverage dropped", ":material/join_inner:", "Covered", "Before"),
    "stale_source": Kind("Source is late", ":material/sync_problem:", "Silent for", "Usual gap"),
    "past_due_burn": Kind(
        "Past due, still burning", ":material/local_fire_department:", "AI cost since the failure", ""
    ),
    "meter_drift": Kind("Meter drift", ":material/speed:", "Charged", "In the log"),
}

# The state on the badge, and its color; a verdict says more than the state, and a snooze more than either.
STATES: Mapping[str, tuple[str, str]] = {
    "new": ("New", "red"),
    "ongoing": ("Ongoing", "orange"),
    "resolved": ("Resolved", "gray"),
    "snoozed": ("Snoozed", "blue"),
}
VERDICTS: Mapping[str, tuple[str, str]] = {
    "confirmed": ("It is real", "violet"),
    "expected": ("Expected", "green"),
    "planned": ("Planned", "blue"),
    "not_an_issue": ("Not an issue", "gray"),
}


def subject_name(subject: Subject, customer: str | None, company: str) -> str:
    """What is unusual, by its name: a customer's, a model's, a feature's, or the company itself."""
    model = "/".join(part for part in (subject.provider, subject.model) if part)
    names = {
        "company": company,
        "customer": customer or subject.customer_id,
        "provider": subject.provider,
        "model": model,
        "feature": subject.feature,
        "customer_model": f"{customer or subject.customer_id} · {subject.model}",
    }
    return names.get(subject.scope) or subject.name or subject.scope


def scope_words(subject: Subject) -> str:
    """What kind of thing it is, where the name alone does not tell."""
    words = {
        "company": "the whole company",
        "customer_model": "a customer's model",
        "customer": "customer",
        "provider": "provider",
        "model": "model",
        "feature": "feature",
        "source": "source",
        "network": "card network",
        "meter": "meter",
    }
    return words[subject.scope]


def amount(value: int | None, unit: Unit, currency: str, *, plus: bool = False) -> str:
    """A detector's whole number as people read it, short: $612, 4.2%, 3 days; unknown is a dash."""
    if value is None:
        return wording.UNKNOWN
    if unit == "pico_usd":
        return wording.money(divide_half_away(value, PICO_PER_CENT), "usd", plus=plus)
    if unit == "minor":
        return wording.money(value, currency, plus=plus)
    if unit == "ppm":
        text = wording.percent(Fraction(value, PPM))
        return f"+{text}" if plus and value > 0 else text
    if unit == "seconds":
        return _age(value)
    return f"{value:,}"


def difference(actual: int | None, expected: int | None, unit: Unit, currency: str) -> str | None:
    """By how much it differs, with its sign; a share differs by percentage points. None when it is unknown."""
    if actual is None or expected is None:
        return None
    if unit == "ppm":
        return wording.points(Fraction(actual - expected, PPM)) or "0.0 pp"
    return amount(actual - expected, unit, currency, plus=True)


def axis(unit: Unit, currency: str) -> Axis:
    """How the chart writes that unit beside its lines."""
    if unit in {"pico_usd", "minor"}:
        code = "usd" if unit == "pico_usd" else currency
        return Axis(prefix=wording.SYMBOLS.get(code, f"{code.upper()} "))
    if unit == "ppm":
        return Axis(suffix="%", tick_format=".3~g")
    return Axis(suffix=" h", tick_format=",.0f") if unit == "seconds" else Axis(tick_format=",.0f")


def drawn(value: int | None, unit: Unit, currency: str) -> float | None:
    """The number on the chart's axis: major units, percent, hours; for drawing only."""
    if value is None:
        return None
    if unit == "minor":
        return wording.major(value, currency)
    divisor = {"pico_usd": 10**12, "ppm": 10_000, "seconds": 3_600}.get(unit, 1)
    return value / divisor


def _age(seconds: int) -> str:
    """A length of time in the largest unit that says something."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if abs(seconds) >= 2 * size or size == 60:
            return wording.count(round(seconds / size), unit)
    return wording.UNKNOWN


# Numbers of a rule that say nothing beside the sentence and the facts above them.
UNSAID = ("clears_below", "clears_below_score_ppm", "numerator", "denominator", "threshold", "source")


def rule_words(facts: Mapping[str, str | int], currency: str) -> str:
    """What a rule has counted, each with its unit, which its name ends in: owed $663.00 · invoices 1 · last try by 20 Dec 2026."""
    said = [
        _fact(name, value, currency)
        for name, value in sorted(facts.items())
        if not name.startswith(("is_", *UNSAID)) and value != ""
    ]
    return " · ".join(said)


def _fact(name: str, value: str | int, currency: str) -> str:
    label, _, unit = name.rpartition("_")
    if isinstance(value, str):
        with suppress(ValueError):  # a text that is no day
            value = wording.day_of(date.fromisoformat(value))
        return f"{name.replace('_', ' ')} {value}"
    if unit == "minor":
        return f"{label.replace('_', ' ')} {wording.money_exact(value, currency)}"
    if unit in {"ppm", "seconds"}:
        return f"{label.replace('_', ' ')} {amount(value, 'ppm' if unit == 'ppm' else 'seconds', currency)}"
    return f"{name.replace('_', ' ')} {value:,}"


def listed(names: Sequence[str]) -> str:
    """Stripe, OpenAI and usage."""
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]])
