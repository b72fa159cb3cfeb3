"""Why a copy is not what Stripe has, as far as the events about the object tell: pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from billing.reconciliation_rules import Discrepancy, words

EventState = Literal["never_came", "received", "handled", "dead", "discarded", "followed"]

# No event tells of these, so they come with a pull only.
WITHOUT_EVENTS = frozenset({"balance_transaction", "invoice_payment"})

# Stripe's times are whole seconds, cut off: what is of a second may have happened until its end.
STRIPES_TICK = timedelta(seconds=1)


@dataclass(frozen=True)
class AboutIt:
    """An event about an object and what became of it here; `followed` are those that a pull read before any webhook told them."""

    event_id: str
    event_type: str
    created_at: datetime
    state: EventState


def explain(found: Discrepancy, about: Sequence[AboutIt], read_at: datetime | None) -> Discrepancy:
    """The discrepancy with its cause where that is known, and a copy told apart as stale (Stripe's is newer) or different.

    `about` are the known events about the object; `read_at` is when our copy was read, None when there is none.
    """
    newest = max(about, key=lambda event: (event.created_at, event.event_id), default=None)
    match found.kind:
        case "missing":
            return replace(found, cause=_why_missing(found, newest))
        case "extra":
            return replace(found, cause=_why_extra(newest))
        case "different" | "stale":
            return _why_different(found, newest, read_at)
        case "unbalanced":
            return found


def _why_missing(found: Discrepancy, newest: AboutIt | None) -> str:
    if newest is not None:
        return _fate(newest, "it was lost here afterwards")
    if found.object_kind in WITHOUT_EVENTS:
        return f"Stripe sends no events about a {words(found.object_kind)}: it comes with a pull, and no pull has brought it, or it was lost here."
    return "Stripe lists no event about it in the last 30 days: it was lost here, or it never came."


def _why_extra(newest: AboutIt | None) -> str:
    if newest is not None and newest.event_type.endswith(".deleted"):
        return _fate(newest, "our copy was made or changed afterwards")
    return "Stripe tells of no deletion: the row was not made by Stripe, or Stripe removed the object without an event."


def _why_different(found: Discrepancy, newest: AboutIt | None, read_at: datetime | None) -> Discrepancy:
    if all(" column " in f" {one.field}" for one in found.fields):
        cause = "Its columns do not say what the object stored beside them says: the row was changed here."
        return replace(found, kind="different", cause=cause)
    if newest is not None and read_at is not None and newest.created_at + STRIPES_TICK > read_at:
        return replace(found, kind="stale", cause=_fate(newest, "what it told was lost here afterwards"))
    if read_at is None:
        return found
    cause = (
        f"No event tells of a change since it was read on {read_at:%d %b %Y %H:%M} UTC: "
        "the row was changed here, or Stripe changed the object without an event."
    )
    return replace(found, kind="different", cause=cause)


def _fate(event: AboutIt, otherwise: str) -> str:
    """What became of the event that would have kept our copy right."""
    name = f"{event.event_type} ({event.event_id}) of {event.created_at:%d %b %Y %H:%M} UTC"
    match event.state:
        case "never_came":
            return f"The event {name} never came here."
        case "received":
            return f"The event {name} came and waits to be handled."
        case "dead":
            return f"The event {name} could not be handled: it is a dead letter."
        case "discarded":
            return f"The event {name} was a dead letter and was discarded."
        case "handled" | "followed":
            return f"The event {name} was followed, so {otherwise}."
