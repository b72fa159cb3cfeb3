"""Periods as people name them: a month, a quarter, a year."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

_NAME = re.compile(r"(?P<year>\d{4})(-(?P<month>\d{2})|-[Qq](?P<quarter>[1-4]))?")


class NotAPeriod(ValueError):
    """A period is a month (2026-10), a quarter (2026-Q3) or a year (2026)."""


@dataclass(frozen=True, slots=True)
class NamedPeriod:
    """A period by its name, with the first days of its months."""

    name: str
    months: tuple[date, ...]


def named(name: str) -> NamedPeriod:
    """The period of that name. Raises NotAPeriod with a sentence."""
    found = _NAME.fullmatch(name.strip())
    if found is None or not 1 <= int(found["month"] or 1) <= 12 or int(found["year"]) == 0:
        raise NotAPeriod(f"A period is a month (2026-10), a quarter (2026-Q3) or a year (2026), not {name!r}.")
    year = int(found["year"])
    if found["month"]:
        return NamedPeriod(f"{year:04d}-{found['month']}", (date(year, int(found["month"]), 1),))
    if found["quarter"]:
        first = 3 * int(found["quarter"]) - 2
        return NamedPeriod(f"{year:04d}-Q{found['quarter']}", tuple(date(year, first + step, 1) for step in range(3)))
    return NamedPeriod(f"{year:04d}", tuple(date(year, month, 1) for month in range(1, 13)))


def choices(months: Sequence[date]) -> list[NamedPeriod]:
    """The periods that can be looked at when these months (oldest first) have ended: each month, newest first, then whole quarters
    and whole years.
    """
    known = set(months)
    by_month = [named(f"{month:%Y-%m}") for month in reversed(months)]
    years = sorted({month.year for month in months}, reverse=True)
    quarters = [named(f"{year}-Q{quarter}") for year in years for quarter in (4, 3, 2, 1)]
    return by_month + [
        period for period in [*quarters, *(named(str(year)) for year in years)] if known.issuperset(period.months)
    ]
