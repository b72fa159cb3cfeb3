"""Events that were posted, in any form that a record may have: to what intake keeps, and to a reason with its field for each other."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from pricing.usage import EVENT_FIELDS, LABELS, UsageRefused
from pricing.usage_sources import cloudevents, otel, own_logs
from pricing.usage_sources.kept import texts_of
from pricing.usage_sources.metering import normalize, table_of
from pricing.usage_sources.records import Record, text
from pricing.usage_sources.schema import our_fields

# What is older comes as a file; what is farther ahead is a clock that is wrong.
LATE, AHEAD = timedelta(days=35), timedelta(minutes=5)
ID_MAX, LABEL_MAX = 512, 1_000
_EXCEEDED = re.compile(r"cannot exceed (\w+)")


@dataclass(frozen=True)
class Moments:
    """Between which moments (microseconds since 1970, both inside) an event may have happened that comes now."""

    earliest: int
    latest: int


@dataclass(frozen=True)
class NotTaken:
    """A record that is no event to keep: its place among those sent, what it calls itself, the field that is wrong, and why."""

    index: int
    event_id: str | None
    field: str | None
    detail: str


@dataclass(frozen=True)
class Posted:
    """What was sent: events as (index, id, text of `kept`), and the others. `ignored` records are no model calls."""

    indexes: list[int]
    ids: list[str]
    texts: list[str]
    refused: list[NotTaken]
    ignored: int


Rule = Callable[[Record], Mapping[str, object] | None]


def moments(now: datetime) -> Moments:
    """Those of an event that comes at `now`."""
    return Moments(_micros(now - LATE), _micros(now + AHEAD))


def read_events(records: Sequence[Record | str], now: datetime) -> Posted:
    """Records of our own schema, with counters or a provider's answer, and CloudEvents; a text says why a record could not be read."""
    return _read(records, _event, _event_id, now)


def read_spans(records: Sequence[Record], now: datetime) -> Posted:
    """OpenTelemetry spans, flat as `otel.spans` gives them."""
    return _read(records, lambda span: otel.to_event(span, {}), otel.event_id, now)


def _event(record: Record) -> Mapping[str, object] | None:
    return cloudevents.to_event(record, {}) if _is_cloudevent(record) else own_logs.to_event(record, {})


def _event_id(record: Record) -> str | None:
    if _is_cloudevent(record):
        return cloudevents.event_id(record)
    return text(record, our_fields(record, {}).get("event_id", "event_id"))


def _is_cloudevent(record: Record) -> bool:
    return "specversion" in record


def _read(
    records: Sequence[Record | str], rule: Rule, name_of: Callable[[Record], str | None], now: datetime
) -> Posted:
    told: list[Mapping[str, object]] = []
    places: list[int] = []
    refused: list[NotTaken] = []
    for index, record in enumerate(records):
        if isinstance(record, str):
            refused.append(NotTaken(index, None, None, record))
            continue
        try:
            event = rule(record)
        except UsageRefused as error:
            refused.append(_refused(index, name_of(record), str(error)))
            continue
        if event is not None:
            told.append(event)
            places.append(index)
    ignored = len(records) - len(refused) - len(told)
    if not told:
        return Posted([], [], [], refused, ignored)
    events, kept_places, rejects = normalize(table_of(told), pl.Series("place", places, pl.Int64))
    refused += [_refused(*row) for row in rejects.select("place", "event_id", "reason").iter_rows()]
    indexes = kept_places.to_list()
    reasons = _strangers(events, now)
    refused += [
        _refused(index, event_id, reason)
        for index, event_id, reason in zip(indexes, events["event_id"], reasons, strict=True)
        if reason is not None
    ]
    is_good = [reason is None for reason in reasons]
    good = events.filter(pl.Series(is_good, dtype=pl.Boolean))
    return Posted(
        [index for index, is_kept in zip(indexes, is_good, strict=True) if is_kept],
        good["event_id"].to_list(),
        texts_of(good),
        sorted(refused, key=lambda one: one.index),
        ignored,
    )


def _strangers(events: pl.DataFrame, now: datetime) -> list[str | None]:
    """Why an event that could be read is not taken from a wire; None where it is."""
    earliest, latest = now - LATE, now + AHEAD
    labels = [name for name in LABELS if name not in ("event_id", "customer_id")]
    longest = events.select(pl.max_horizontal(pl.col(name).str.len_chars() for name in (*labels, "customer_ref")))
    return [
        _stranger(event_id, occurred_at, length or 0, earliest, latest)
        for event_id, occurred_at, length in zip(
            events["event_id"], events["occurred_at"], longest.to_series(), strict=True
        )
    ]


def _stranger(event_id: str, occurred_at: datetime, longest: int, earliest: datetime, latest: datetime) -> str | None:
    if occurred_at < earliest:
        return (
            f"occurred_at ({occurred_at:%Y-%m-%dT%H:%M:%SZ}) is more than {LATE.days} days ago: "
            "bring events of so long ago as a file, with `metering import-usage`"
        )
    if occurred_at > latest:
        return (
            f"occurred_at ({occurred_at:%Y-%m-%dT%H:%M:%SZ}) is more than {AHEAD.seconds // 60} minutes ahead of this server: "
            "set the sender's clock"
        )
    if len(event_id) > ID_MAX:
        return f"event_id has {len(event_id)} characters, and {ID_MAX} are the most"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in event_id):
        return f"event_id ({event_id!r:.80}) has control characters in it"
    if longest > LABEL_MAX:
        return f"a label has {longest} characters, and {LABEL_MAX} are the most"
    return None


def _refused(index: int, event_id: str | None, reason: str) -> NotTaken:
    exceeded = _EXCEEDED.search(reason)
    word = exceeded[1] if exceeded else reason.split(" ", 1)[0]
    return NotTaken(index, event_id, word if word in EVENT_FIELDS else None, reason)


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
