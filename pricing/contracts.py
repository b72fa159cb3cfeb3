"""Contracts with a provider as dated terms, and the exact rules for tiers, commitments and credits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from pricing.money import divide_half_away
from pricing.usage import BUCKETS

PPM = 1_000_000


class TermRefused(ValueError):
    """A term of a contract cannot mean anything; the sentence says what to change. Trying again will not help."""


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Negotiated prices of one unit by bucket, in pico-USD; buckets that are not named keep their list price."""

    unit_pico_usd: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Discount:
    """What is taken off the list price, in millionths of it: 150,000 is 15 %."""

    off_ppm: int


@dataclass(frozen=True, slots=True)
class VolumeTiers:
    """Graduated prices of a bucket by what was used in the calendar month (UTC), over all customers.

    `steps` are (up to this many units of the month, pico-USD per unit); the last one has no end (None).
    """

    bucket: str
    steps: tuple[tuple[int | None, int], ...]


@dataclass(frozen=True, slots=True)
class Commitment:
    """A minimum for each calendar month; what is used beyond it costs `overage_ppm` millionths of what it else would."""

    monthly_pico_usd: int
    overage_ppm: int = PPM


@dataclass(frozen=True, slots=True)
class Credit:
    """An amount that pays for usage while it is valid, the oldest usage first."""

    granted_pico_usd: int


Rule: TypeAlias = UnitPrices | Discount | VolumeTiers | Commitment | Credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a contract, from `valid_from` until before `valid_to` (UTC days; None: until it is ended).

    It concerns usage of `provider` whose model fits `models` (`*` stands for any letters) in `service_tier`, None for every tier.
    """

    term_id: str
    contract_id: str
    provider: str
    models: str = "*"
    service_tier: str | None = None
    valid_from: date
    valid_to: date | None = None
    rule: Rule

    def concerns(self, providers: Iterable[str | None], models: Iterable[str | None], service_tier: str) -> bool:
        """Whether usage with any of these names, as the log and as the price book spell them, falls under the term."""
        return (
            any(name is not None and name.lower() == self.provider.lower() for name in providers)
            and any(name is not None and fnmatchcase(name.lower(), self.models.lower()) for name in models)
            and self.service_tier in {None, service_tier}
        )

    def holds_on(self, day: date) -> bool:
        """Whether the term is in force on that day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Priced(NamedTuple):
    """By which terms a model's usage is priced: each bucket by one of them, whatever is left at the discount."""

    by_bucket: dict[str, Term]
    discount: Term | None


def choose(terms: Iterable[Term]) -> Priced:
    """Of the terms that concern a model on a day, the one that prices each bucket: never two, so that nothing is taken off twice.

    Tiers go before negotiated prices and these before a discount; of two alike the one that names the service tier, then the one
    that names more of the model, then the later one.
    """
    ranked = sorted(terms, key=_specific, reverse=True)
    by_bucket: dict[str, Term] = {}
    for kind in (VolumeTiers, UnitPrices):
        for term in ranked:
            if isinstance(term.rule, kind):
                named = (term.rule.bucket,) if isinstance(term.rule, VolumeTiers) else term.rule.unit_pico_usd
                for bucket in named:
                    by_bucket.setdefault(bucket, term)
    return Priced(by_bucket, next((term for term in ranked if isinstance(term.rule, Discount)), None))


def _specific(term: Term) -> tuple[bool, int, date, str]:
    return term.service_tier is not None, len(term.models.replace("*", "")), term.valid_from, term.term_id


def graduated_pico_usd(steps: Sequence[tuple[int | None, int]], already: int, quantity: int) -> int:
    """What `quantity` units cost after `already` units of the month, each at the price of its own step."""
    cost = begun = 0
    for up_to, unit_pico_usd in steps:
        end = already + quantity if up_to is None else up_to
        cost += max(0, min(already + quantity, end) - max(already, begun)) * unit_pico_usd
        begun = end
    return cost


class DayCost(NamedTuple):
    """What a day's usage under a commitment or a credit costs: what the provider has itself reported, and the rest."""

    day: date
    reported_pico_usd: int
    other_pico_usd: int


def overages(term: Term, days: Iterable[DayCost]) -> dict[date, int]:
    """By day, what usage beyond the month's commitment costs more (or less) than it else would; days without are left out.

    A day's reported cost counts towards the commitment first and is never changed.
    """
    assert isinstance(term.rule, Commitment), "only a commitment has an overage"
    minimum, spent = term.rule.monthly_pico_usd, dict[date, int]()
    found: dict[date, int] = {}
    for one in sorted(days):
        if not term.holds_on(one.day):
            continue
        month = one.day.replace(day=1)
        before = spent.get(month, 0) + one.reported_pico_usd
        spent[month] = before + one.other_pico_usd
        beyond = max(0, spent[month] - minimum) - max(0, before - minimum)
        extra = divide_half_away(beyond * (term.rule.overage_ppm - PPM), PPM)
        if extra:
            found[one.day] = extra
    return found


