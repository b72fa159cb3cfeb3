"""Telling Stripe's meters: what each answer means for an event of the ledger, and what to make of Stripe's sums. All pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from pricing.meter_windows import BillingPeriods, Counted
from store.meter_ledger import MeterEvent

# Stripe takes events up to 35 calendar days old; an hour of it is kept for the way.
OLDEST = timedelta(days=35) - timedelta(hours=1)
# Stripe forgets an identifier after 24 hours; from then on the same event would count again. So long, too, an event can be canceled.
IDENTIFIER_IS_TRUSTED = timedelta(hours=23)
# A window is told when it is over, and a little later, because usage comes late.
GRACE = timedelta(minutes=5)
# Stripe's sums lag behind: a difference counts when it is seen again after that long, and only of events that are as old.
SETTLED_AFTER = timedelta(hours=1)
PATIENCE = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3_600))
# More rows than that are not searched for the one that Stripe lacks.
MOST_SEARCHED = 400


@dataclass(frozen=True)
class Delivered:
    """Stripe has it, now or since an earlier try."""


@dataclass(frozen=True)
class Rejected:
    """Stripe will never take it."""

    sentence: str
    code: str | None = None


@dataclass(frozen=True)
class InDoubt:
    """It may have arrived or not; the same identifier may be sent again while Stripe remembers it."""

    trouble: str


MeterOutcome = Delivered | Rejected | InDoubt


class MeterSink(Protocol):
    """Where events go. A sink must take an identifier that it has seen within a day for the same event."""

    def send(self, event_name: str, events: Sequence[MeterEvent]) -> list[MeterOutcome]:
        """One outcome for each event, in order; what happens to one must not touch the others."""
        ...

    def cancel(self, event_name: str, event: MeterEvent) -> MeterOutcome:
        """Take one event back that was sent within a day."""
        ...


def identifier(tenant_id: UUID, rule_id: str, customer_id: str, window_start: datetime, revision: int) -> str:
    """What an event is known by, at most 100 characters: the same deed has the same one, whoever makes it."""
    whose = hashlib.sha256(f"{tenant_id}/{rule_id}".encode()).hexdigest()[:16]
    return f"{whose}.{customer_id[-48:]}.{int(window_start.timestamp())}.{revision}"


def rows_of(
    tenant_id: UUID,
    rule_id: str,
    due: Iterable[Counted],
    revisions: Mapping[tuple[str, datetime], int],
    *,
    is_shadow: bool,
    now: datetime,
) -> list[dict[str, Any]]:
    """New rows of the ledger for what is due; what Stripe would not take for its age is written down as `too_late`."""
    rows = []
    for one in due:
        revision = revisions.get((one.customer_id, one.window_start), 0) + 1
        is_late = one.window_start < now - OLDEST
        rows.append(
            {
                "tenant_id": tenant_id,
                "identifier": identifier(tenant_id, rule_id, one.customer_id, one.window_start, revision),
                "rule_id": rule_id,
                "customer_id": one.customer_id,
                "window_start": one.window_start,
                "revision": revision,
                "units": one.quantity,
                "state": "shadow" if is_shadow else "too_late" if is_late else "pending",
                "made_at": now,
                "next_attempt_at": now,
                "last_trouble": TOO_LATE if is_late and not is_shadow else None,
            }
        )
    return rows


TOO_LATE = "The window is more than 35 days old, so no meter takes it: bill it as an invoice item."


def since(periods: BillingPeriods, customers: Iterable[str], now: datetime, starts_at: datetime) -> dict[str, datetime]:
    """From where each customer's usage must be known, so that whole billing periods are divided: at most 35 days and a period."""
    return {customer: max(starts_at, periods.start(customer, now - OLDEST)) for customer in customers}


def windows_closed(now: datetime, window: str) -> datetime:
    """The end of the last window that is over and may be told."""
    at = (now - GRACE).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return at if window == "hour" else at.replace(hour=0)


def after(event: MeterEvent, outcome: MeterOutcome, now: datetime) -> dict[str, Any]:
    """The columns that an answer changes. In doubt it is sent again as long as Stripe knows the identifier, then looked up."""
    match outcome:
        case Delivered():
            return {"state": "sent", "settled_at": now, "last_trouble": None, "trouble_code": None}
        case Rejected(sentence=sentence, code=code):
            return {"state": "rejected", "settled_at": now, "last_trouble": sentence, "trouble_code": code}
        case InDoubt(trouble=trouble):
            if is_forgotten(event, now):
                return {"state": "unknown", "last_trouble": trouble}
            wait = PATIENCE[min(event.attempts, len(PATIENCE)) - 1]
            return {"state": "sending", "last_trouble": trouble, "next_attempt_at": now + wait}


def after_cancel(outcome: MeterOutcome, now: datetime) -> dict[str, Any]:
    """The same for an event that is taken back; what Stripe will not take back stands, and its reason says so."""
    match outcome:
        case Delivered():
            return {"state": "canceled", "settled_at": now, "last_trouble": None}
        case Rejected(sentence=sentence):
            return {"state": "sent", "settled_at": now, "last_trouble": f"It could not be taken back: {sentence}"}
        case InDoubt(trouble=trouble):
            return {"state": "canceling", "last_trouble": trouble, "next_attempt_at": now + PATIENCE[2]}


