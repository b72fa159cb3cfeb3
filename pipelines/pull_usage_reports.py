"""What a connector is made of: streams of days to read, and the values in their answers made into lines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import polars as pl

from pipelines.pull_usage_client import Access, ReportClient, UsageReportRefused
from pricing.usage_sources.records import Record
from store.provider_reports import COST_SCHEMA, USAGE_SCHEMA, Days
from store.usage_connections import CountsAs

PICO = 10**12
_LARGEST = 2**63 - 1
HISTORY_DAYS = 450  # fourteen months and some: as far back as margins are compared

Line = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What a stream tells of some days; None for what it does not speak of."""

    usage: pl.DataFrame | None = None
    costs: pl.DataFrame | None = None


@dataclass(frozen=True)
class DayStream:
    """Sums by day. `look_back_days` are read again each time, because reports grow and are corrected after the fact."""

    name: str
    read: Callable[[ReportClient, Days], Report]
    window_days: int
    look_back_days: int
    history_days: int = HISTORY_DAYS


@dataclass(frozen=True)
class CallStream:
    """Single calls, handed to the importer of usage files under `format` and told apart there by their ids."""

    name: str
    read: Callable[[ReportClient, datetime, datetime], Iterator[Sequence[Record]]]
    format: str
    look_back_days: int = 1
    window_days: int = 1
    history_days: int = HISTORY_DAYS


@dataclass(frozen=True)
class Source:
    """A kind of connection: what it is called, what it counts as unless somebody says otherwise, and its streams."""

    kind: str
    name: str
    counts_as: CountsAs
    streams: tuple[DayStream | CallStream, ...]

    @property
    def tells_calls(self) -> bool:
        """Whether it brings single calls, which are always usage of record."""
        return any(isinstance(stream, CallStream) for stream in self.streams)


Accesses = dict[str, Access]


def usage_report(lines: Sequence[Line]) -> Report:
    """Lines of usage: labels and counters by name, what is not told left out."""
    return Report(usage=pl.DataFrame(list(lines), schema=USAGE_SCHEMA))


def cost_report(lines: Sequence[Line]) -> Report:
    """Lines of cost, as `usage_report`."""
    return Report(costs=pl.DataFrame(list(lines), schema=COST_SCHEMA))


def start_of(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def windows(stream: DayStream | CallStream, read_until: datetime | None, now: datetime) -> list[Days]:
    """The spans of days to read at `now`, oldest first, each no longer than the source gives at once."""
    end = now.astimezone(UTC).date() + timedelta(days=1)
    first = end - timedelta(days=stream.history_days)
    if read_until is not None:
        first = max(first, read_until.astimezone(UTC).date() - timedelta(days=stream.look_back_days))
    spans: list[Days] = []
    while first < end:
        until = min(end, first + timedelta(days=stream.window_days))
        spans.append(Days(first, until))
        first = until
    return spans


def text(record: Record, name: str) -> str | None:
    """A label; None for nothing."""
    value = record.get(name)
    return None if value is None or value == "" else str(value)


def whole(record: Record, name: str) -> int:
    """A counter; sources leave out what is none. Raises UsageReportRefused for anything else."""
    value = record.get(name) or 0
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise UsageReportRefused(f"A report has {name} = {value!r}, which is no number.") from None
    if amount != amount.to_integral_value() or not 0 <= amount <= _LARGEST:
        raise UsageReportRefused(f"A report has {name} = {value}, which is no count.")
    return int(amount)


def rest(total: int, *parts: int) -> int:
    """What is left of a total after its parts. Raises UsageReportRefused where the parts are more than the total."""
    left = total - sum(parts)
    if left < 0:
        raise UsageReportRefused(
            f"A report has parts ({', '.join(map(str, parts))}) that exceed their total ({total})."
        )
    return left


def pico(amount: object, *, scale: int = PICO) -> int:
    """An amount in whole 10^-12 of its currency, half away from zero; `scale` is how many of these one unit of it has.

    Sources write dollars as floats: their shortest text is what was meant. Raises UsageReportRefused for what is no amount.
    """
    try:
        exact = (Decimal(str(amount)) * scale).quantize(Decimal(1), ROUND_HALF_UP)
    except InvalidOperation:
        raise UsageReportRefused(f"A report has the amount {amount!r}, which is no number.") from None
    if abs(exact) > _LARGEST:
        raise UsageReportRefused(f"A report has the amount {amount}, which is beyond what one line can hold.")
    return int(exact)


def parts(record: Record, name: str) -> list[Record]:
    """A list of objects under a name. Raises UsageReportRefused when something else is there: an answer of another shape."""
    found = record.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise UsageReportRefused(f"A report has no list under {name}: its shape is not the one that is known.")
    return found
