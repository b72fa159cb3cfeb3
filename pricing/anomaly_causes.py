"""One cause rings once: which of a day's unusual subjects leads, which are explained by it, and what a subject's rise is made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pricing.cost_drivers import PRICE_PARTS, Cell, Effects, effects
from pricing.finding import Subject

# A subject within another leads when it makes so much of the other's rise or fall.
EXPLAINS = 0.8
# A wider subject leads those within it when they are several, or when the one makes less than this of it.
BROAD_BELOW = 0.5
# A fall of which less than this is missing in what surrounds it has only moved.
MADE_UP_BELOW = 0.5
# What was unusual up to so many days before still explains: it is the same episode.
MEMORY_DAYS = 7
# The narrower a subject, the more it says; a model says more than a feature that is run on several.
_RANKS = {"company": 0, "provider": 1, "feature": 2, "model": 3, "customer": 4, "customer_model": 5}


@dataclass(frozen=True, slots=True)
class Unusual:
    """A subject's unusual day (numbers of days from one common first one): its impact, and the days that tell what is usual.

    `scale` is expected cost over the mean cost of these days: what a weekday does.
    """

    subject: Subject
    day: int
    impact_pico_usd: int
    usual: slice
    scale: float

    @property
    def is_rise(self) -> bool:
        """Whether it cost more than expected."""
        return self.impact_pico_usd > 0


class Cells:
    """Usage by customer, provider, model and feature over consecutive days, for sums over whatever two subjects have in common."""

    def __init__(self, rows: pl.DataFrame, first: date, days: int) -> None:
        """`rows` as store.warehouse_spikes.cells: without a customer they are sums over all of them."""
        self._vectors: dict[str | None, list[tuple[Subject, NDArray[np.float64]]]] = {}
        keys = ("customer_id", "provider", "model", "feature")
        for key, part in rows.group_by(keys, maintain_order=True):
            customer, provider, model, feature = (None if value is None else str(value) for value in key)
            vector = np.zeros((3, days))
            at = (part["day"] - first).dt.total_days().to_numpy()
            for line, name in enumerate(("requests", "fixed_usd", "cost_pico_usd")):
                vector[line, at] = part[name].to_numpy()
            cell = Subject(
                scope="customer_model", customer_id=customer, provider=provider, model=model, feature=feature
            )
            self._vectors.setdefault(customer, []).append((cell, vector))

    def within(self, *subjects: Subject) -> Iterable[tuple[Subject, NDArray[np.float64]]]:
        """The cells that belong to all of the subjects: requests, dollars at fixed prices and pico-USD by day."""
        customer = next((each.customer_id for each in subjects if each.customer_id is not None), None)
        for cell, vector in self._vectors.get(customer, ()):
            if all(_holds(subject, cell) for subject in subjects):
                yield cell, vector

    def overlap(self, one: Unusual, other: Subject) -> float:
        """How much of the impact of `one` lies in what it has in common with `other`, in pico-USD."""
        found = 0.0
        for _, vector in self.within(one.subject, other):
            spent = vector[2]
            found += spent[one.day] - one.scale * spent[one.usual].mean()
        return float(found)


def only_moved(one: Unusual, cells: Cells) -> bool:
    """Whether a fall is made up for by what else the same customer, or the company with the same provider, used on that day.

    A model that another one replaces has not lost its usage.
    """
    wider = _wider(one.subject)
    if one.is_rise or wider is None:
        return False
    lost, missing = (_fall(one, subject, cells) for subject in (one.subject, wider))
    return missing < MADE_UP_BELOW * lost


def _fall(one: Unusual, subject: Subject, cells: Cells) -> float:
    """What a subject lacks a day over the episode's last week; of a shorter episode's last day, for weekdays differ."""
    spent = np.sum([vector[2] for _, vector in cells.within(subject)], axis=0)
    days = slice(one.day - 6, one.day + 1)
    if days.start < one.usual.stop:
        return float(one.scale * spent[one.usual].mean() - spent[one.day])
    return float(spent[one.usual].mean() - spent[days].mean())


def _wider(subject: Subject) -> Subject | None:
    if subject.scope == "customer_model":
        return Subject(scope="customer", customer_id=subject.customer_id)
    if subject.scope == "model":
        return Subject(scope="provider", provider=subject.provider)
    return Subject(scope="company") if subject.scope in {"provider", "feature"} else None


def _holds(subject: Subject, cell: Subject) -> bool:
    return all(
        getattr(subject, name) in {None, getattr(cell, name)}
        for name in ("customer_id", "provider", "model", "feature")
    )


def leaders(found: Sequence[Unusual], cells: Cells) -> dict[tuple[str, int], str]:
    """For each unusual day that another subject explains, (subject key, day) to the key of the one that leads.

    A narrower subject that makes four fifths of a wider one's impact leads it. A wider one that no narrower one explains leads the
    narrower ones within it, when these are several or small in it. Who has followed goes on following the same within an episode.
    """
    followed: dict[tuple[str, int], str] = {}
    memory = _Memory()
    for day in sorted({each.day for each in found}):
        here = [each for each in found if each.day == day]
        today: dict[str, str] = {}
        for each in here:
            memory.seen[each.subject.key, each.is_rise] = each.subject, day
            if (kept := memory.leader(each, day)) is not None:
                today[each.subject.key] = kept
        for wide in here:
            if wide.subject.key not in today and not memory.has_led(wide, day):
                best = _explained_by(wide, memory.recent(wide, day), cells)
                today |= {} if best is None else {wide.subject.key: best.key}
        _follow_broad(here, today, cells)
        today = {key: leader for key in today if (leader := _lead(key, today)) != key}
        for each in here:
            if each.subject.key in today:
                memory.follow(each, today[each.subject.key], day)
        followed |= {(key, day): leader for key, leader in today.items()}
    return followed


class _Memory:
    """Who was unusual, and who followed whom, and when last: by subject key and direction."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, bool], tuple[Subject, int]] = {}
        self._followed: dict[tuple[str, bool], tuple[str, int]] = {}
        self._led: dict[tuple[str, bool], int] = {}

    def recent(self, one: Unusual, day: int) -> list[Subject]:
        """The subjects that were unusual in the same direction within the last days, or led somebody then."""
        return [
            subject
            for (_, is_rise), (subject, last) in self.seen.items()
            if is_rise == one.is_rise and day - last < MEMORY_DAYS
        ]

    def leader(self, one: Unusual, day: int) -> str | None:
        """Whom the subject has followed lately."""
        key, last = self._followed.get((one.subject.key, one.is_rise), ("", day - MEMORY_DAYS))
        return key if day - last < MEMORY_DAYS else None

    def has_led(self, one: Unusual, day: int) -> bool:
        """Whether others have followed the subject lately."""
        return day - self._led.get((one.subject.key, one.is_rise), day - MEMORY_DAYS) < MEMORY_DAYS

    def follow(self, one: Unusual, leader: str, day: int) -> None:
        """Note who leads; a cause goes on for as long as anything rings because of it."""
        self._followed[one.subject.key, one.is_rise] = leader, day
        self._led[leader, one.is_rise] = day
        if (leader, one.is_rise) in self.seen:
            self.seen[leader, one.is_rise] = self.seen[leader, one.is_rise][0], day


