"""Tells meters what was used: write down what is due, send what is written, and compare with what Stripe has summed up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from billing import meter_push
from billing.meter_push import MeterSink, Rejected
from pricing.meter_windows import BillingPeriods, Counted, MeterRule, Surplus, due
from store import customer_mappings, lake, meter_ledger, meter_usage
from store.database import Connection, Engine, tenant_transaction
from store.failpoints import reach
from store.meter_ledger import MeterEvent, StoredRule

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)
BATCH = 200
DAY = timedelta(days=1)

ReadSummaries = Callable[[str, str, datetime, datetime], Mapping[date, int]]
"""(meter, customer, from, to) to units by UTC day, as Stripe sums them up."""


@dataclass(frozen=True)
class WrittenDown:
    """What one look at the usage added to the ledger, and the billing periods in which more was told than was used."""

    events: int
    units: int
    surplus: Sequence[Surplus]


def write_down(engine: Engine, home: Path, tenant_id: UUID, stored: StoredRule, *, now: datetime) -> WrittenDown:
    """Write down what is still to be told under a rule, for windows that are over; the same usage again adds nothing.

    Raises LakeDamaged where usage cannot be read.
    """
    rule = stored.rule
    until = meter_push.windows_closed(now, rule.window)
    is_shadow = stored.mode == "shadow"
    with tenant_transaction(engine, tenant_id) as connection:
        # Held to the end, so that two workers never work out the same event.
        meter_ledger.lock(connection, rule.rule_id)
        periods = meter_usage.billing_periods(connection)
        refs = customer_mappings.customer_refs(connection)
        starts = meter_push.since(periods, set(refs["customer_id"]), now, rule.starts_at)
        earliest = min(starts.values(), default=until)
        if earliest >= until:
            return WrittenDown(0, 0, ())
        files = lake.read_manifest(connection)
        used = meter_usage.metered_usage(home, tenant_id, files, refs, periods, rule, since=earliest, until=until)
        told = meter_ledger.told(connection, rule.rule_id, since=earliest, is_shadow=is_shadow)
        found, surplus = due(_within(used, starts), _within(told, starts), periods, rule.per)
        known = meter_ledger.revisions(connection, rule.rule_id, since=earliest)
        rows = meter_push.rows_of(tenant_id, rule.rule_id, found, known, is_shadow=is_shadow, now=now)
        meter_ledger.add(connection, rows)
        _take_back(connection, rule, periods, surplus, now)
        reach("meter events written")
    reach("meter events committed")
    return WrittenDown(len(found), sum(one.quantity for one in found), surplus)


def _within(counted: Sequence[Counted], starts: Mapping[str, datetime]) -> list[Counted]:
    return [one for one in counted if one.customer_id in starts and one.window_start >= starts[one.customer_id]]


def _take_back(
    connection: Connection, rule: MeterRule, periods: BillingPeriods, surplus: Sequence[Surplus], now: datetime
) -> None:
    """Cancel events of a period in which too much was told, the newest first, while Stripe still cancels them.

    What is canceled beyond the surplus is due again, and the next look tells it. Older events stay: only a person can give that back.
    """
    for one in surplus:
        told = ("pending", "sent", "accepted", "canceling")
        of_period = [
            event
            for event in meter_ledger.read(connection, rule.rule_id, since=one.period_start, states=told)
            if event.customer_id == one.customer_id
            and periods.start(event.customer_id, event.window_start) == one.period_start
        ]
        left = one.units - sum(event.units for event in of_period if event.state == "canceling")
        for event in sorted(of_period, key=lambda event: event.window_start, reverse=True):
            if left <= 0:
                break
            if event.state == "canceling" or meter_push.is_forgotten(event, now):
                continue
            to = "canceled" if event.state == "pending" else "canceling"
            moved = meter_ledger.move(connection, [event.identifier], [event.state], state=to, next_attempt_at=now)
            left -= sum(found.units for found in moved)


def send_due(engine: Engine, tenant_id: UUID, stored: StoredRule, sink: MeterSink, *, now: datetime) -> int:
    """Send what is due under a rule, and take back what is to be canceled; returns how many events were taken up.

    Any number of workers may run it at once. An event that was sent without an answer is sent again under its identifier for 23 hours
    and looked up after that.
    """
    taken = 0
    while True:
        with tenant_transaction(engine, tenant_id) as connection:
            events = meter_ledger.claim(
                connection,
                stored.rule.rule_id,
                now=now,
                lease=LEASE,
                limit=BATCH,
                states=("pending", "sending", "canceling"),
            )
        if not events:
            return taken
        reach("meter events claimed")
        taken += len(events)
        _send(engine, tenant_id, stored, sink, events, now)


def _send(
    engine: Engine, tenant_id: UUID, stored: StoredRule, sink: MeterSink, events: Sequence[MeterEvent], now: datetime
) -> None:
    forgotten = [event for event in events if event.state == "sending" and meter_push.is_forgotten(event, now)]
    to_cancel = [event for event in events if event.state == "canceling"]
    to_send = [event for event in events if event.state != "canceling" and event not in forgotten]
    with tenant_transaction(engine, tenant_id) as connection:
        for event in forgotten:
            meter_ledger.record(connection, event, state="unknown", last_trouble=FORGOTTEN)
        to_send = meter_ledger.mark_sending(connection, to_send, now=now)
    reach("meter sending committed")
    outcomes = sink.send(stored.rule.event_name, to_send) if to_send else []
    canceled = [sink.cancel(stored.rule.event_name, event) for event in to_cancel]
    reach("meter answer received")
    with tenant_transaction(engine, tenant_id) as connection:
        for event, outcome in zip(to_send, outcomes, strict=True):
            meter_ledger.record(connection, event, **meter_push.after(event, outcome, now))
        for event, outcome in zip(to_cancel, canceled, strict=True):
            meter_ledger.record(connection, event, **meter_push.after_cancel(outcome, now))
        reach("meter result written")
    reach("meter result committed")
    for event, outcome in zip(to_send, outcomes, strict=True):
        if isinstance(outcome, Rejected):
            log.warning("meter_event_rejected", identifier=event.identifier, code=outcome.code, reason=outcome.sentence)


FORGOTTEN = "It was sent more than 23 hours ago without an answer, so Stripe's sums decide whether it arrived."


def reject_reported(
    engine: Engine, tenant_id: UUID, reasons: Mapping[str, tuple[str, str]], *, now: datetime
) -> list[MeterEvent]:
    """Mark events that Stripe reported later as not counted: identifier to (code, sentence). Returns those that are ours."""
    moved = []
    with tenant_transaction(engine, tenant_id) as connection:
        for identifier, (code, sentence) in reasons.items():
            moved += meter_ledger.move(
                connection,
                [identifier],
                ("sending", "unknown", "sent", "accepted"),
                state="rejected",
                settled_at=now,
                trouble_code=code,
                last_trouble=sentence,
            )
    return moved


def compare(
    engine: Engine, tenant_id: UUID, stored: StoredRule, read_summaries: ReadSummaries, *, now: datetime
) -> dict[str, Any]:
    """Compare each customer's days with Stripe's sums, and settle what that settles; counts by what came of a day."""
    rule = stored.rule
    oldest = (now - timedelta(days=35)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with tenant_transaction(engine, tenant_id) as connection:
        events = meter_ledger.read(connection, rule.rule_id, since=oldest)
        seen = meter_ledger.drifts(connection, rule.rule_id)
    found: dict[str, int] = {}
    for customer_id in sorted({event.customer_id for event in events}):
        of_customer = [event for event in events if event.customer_id == customer_id]
        end = max(event.day for event in of_customer) + DAY
        until = datetime(end.year, end.month, end.day, tzinfo=UTC)
        sums = read_summaries(rule.meter_id, customer_id, oldest, until)
        by_day = {day: list(of_day) for day, of_day in groupby(sorted(of_customer, key=_day), key=_day)}
        drifts = []
        with tenant_transaction(engine, tenant_id) as connection:
            for day in sorted(by_day.keys() | sums.keys()):
                earlier = seen.get((customer_id, day))
                of_day = by_day.get(day, [])
                said, drift = _settle_day(connection, stored, customer_id, day, of_day, sums.get(day, 0), earlier, now)
                found[said] = found.get(said, 0) + 1
                drifts += [drift] if drift else []
            meter_ledger.keep_drifts(connection, tenant_id, drifts)
    return found


def _day(event: MeterEvent) -> date:
    return event.day


def _settle_day(
    connection: Connection,
    stored: StoredRule,
    customer_id: str,
    day: date,
    events: Sequence[MeterEvent],
    stripe_units: int,
    earlier: Any,
    now: datetime,
) -> tuple[str, dict[str, Any] | None]:
    """Move the day's events as Stripe's sum says; what came of it, and the difference that is to be kept, None without one."""
    is_short = (
        earlier is not None and earlier.state == "seen" and now - earlier.first_seen_at >= meter_push.SETTLED_AFTER
    )
    short_by = earlier.told_units - earlier.stripe_units if earlier is not None and is_short else None
    verdict = meter_push.judge_day(
        events, stripe_units, was_short_by=short_by, now=now, is_shadow=stored.mode == "shadow"
    )
    for identifier, state in verdict.moves.items():
        meter_ledger.move(connection, [identifier], ("sent", "accepted", "unknown"), state=state, settled_at=now)
    if not verdict.sentence and (earlier is None or verdict.drift != "none" or earlier.state == "gone"):
        return verdict.drift, None
    state = {"none": "gone", "wait": "seen"}.get(verdict.drift, verdict.drift)
    is_same = earlier is not None and earlier.state == state and earlier.stripe_units == stripe_units
    return verdict.drift, {
        "rule_id": stored.rule.rule_id,
        "customer_id": customer_id,
        "day": day,
        "told_units": meter_push.told_units(events, is_shadow=stored.mode == "shadow"),
        "stripe_units": stripe_units,
        "state": state,
        "sentence": verdict.sentence,
        "first_seen_at": earlier.first_seen_at if earlier is not None and is_same else now,
        "last_seen_at": now,
    }
