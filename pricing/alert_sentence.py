"""An explained alert in one sentence that a founder understands: what it costs, since when, why, through whom, and where it leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing.alert_split import Split, Sums
from pricing.anomaly_words import dollars
from pricing.cost_drivers import DRIVERS
from pricing.finding import Scope, Subject
from pricing.money import divide_half_away

# Drivers below this share of the impact are not worth a word, and so many are enough; a name is named that holds most of it.
SAID_FROM, SAID_MOST, MOSTLY_FROM, ALONE_FROM = Fraction(15, 100), 2, Fraction(60, 100), Fraction(90, 100)
# What moves the company's bill by less is not told of it.
BILL_FROM = Fraction(10, 100)
# From so many days on an episode is a level, and a level is told by the month.
LEVEL_FROM_DAYS = 3
MONTH_DAYS = Fraction(365, 12)
_THOUSAND = 10**15
PPM = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the sentence is made of; amounts in pico-USD, `api_keys` already as they may be shown."""

    subject: Subject
    first_day: date
    last_day: date
    found_days: int
    is_open: bool
    actual: int
    expected: int
    company: int
    split: Split
    api_keys: Sums
    labels: Mapping[str | None, str]
    month: date
    month_end: int | None
    points_ppm: int | None


def sentence(told: Told) -> str:
    """As in: Northwind's AI cost rose from about $4.1k to $7.0k a month since 12 Nov: longer prompts on gpt-4o (+$2.1k) and …"""
    is_level = told.found_days >= LEVEL_FROM_DAYS
    factor = MONTH_DAYS / told.found_days if is_level else Fraction(1)
    actual, expected = round(told.actual * factor), round(told.expected * factor)
    if is_level:
        moved = "rose" if actual >= expected else "fell"
        what = f"{moved} from about {about(expected)} to {about(actual)} a month {_when(told)}{_bill(told, factor)}"
    else:
        what = f"cost {about(actual)} {_when(told)} instead of about {about(expected)}"
    why = _why(told, factor)
    where = _where(told)
    causes = ", mostly ".join(part for part in (" and ".join(why), where) if part)
    customer = told.labels.get(told.subject.customer_id, told.subject.customer_id)
    about_whom = subject_words(told.subject, customer, is_level=is_level)
    return f"{about_whom} {what}{': ' if causes else ''}{causes}{_outlook(told)}."