def _explained_by(wide: Unusual, narrow: Iterable[Subject], cells: Cells) -> Subject | None:
    """The narrowest subject that makes most of the impact; of equally narrow ones the one that makes more."""
    reached = [
        (_RANKS[subject.scope], cells.overlap(wide, subject) / wide.impact_pico_usd, subject.key, subject)
        for subject in narrow
        if _RANKS[subject.scope] > _RANKS[wide.subject.scope] and _can_share(wide.subject, subject)
    ]
    enough = [each for each in reached if each[1] >= EXPLAINS]
    return max(enough, key=lambda each: each[:3])[3] if enough else None


def _follow_broad(here: Sequence[Unusual], today: dict[str, str], cells: Cells) -> None:
    """Let narrower subjects follow the narrowest wider one that nothing narrower explains, where they are several or small in it."""
    alone = [each for each in here if each.subject.key not in today]
    for wide in sorted(alone, key=lambda each: -_RANKS[each.subject.scope]):
        within = [
            each
            for each in alone
            if _RANKS[each.subject.scope] > _RANKS[wide.subject.scope]
            and each.is_rise == wide.is_rise
            and each.subject.key not in today
            and _can_share(wide.subject, each.subject)
            and cells.overlap(each, wide.subject) / each.impact_pico_usd >= EXPLAINS
        ]
        if len(within) > 1 or (within and abs(within[0].impact_pico_usd) < BROAD_BELOW * abs(wide.impact_pico_usd)):
            today |= {each.subject.key: wide.subject.key for each in within}


def _can_share(one: Subject, other: Subject) -> bool:
    """Whether two subjects can have usage in common at all."""
    names = ("customer_id", "provider", "model", "feature")
    return all(
        None in {getattr(one, name), getattr(other, name)} or getattr(one, name) == getattr(other, name)
        for name in names
    )


def _lead(key: str, today: Mapping[str, str]) -> str:
    """The end of the chain: who is explained by one that is itself explained follows the last."""
    seen = {key}
    while (following := today.get(key)) is not None and following not in seen:
        key = following
        seen.add(key)
    return key


def drivers(one: Unusual, expected_pico_usd: int, actual_pico_usd: int, cells: Cells) -> Effects:
    """What volume, model mix, tokens per request and price add to a subject's day, against its usual days scaled to what was expected.

    Tokens are counted by what they are worth at fixed prices, so a changed share of the cache is among them.
    """
    before: dict[str, NDArray[np.float64]] = {}
    after: dict[str, NDArray[np.float64]] = {}
    for cell, vector in cells.within(one.subject):
        name = f"{cell.provider}/{cell.model}"
        before[name] = before.get(name, np.zeros(3)) + vector[:, one.usual].sum(axis=1)
        after[name] = after.get(name, np.zeros(3)) + vector[:, one.day]
    parts = effects(_cells(before, expected_pico_usd), _cells(after, actual_pico_usd))
    whole = Effects()
    for part in parts.values():
        whole = whole.plus(part)
    return whole


def _cells(sums: Mapping[str, NDArray[np.float64]], cost_pico_usd: int) -> dict[str, Cell]:
    """Models' usage brought to a sum of cost, to the pico-USD: the last model takes what division leaves."""
    paid = sum(int(each[2]) for each in sums.values())
    found: dict[str, Cell] = {}
    left = cost_pico_usd
    for number, (name, each) in enumerate(sorted(sums.items()), start=1):
        part = int(each[2]) * cost_pico_usd // paid if paid else 0
        part = left if number == len(sums) else part
        left -= part
        share = cost_pico_usd / paid if paid else 0.0
        requests, worth = round(each[0] * share), round(each[1] * share * 1e12)
        if not requests and not part:
            continue
        price = part * PRICE_PARTS // worth if worth else None
        quantities = {"requests": max(requests, 1), "worth": worth}
        prices: dict[str, int | None] = {
            "worth": price,
            "requests": None if worth else part * PRICE_PARTS // max(requests, 1),
        }
        found[name] = Cell(max(requests, 1), quantities, prices, part)
    return found
