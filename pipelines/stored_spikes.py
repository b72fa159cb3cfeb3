"""The unusual days that are stored, as `metering spikes` without a file prints them: one row for each alert and day."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl
from rich.markup import escape
from rich.table import Table

from pricing.anomaly_words import dollars
from pricing.money import exponent
from store import alert_reads
from store.alert_reads import StoredAlert, StoredDay
from store.database import Connection

_COLUMNS = (
    "day",
    "subject",
    "detector",
    "state",
    "is_provisional",
    "unit",
    "actual",
    "expected",
    "lower",
    "upper",
    "impact_minor",
    "currency",
    "score",
    "explained_by",
    "sentence",
)
_SCHEMA = {
    **dict.fromkeys(_COLUMNS, pl.String()),
    "day": pl.Date(),
    "is_provisional": pl.Boolean(),
    **dict.fromkeys(("actual", "expected", "lower", "upper", "impact_minor"), pl.Int128()),
    "score": pl.Float64(),
}
UNKNOWN = "unknown"


def stored_days(connection: Connection, since: date) -> pl.DataFrame:
    """The days of alerts since `since`, newest first and by impact. Amounts are whole numbers of `unit`.

    `explained_by` is the subject whose alert explains this one; null where an alert leads.
    """
    alerts = {alert.alert_id: alert for alert in alert_reads.begun_since(connection, since)}
    days = alert_reads.days_of(connection, list(alerts))
    rows = [
        _row(alerts[alert_id], day, alerts)
        for alert_id, of_alert in days.items()
        for day in of_alert
        if day.day >= since and not day.is_taken_back
    ]
    rows.sort(key=lambda row: (row["day"], abs(row["impact_minor"] or 0), row["subject"]), reverse=True)
    return pl.DataFrame(rows, schema=_SCHEMA)


def _row(alert: StoredAlert, day: StoredDay, alerts: Mapping[UUID, StoredAlert]) -> dict[str, Any]:
    explained_by: str | None = None
    if alert.parent_alert_id is not None:
        leader = alerts.get(alert.parent_alert_id)
        explained_by = UNKNOWN if leader is None else leader.subject_key
    own = {
        "subject": alert.subject_key,
        "detector": alert.detector,
        "state": alert.verdict or alert.state,
        "unit": alert.unit,
        "currency": alert.currency,
        "explained_by": explained_by,
    }
    return {name: own[name] if name in own else getattr(day, name) for name in _COLUMNS}


def table(rows: pl.DataFrame) -> Table:
    """The alerts that lead, with how many others each day's cause has rung."""
    followers: dict[tuple[object, object], int] = {}
    for day, explained_by in (
        rows.filter(pl.col("explained_by").is_not_null()).select("day", "explained_by").iter_rows()
    ):
        followers[day, explained_by] = followers.get((day, explained_by), 0) + 1
    shown = Table()
    for heading in ("day", "subject", "actual", "expected", "impact", "state", "what happened"):
        shown.add_column(heading, justify="right" if heading in {"actual", "expected", "impact"} else "left")
    for row in rows.filter(pl.col("explained_by").is_null()).iter_rows(named=True):
        more = followers.get((row["day"], row["subject"]), 0)
        said = row["sentence"] + (
            f" {more} wider or narrower one{'s' if more > 1 else ''} because of it." if more else ""
        )
        day = f"{row['day']}{' so far' if row['is_provisional'] else ''}"
        cells = [day, subject_words(row["subject"]), *_amounts(row), row["state"].replace("_", " "), said]
        shown.add_row(*(escape(cell) for cell in cells))
    return shown


def subject_words(key: str) -> str:
    """A subject's key as people read it: its scope, and the names in it."""
    scope, *parts = key.split("|")
    names = " / ".join(part.split("=", 1)[1] for part in parts)
    return f"{scope.replace('_', ' ')} {names}".strip()


def _amounts(row: Mapping[str, object]) -> Sequence[str]:
    unit = str(row["unit"])
    actual, expected, lower, upper = (_amount(row[name], unit) for name in ("actual", "expected", "lower", "upper"))
    band = "" if row["lower"] is None or row["upper"] is None else f" ({lower} to {upper})"
    impact = row["impact_minor"]
    assert impact is None or isinstance(impact, int)
    currency = str(row["currency"])
    money = UNKNOWN if impact is None else f"{Decimal(impact).scaleb(-exponent(currency)):+,} {currency.upper()}"
    return actual, f"{expected}{band}", money


def _amount(value: object, unit: str) -> str:
    if not isinstance(value, int):
        return UNKNOWN
    if unit == "pico_usd":
        return dollars(value)
    return f"{Decimal(value).scaleb(-4):,.2f} %" if unit == "ppm" else f"{value:,} {unit}"
