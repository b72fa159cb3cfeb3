"""The company's accounts at its providers: what they show of its usage at a moment, what they corrected, and how they misbehave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import polars as pl

from sandbox.http.pace import Pace
from sandbox.providers.meter import metered
from sandbox.providers.prices import UNITS

# So long after the end of a day the calls that came late are in its reports.
LATE_BY = timedelta(hours=30)


@dataclass(frozen=True)
class Correction:
    """From `known_from` on a provider bills only `percent` of what it billed for a day before."""

    provider: str
    day: date
    percent: int
    known_from: datetime


@dataclass(frozen=True)
class Trouble:
    """The next `times` requests whose path ends with `path` go wrong: rate_limit, server_error, broken_json or cut_off."""

    path: str
    kind: str
    times: int = 1
    retry_after_seconds: int = 0


@dataclass
class Accounts:
    """All provider accounts of one company, at the moment that `now` (unix seconds) says."""

    events: pl.DataFrame
    now: Callable[[], int]
    corrections: list[Correction] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    pace: Pace = field(default_factory=lambda: Pace(None))
    asked: list[str] = field(default_factory=list)

    @cached_property
    def _metered(self) -> pl.DataFrame:
        return metered(self.events)

    def moment(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def lines(self, provider: str, first: date, end: date) -> pl.DataFrame:
        """What a provider shows at this moment of the days from `first` to `end` (exclusive): sandbox.providers.meter's lines."""
        on_time = (self.moment() - LATE_BY - timedelta(days=1)).date()
        shown = self._metered.filter(
            pl.col("provider") == provider,
            pl.col("day") >= first,
            pl.col("day") < min(end, self.moment().date() + timedelta(days=1)),
            ~pl.col("is_late") | (pl.col("day") <= on_time),
        )
        for correction in self.corrections:
            if correction.provider == provider and correction.known_from <= self.moment():
                shown = _corrected(shown, correction)
        return shown

    def by_day(self, provider: str, days: Sequence[date]) -> dict[date, pl.DataFrame]:
        """The lines of consecutive days by day."""
        lines = self.lines(provider, days[0], days[-1] + timedelta(days=1)) if days else self._metered.clear()
        found = {key[0]: part for key, part in lines.partition_by("day", as_dict=True).items()}
        return {day: found.get(day, lines.clear()) for day in days}

    def calls(self, first: datetime, end: datetime) -> pl.DataFrame:
        """The single calls in a span, as a gateway between company and providers has them, oldest first."""
        until = min(end, self.moment())
        return self.events.filter(pl.col("occurred_at").is_between(first, until, closed="left")).sort(
            "occurred_at", "event_id"
        )

    def strike(self, path: str) -> Trouble | None:
        """The trouble that was ordered for a request, used up by one."""
        for place, trouble in enumerate(self.troubles):
            if trouble.times > 0 and path.endswith(trouble.path):
                self.troubles[place] = replace(trouble, times=trouble.times - 1)
                return trouble
        return None


def _corrected(lines: pl.DataFrame, correction: Correction) -> pl.DataFrame:
    costs = [f"{unit}_pico_usd" for unit in UNITS]
    is_that_day = pl.col("day") == correction.day
    return lines.with_columns(
        pl.when(is_that_day).then(pl.col(name) * correction.percent // 100).otherwise(pl.col(name)).alias(name)
        for name in costs
    )