def possessive(name: str) -> str:
    """Northwind's, Halcyon Freightways'."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def subject_words(subject: Subject, customer: str | None, *, is_level: bool) -> str:
    """What the sentence is about, as what rose or fell by the month, or as what cost so much on a day."""
    owner = possessive(customer or "somebody")
    names: dict[Scope, tuple[str, str]] = {
        "customer": (f"{owner} AI cost", f"{owner} AI usage"),
        "provider": (f"The bill of {subject.provider}", f"All usage of {subject.provider}"),
        "model": (f"The cost of {subject.model}", f"All usage of {subject.model}"),
        "feature": (f"The cost of feature '{subject.feature}'", f"Feature '{subject.feature}'"),
        "customer_model": (f"{owner} cost of {subject.model}", f"{owner} usage of {subject.model}"),
    }
    level, day = names.get(subject.scope, ("The AI bill", "All AI usage"))
    return level if is_level else day


def about(pico_usd: int) -> str:
    """Dollars as one says them: $4.1k, $412, $8.20."""
    sign, size = ("\N{MINUS SIGN}" if pico_usd < 0 else ""), abs(pico_usd)
    if size >= 10 * _THOUSAND:
        return f"{sign}${divide_half_away(size, _THOUSAND):,}k"
    if size >= 995 * 10**12:
        tenths = divide_half_away(size, _THOUSAND // 10)
        return f"{sign}${tenths // 10}.{tenths % 10}k"
    if size >= 10 * 10**12:
        return f"{sign}${divide_half_away(size, 10**12)}"
    return f"{sign}{dollars(size)}"


def signed(pico_usd: int) -> str:
    """As `about`, with its sign even where it is a plus."""
    return about(pico_usd) if pico_usd < 0 else f"+{about(pico_usd)}"


def short_day(day: date) -> str:
    """As in 12 Nov."""
    return f"{day.day} {day:%b}"


def _when(told: Told) -> str:
    if told.first_day == told.last_day:
        return f"on {short_day(told.first_day)}"
    if told.is_open:
        return f"since {short_day(told.first_day)}"
    return f"from {short_day(told.first_day)} to {short_day(told.last_day)}"


def _bill(told: Told, factor: Fraction) -> str:
    """What it did to the whole bill, where that is worth a word and the subject is only a part of it."""
    impact = told.split.impact_pico_usd
    before = told.company - impact
    if told.subject.scope == "company" or before <= 0 or abs(impact) < BILL_FROM * before:
        return ""
    return f", and the whole AI bill from {about(round(before * factor))} to {about(round(told.company * factor))}"


def _why(told: Told, factor: Fraction) -> list[str]:
    """The drivers that made most of it, each with its amount in the same measure as the sentence."""
    impact = told.split.impact_pico_usd
    ranked = sorted(zip(DRIVERS, told.split.drivers, strict=True), key=lambda each: -abs(each[1]))
    telling = [(driver, amount) for driver, amount in ranked if amount and abs(amount) >= SAID_FROM * abs(impact)]
    return [
        f"{_words(told, driver, amount)} ({signed(round(amount * factor))})" for driver, amount in telling[:SAID_MOST]
    ]


def _words(told: Told, driver: str, amount: int) -> str:
    is_more = amount > 0
    causes = {model: part for (of, model), part in told.split.causes.items() if of == driver and (part > 0) == is_more}
    model = max(causes, key=lambda name: (abs(causes[name]), name), default=None)
    name = "" if told.subject.scope in {"model", "customer_model"} else _models(causes, amount)
    on = f" on {name}" if name else ""
    match driver:
        case "tokens_per_request":
            what = "answers" if model in told.split.answers else "prompts"
            return f"{'longer' if is_more else 'shorter'} {what}{on}"
        case "model_mix":
            return f"more calls of {name}" if is_more and name else f"{'dearer' if is_more else 'cheaper'} models"
        case "cache_rate":
            return f"{'less' if is_more else 'more'} read from the cache{on}"
        case "token_price":
            return f"a {'higher' if is_more else 'lower'} price{f' of {name}' if name else ' per token'}"
        case _:
            return "more requests" if is_more else "fewer requests"


def _models(causes: Mapping[str, int], amount: int) -> str:
    """The model that a driver works through, and whether there are others; without its provider's name."""
    if not causes:
        return ""
    largest = max(causes, key=lambda name: (abs(causes[name]), name))
    name = largest.partition("/")[2] or largest
    if len(causes) == 1 or abs(causes[largest]) >= ALONE_FROM * abs(amount):
        return name
    return f"{name} and other models" if abs(causes[largest]) >= MOSTLY_FROM * abs(amount) else "several models"


def _where(told: Told) -> str:
    """Through whom most of it came: the customer, the feature, the key, as far as the subject does not say so itself."""
    impact = told.split.impact_pico_usd
    customer = _most(told.split.customers, impact)
    feature = _most(told.split.features, impact) if told.subject.feature is None else None
    key = _most(told.api_keys, impact)
    words = f"feature '{feature}'" if feature else ""
    if customer is not None and told.subject.customer_id is None:
        name = told.labels.get(customer, customer)
        words = f"{possessive(name)} {words}" if words else f"by {name}"
    if key:
        words = f"{words} with key {key}" if words else f"with key {key}"
    return words


def _most(sums: Sums, impact: int) -> str | None:
    """The name that most of the impact comes through, where there are several to choose from."""
    named = [(abs(amount), name) for name, amount in sums.items() if amount and (amount > 0) == (impact > 0)]
    if len(sums) < 2 or not named:
        return None
    largest, name = max(named, key=lambda each: each[0])
    return name if largest >= MOSTLY_FROM * abs(impact) else None


def _outlook(told: Told) -> str:
    """What the running month ends with if it goes on, and what the days did to the margin."""
    parts = []
    if told.month_end is not None:
        parts.append(f"if it goes on, {told.month:%B} ends {signed(told.month_end)}")
    if told.points_ppm is not None and told.points_ppm <= -PPM:
        parts.append(f"more than {'they paid' if told.subject.customer_id else 'was sold'} on these days")
    elif told.points_ppm is not None:
        tenths = divide_half_away(abs(told.points_ppm), PPM // 1000)
        sign = "\N{MINUS SIGN}" if told.points_ppm < 0 else "+"
        parts.append(f"{sign}{tenths // 10}.{tenths % 10} margin points on these days")
    return f"; {', '.join(parts)}" if parts else ""