def is_forgotten(event: MeterEvent, now: datetime) -> bool:
    """Whether Stripe may no longer know the identifier of an event that was sent: then it must not be sent again unseen."""
    return event.first_sent_at is not None and now - event.first_sent_at >= IDENTIFIER_IS_TRUSTED


@dataclass(frozen=True)
class Verdict:
    """What a customer's day at Stripe says: which events are moved to which state, and the difference that is left."""

    moves: Mapping[str, str]
    drift: Literal["none", "wait", "sent_again", "reported"] = "none"
    sentence: str = ""


def told_units(events: Iterable[MeterEvent], *, is_shadow: bool = False) -> int:
    """The units that Stripe should have of these events; in the shadow, those that it would have been told."""
    counted = {"shadow"} if is_shadow else {"sent", "accepted"}
    return sum(event.units for event in events if event.state in counted)


def judge_day(
    events: Sequence[MeterEvent],
    stripe_units: int,
    *,
    was_short_by: int | None,
    now: datetime,
    is_shadow: bool = False,
) -> Verdict:
    """Compare a day's events with Stripe's sum. `was_short_by` is the shortage seen an hour ago or longer, None without one.

    Unknown events are settled only where the sum leaves no choice. What Stripe lacks is sent again only when the same shortage is
    seen twice, when nothing is under way, and when events of ours come to exactly that; what Stripe has beyond is reported. In the
    shadow nothing is ever sent: a difference says how far what Stripe is told by others is from what it would be told here.
    """
    if is_shadow:
        return _judge_shadow(told_units(events, is_shadow=True), stripe_units)
    if any(_is_under_way(event, now) for event in events):
        return Verdict({}, "wait")
    beyond = stripe_units - told_units(events)
    unknown = [event for event in events if event.state == "unknown"]
    if unknown:
        return _judge_unknown(unknown, beyond, now)
    return _judge_sum([event for event in events if event.state in {"sent", "accepted"}], beyond, was_short_by)


def _judge_shadow(would: int, stripe_units: int) -> Verdict:
    if would == stripe_units:
        return Verdict({})
    return Verdict({}, "reported", f"Stripe has {stripe_units:,} units, the usage comes to {would:,}.")


def _is_under_way(event: MeterEvent, now: datetime) -> bool:
    """Whether Stripe's sum may still change because of this event."""
    if event.state in {"pending", "sending", "canceling"}:
        return True
    is_new = event.settled_at is not None and now - event.settled_at < SETTLED_AFTER
    return is_new and event.state in {"sent", "canceled"}


def _judge_sum(ours: Sequence[MeterEvent], beyond: int, was_short_by: int | None) -> Verdict:
    have = told_units(ours)
    stripe_units = have + beyond
    if beyond == 0:
        return Verdict({event.identifier: "accepted" for event in ours if event.state == "sent"})
    if beyond > 0:
        said = f"Stripe has {stripe_units:,} units, {have:,} were told: {beyond:,} too many."
        return Verdict({}, "reported", said)
    said = f"Stripe has {stripe_units:,} of the {have:,} units that were told: {-beyond:,} are missing."
    if was_short_by != -beyond:
        return Verdict({}, "wait", said)
    missing = adding_up_to(ours, -beyond)
    if missing is None:
        return Verdict({}, "reported", f"{said} No events come to exactly that, so nothing is sent again.")
    return Verdict({event.identifier: "lost" for event in missing}, "sent_again", f"{said} They are sent again.")


def _judge_unknown(unknown: Sequence[MeterEvent], beyond: int, now: datetime) -> Verdict:
    """Which of the unknown events arrived, from what Stripe has beyond the known ones."""
    if any(
        event.first_sent_at is not None and now - event.first_sent_at < IDENTIFIER_IS_TRUSTED + SETTLED_AFTER
        for event in unknown
    ):
        return Verdict({}, "wait")
    all_units = sum(event.units for event in unknown)
    if beyond == 0:
        return Verdict({event.identifier: "lost" for event in unknown})
    if beyond == all_units:
        return Verdict({event.identifier: "accepted" for event in unknown})
    arrived = adding_up_to(unknown, beyond)
    if (
        arrived is not None
        and len({event.units for event in unknown}) == len(unknown)
        and _is_only_way(unknown, beyond)
    ):
        found = {event.identifier for event in arrived}
        return Verdict({event.identifier: "accepted" if event.identifier in found else "lost" for event in unknown})
    said = f"{len(unknown)} events of {all_units:,} units in all were sent without an answer, and Stripe has {beyond:,} units beyond the others."
    return Verdict({}, "reported", f"{said} Which of them arrived cannot be told.")


def adding_up_to(events: Sequence[MeterEvent], units: int) -> list[MeterEvent] | None:
    """Events whose units come to exactly that, the newest first where there is a choice; None when none do."""
    if units <= 0 or len(events) > MOST_SEARCHED:
        return None
    ways: dict[int, list[MeterEvent]] = {0: []}
    for event in sorted(events, key=lambda one: one.window_start, reverse=True):
        for reached, chosen in list(ways.items()):
            more = reached + event.units
            if more <= units and more not in ways:
                ways[more] = [*chosen, event]
        if units in ways:
            return ways[units]
    return None


def _is_only_way(events: Sequence[MeterEvent], units: int) -> bool:
    counts = {0: 1}
    for event in events:
        for reached, number in list(counts.items()):
            counts[reached + event.units] = counts.get(reached + event.units, 0) + number
    return counts.get(units) == 1
