"""What provider APIs have in common: who may ask, pages of days, refusals in each one's own shape."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

PICO = 10**12
Answer = dict[str, Any]


@dataclass(frozen=True)
class Refusal(Exception):
    """What an API answers instead: its status and its own JSON."""

    status: int
    body: Answer
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Asked:
    """A request: parameters that may stand several times by name (`[]` taken off), headers in lower case, the JSON sent."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    sent: Any = None

    def one(self, name: str) -> str | None:
        """A parameter that stands once."""
        return next(iter(self.query.get(name, ())), None)


def days_of_page(
    first: date, end: date, limit: int, page: str | None, refuse: Callable[[str], Refusal]
) -> tuple[Sequence[date], str | None]:
    """The days of one page and the word for the next page, None at the end."""
    start = first
    if page is not None:
        try:
            start = date.fromisoformat(base64.urlsafe_b64decode(page.removeprefix("page_")).decode())
        except (ValueError, binascii.Error):
            raise refuse(f"Invalid page token {page!r}") from None
    last = min(end, start + timedelta(days=limit))
    days = [start + timedelta(days=number) for number in range((last - start).days)]
    more = None if last >= end else "page_" + base64.urlsafe_b64encode(last.isoformat().encode()).decode()
    return days, more


def dollars(pico_usd: int) -> Decimal:
    """An amount in pico-USD as dollars."""
    return Decimal(pico_usd) / PICO


def start_of(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def day_of(moment: datetime) -> date:
    """The UTC day of a moment, and the next one where it is not midnight: reports end with whole days."""
    at = moment.astimezone(UTC)
    return at.date() if at == start_of(at.date()) else at.date() + timedelta(days=1)
