"""What the Spikes page reads: the alerts as they were stored, how often they were right, and which data are late; nothing is recomputed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from dashboard import margin_reading, reading
from dashboard.books import Books
from dashboard.spike_rows import Row, rows
from pricing.alert_explanation import ChartDay, Explanation, RateExplanation, from_document
from store import alert_list, alert_reads
from store.alert_reads import AlertQuality, StoredDay
from store.database import Connection, tenant_transaction
from store.steps import Step, read_steps


@dataclass(frozen=True)
class Board:
    """All that the page says before an alert is opened. `month_ends` in minor units; `looked_at` is None before the first run."""

    every: Sequence[Row]
    names: Mapping[str, str]
    quality: AlertQuality
    late: Mapping[str, Sequence[date]]
    month_ends: Mapping[UUID, int]
    run: alert_list.Run | None
    currency: str


@dataclass(frozen=True)
class Opened:
    """One alert with all that is kept of it. `explanation` is None until it has been worked out."""

    row: Row
    explanation: Explanation | RateExplanation | None
    found_in_version: int
    days: Sequence[ChartDay]
    found_days: Sequence[StoredDay]
    steps: Sequence[Step]
    names: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The sentence that explains it, or the one that it was found with."""
        return (self.explanation.sentence if self.explanation else "") or self.row.line.sentence


def board(opened: Books, current: reading.Reading, now: datetime) -> Board:
    """The list and what stands above it, in one transaction."""
    names = margin_reading.names(current)
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        return Board(
            rows(alert_list.lines(connection), names, current.tenant_name, now),
            names,
            alert_reads.quality(connection, now),
            alert_reads.late_sources(connection),
            alert_list.month_ends(connection),
            alert_list.last_run(connection),
            current.currency,
        )


def opened(books: Books, row: Row, names: Mapping[str, str]) -> Opened | None:
    """The alert of that row; None where it is gone."""
    alert_id = row.line.alert_id
    with tenant_transaction(books.engine, books.tenant_id) as connection:
        alert = alert_reads.one(connection, alert_id)
        if alert is None:
            return None
        found = alert_reads.days(connection, alert_id)
        steps = read_steps(connection, "alert", alert_id)
    explanation = None if alert.explanation is None else from_document(alert.explanation)
    days = explanation.days if explanation is not None else tuple(_chart_day(day) for day in found)
    return Opened(row, explanation, alert.restated_in_version, days, found, steps, names)


def _chart_day(day: StoredDay) -> ChartDay:
    return ChartDay(
        day=day.day, actual=day.actual, expected=day.expected, lower=day.lower, upper=day.upper, is_found=True
    )


def sparks(connection: Connection, found: Sequence[Row]) -> dict[UUID, tuple[int | None, ...]]:
    """The last days of the rows and of what is folded under them."""
    ids = [row.line.alert_id for above in found for row in (above, *above.children)]
    return alert_list.last_days(connection, ids)