def shortfalls(term: Term, days: Iterable[DayCost], *, as_of: date) -> dict[date, int]:
    """By the last day of each month that is over by `as_of`: what is missing to the commitment; whole months only."""
    assert isinstance(term.rule, Commitment), "only a commitment has a shortfall"
    spent: dict[date, int] = {}
    for one in days:
        month = one.day.replace(day=1)
        spent[month] = spent.get(month, 0) + one.reported_pico_usd + one.other_pico_usd
    found: dict[date, int] = {}
    month = term.valid_from
    while (following := (month + timedelta(days=31)).replace(day=1)) <= as_of:
        if term.valid_to is not None and following > term.valid_to:
            break
        missing = term.rule.monthly_pico_usd - spent.get(month, 0)
        if missing > 0:
            found[following - timedelta(days=1)] = missing
        month = following
    return found


def use_credits(terms: Iterable[Term], days: Iterable[DayCost]) -> list[tuple[date, Term, int]]:
    """What each credit pays on which day: the oldest usage first, and of the credits in force the one that ends first.

    `days` are of one provider, all that the credits may pay for; a day's cost is paid once.
    """
    left = {term: term.rule.granted_pico_usd for term in terms if isinstance(term.rule, Credit)}
    order = sorted(left, key=lambda term: (term.valid_to or date.max, term.valid_from, term.term_id))
    found = []
    for one in sorted(days):
        owed = one.reported_pico_usd + one.other_pico_usd
        for term in order:
            paid = min(owed, left[term]) if term.holds_on(one.day) else 0
            if paid > 0:
                left[term] -= paid
                owed -= paid
                found.append((one.day, term, paid))
    return found


def conflicting(term: Term, others: Iterable[Term]) -> Term | None:
    """A term that says the same thing in another way at the same time; None when there is none.

    Two credits may hold at once, and two commitments of a provider never.
    """

    def says(one: Term) -> tuple[object, ...]:
        named: tuple[str, ...] = ()
        if isinstance(one.rule, VolumeTiers):
            named = (one.rule.bucket,)
        return type(one.rule), one.provider.lower(), one.models.lower(), one.service_tier, named

    if isinstance(term.rule, Credit):
        return None
    return next(
        (
            other
            for other in others
            if says(other) == says(term)
            and (other.valid_to is None or term.valid_from < other.valid_to)
            and (term.valid_to is None or other.valid_from < term.valid_to)
        ),
        None,
    )


def check(term: Term) -> None:
    """Raises TermRefused for a term that cannot be meant: its dates, its numbers or its names contradict themselves."""
    if not term.contract_id.strip() or not term.provider.strip() or not term.models.strip():
        raise TermRefused("A term needs the name of its contract, a provider and a model (* for all).")
    if term.valid_to is not None and term.valid_to <= term.valid_from:
        raise TermRefused(f"A term that begins on {term.valid_from} cannot end on {term.valid_to}: choose a later end.")
    problem = _problem(term)
    if problem is not None:
        raise TermRefused(problem)


def _problem(term: Term) -> str | None:
    match term.rule:
        case UnitPrices(prices):
            return _bad_prices(prices)
        case Discount(off_ppm):
            return None if 0 < off_ppm <= PPM else "A discount is more than 0 % and at most 100 %."
        case VolumeTiers(bucket, steps):
            ends = [up_to for up_to, _ in steps]
            is_rising = all(one is not None and (two is None or one < two) for one, two in pairwise([0, *ends]))
            if not steps or ends[-1] is not None or not is_rising:
                return "Tiers rise step by step, and the last one has no end: 1000000000=2.50, then *=2.00."
            return _bad_prices({bucket: min(price for _, price in steps)})
        case Commitment() | Credit():
            return _bad_amount(term)


def _bad_amount(term: Term) -> str | None:
    """Amounts are agreed for all that a provider sells."""
    if term.models != "*" or term.service_tier is not None:
        return "A commitment and a credit are for all models and tiers of a provider: leave the model at *."
    if isinstance(term.rule, Credit):
        return None if term.rule.granted_pico_usd > 0 else "A credit is an amount above 0."
    assert isinstance(term.rule, Commitment), "only two kinds are amounts"
    if term.rule.monthly_pico_usd <= 0 or term.rule.overage_ppm < 0:
        return "A commitment is an amount above 0 with an overage of 0 % or more."
    firsts = [day for day in (term.valid_from, term.valid_to) if day is not None and day.day != 1]
    return f"A commitment counts whole months: {firsts[0]} is not the first day of one." if firsts else None


def _bad_prices(prices: Mapping[str, int]) -> str | None:
    unknown = sorted(set(prices) - set(BUCKETS))
    if unknown:
        return f"There is no unit {', '.join(unknown)}; the units are {', '.join(BUCKETS)}."
    if not prices or min(prices.values()) < 0:
        return "A negotiated price names at least one unit, at 0 or more."
    return None
