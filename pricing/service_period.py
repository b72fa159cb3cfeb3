"""The days that an amount pays for, cut at the ends of months and at the present."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise


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


def next_month(day: date) -> date:
    """The first day of the month after the day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
