"""What an event of Stripe says and what follows from a failure to handle it. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from store.inbox import Told
from store.stripe_values import inside, moment, reference

MAX_ATTEMPTS = 8
# 5 s, 30 s, 3 min, 18 min, 1.8 h, then 6 h each: a weekend's outage at Stripe is sat out only in part, a night's is.
FIRST_WAIT = timedelta(seconds=5)
GROWTH = 6
LONGEST_WAIT = timedelta(hours=6)
JITTER = 0.2
THIN = "v2.core.event"
CHANGING_A_CHARGE = frozenset({"dispute", "refund", "radar.early_fraud_warning"})


class NotAnEvent(Exception):
    """A body that Stripe signed, but which is no event."""


@dataclass(frozen=True)
class AfterError:
    """Where an event stands after a failure."""

    state: Literal["received", "dead"]
    next_attempt_at: datetime


def read_event(body: bytes | str) -> Told:
    """The event in a body, a snapshot or a thin one (`v2.core.event`). Raises NotAnEvent."""
    try:
        text = body if isinstance(body, str) else body.decode()
        event = msgspec.json.decode(text)
    except (UnicodeDecodeError, msgspec.DecodeError) as wrong:
        raise NotAnEvent(f"The body is not JSON: {wrong}") from None
    event_id, event_type = inside(event, "id"), inside(event, "type")
    if (
        not isinstance(event_id, str)
        or not isinstance(event_type, str)
        or not event_id
        or "\x00" in event_id + event_type
    ):
        raise NotAnEvent("The body has no event's id and type in it.")
    kind, object_id = subject_of(event)
    return Told(event_id, event_type, kind, object_id, text, _created_at(event))


def subject_of(event: Any) -> tuple[str | None, str | None]:
    """Kind and id of the object an event is about: inside a snapshot, beside a thin event; None where it names none."""
    if inside(event, "object") == THIN:
        return _text(inside(event, "related_object", "type")), _text(inside(event, "related_object", "id"))
    subject = inside(event, "data", "object")
    return _text(inside(subject, "object")), _text(inside(subject, "id"))


def named_objects(event: Any) -> list[tuple[str, str]]:
    """Kind and id of each object that an event says has changed; none for a preview, which has no id.

    A dispute or a refund changes its charge too, which does not always have an event of its own.
    """
    kind, object_id = subject_of(event)
    named = [(kind, object_id)]
    if kind in CHANGING_A_CHARGE:
        named.append(("charge", reference(inside(event, "data", "object", "charge"))))
    return [(kind, id_) for kind, id_ in named if kind is not None and id_ is not None]


def after_error(event_id: str, attempts: int, *, is_permanent: bool, now: datetime) -> AfterError:
    """Wait six times as long after each of `attempts` tries, give or take a fifth that the event's id decides; then give up."""
    if is_permanent or attempts >= MAX_ATTEMPTS:
        return AfterError("dead", now)
    wait = min(FIRST_WAIT * GROWTH ** max(0, attempts - 1), LONGEST_WAIT)
    drawn = int.from_bytes(hashlib.sha256(f"{event_id}:{attempts}".encode()).digest()[:4], "big") / 2**32
    return AfterError("received", now + wait * (1 - JITTER + 2 * JITTER * drawn))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and "\x00" not in value else None


def _created_at(event: Any) -> datetime | None:
    """Seconds since 1970 in a snapshot, ISO 8601 in a thin event."""
    created = inside(event, "created")
    try:
        if isinstance(created, str):
            said = datetime.fromisoformat(created)
            return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
        return moment(created) if isinstance(created, int) else None
    except (ValueError, OverflowError, OSError):
        return None
