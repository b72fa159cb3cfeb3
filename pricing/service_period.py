"""The days that an amount pays for, cut at the ends of months and at the present."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise

from pricing.money import allocate


@dataclass(frozen=True, slots=True)
class Part:
    """Days of one month, from `start` until before `end` (UTC); earned where they have begun."""

    start: date
    end: date
    is_earned: bool

    @property
    def days(self) -> int:
        """How many days the part has."""
        return (self.end - self.start).days

    @property
    def month(self) -> date:
        """The first day of the month that the part lies in."""
        return self.start.replace(day=1)


def spread(start: datetime, end: datetime, *, as_of: datetime) -> list[Part]:
    """The period's days by month, the running month in two parts where `as_of` falls into it.

    A period counts whole UTC days, its first one in and its last one out, as it begins and ends at the same hour; one within a
    single day is that day.
    """
    first, last = start.date(), max(end.date(), start.date() + timedelta(days=1))
    begun = as_of.date() if as_of.timetz().replace(tzinfo=None) == time() else as_of.date() + timedelta(days=1)
    borders = {first, last}
    month = next_month(first)
    while month < last:
        borders.add(month)
        month = next_month(month)
    if first < begun < last:
        borders.add(begun)
    return [Part(day, until, is_earned=day < begun) for day, until in pairwise(sorted(borders))]


def by_days(amount_minor: int, parts: Sequence[Part]) -> list[int]:
    """The amount split over the parts by their days, to the last minor unit; negative amounts alike.

    Whole months first, then the running month into what has begun and what has not: a closed month's share does not move by a
    cent as time passes.
    """
    months = [list(group) for _, group in groupby(parts, key=lambda part: part.month)]
    shares = allocate(amount_minor, [sum(part.days for part in group) for group in months])
    split = (allocate(share, [part.days for part in group]) for share, group in zip(shares, months, strict=True))
    return [minor for minors in split for minor in minors]


def next_month(day: date) -> date:
    """The first day of the month after the day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
