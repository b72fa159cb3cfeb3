"""The worker's jobs about meters: tell them what was used, and compare with Stripe's sums."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import procrastinate
import structlog

from billing.meter_push import MeterSink
from billing.meter_sinks import FileSink, StripeV1Sink, StripeV2Sink
from billing.stripe_gateway import StripeGateway
from pipelines import push_meters
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_client import StripeReader
from pipelines.read_meters import reported_errors, units_by_day
from pipelines.schedule import COMPARE_METERS, PUSH_METERS
from store import meter_ledger
from store.database import Engine, clock, tenant_transaction
from store.meter_ledger import StoredRule
from store.settings import Settings

log = structlog.get_logger(__name__)

# Events that Stripe found wrong are asked for so far back: it tells within minutes, and a missed look is made up for.
ERRORS_SINCE = timedelta(days=3)


def register(
    queue: procrastinate.App, engine: Engine, tenant_id: UUID, settings: Settings, stripe: StripeConfig
) -> None:
    """Register both for this installation's tenant; two pushes, or two comparisons, never run at once."""

    @queue.periodic(cron=PUSH_METERS.cron, periodic_id=str(tenant_id))
    @queue.task(
        name=PUSH_METERS.name, queueing_lock=f"meters-{tenant_id}", lock=f"meters-{tenant_id}", pass_context=False
    )
    def run_push(timestamp: int) -> None:
        push(engine, settings, tenant_id, now=clock(engine))
        log.debug("meters_pushed", due=timestamp)

    lock = f"compare-meters-{tenant_id}"

    @queue.periodic(cron=COMPARE_METERS.cron, periodic_id=str(tenant_id))
    @queue.task(name=COMPARE_METERS.name, queueing_lock=lock, lock=lock, pass_context=False)
    def run_compare(timestamp: int) -> None:
        compare(engine, tenant_id, stripe, now=clock(engine))
        log.debug("meters_compared", due=timestamp)


def push(engine: Engine, settings: Settings, tenant_id: UUID, *, now: datetime) -> None:
    """Write down what is due under each rule, and send it where the rule is live and there is a way to send."""
    for stored in _rules(engine, tenant_id):
        rule_id = stored.rule.rule_id
        written = push_meters.write_down(engine, settings.metering_home, tenant_id, stored, now=now)
        if written.events or written.surplus:
            surplus = sum(one.units for one in written.surplus)
            log.info("meter_events_due", rule=rule_id, events=written.events, units=written.units, surplus=surplus)
        if stored.mode != "live":
            continue
        with sink_of(settings, stored, now) as sink:
            if sink is None:
                log.info(
                    "meter_rests", rule=rule_id, reason="STRIPE_WRITE_KEY is not set, so nothing is sent to Stripe"
                )
                continue
            sent = push_meters.send_due(engine, tenant_id, stored, sink, now=now)
        if sent:
            log.info("meter_events_sent", rule=rule_id, events=sent)


def compare(engine: Engine, tenant_id: UUID, stripe: StripeConfig, *, now: datetime) -> dict[str, dict[str, int]]:
    """Hear of events that Stripe found wrong, then compare each rule's days with Stripe's sums; counts by rule and outcome."""
    rules = [stored for stored in _rules(engine, tenant_id) if stored.sink != "file"]
    if not rules:
        return {}
    found = {}
    with StripeReader(stripe) as reader:
        reasons = reported_errors(reader, now - ERRORS_SINCE)
        for event in push_meters.reject_reported(engine, tenant_id, reasons, now=now):
            log.warning("meter_event_rejected", identifier=event.identifier, code=event.trouble_code)
        for stored in rules:
            counted = push_meters.compare(
                engine, tenant_id, stored, lambda *asked: units_by_day(reader, *asked), now=now
            )
            found[stored.rule.rule_id] = counted
            log.info("meter_compared", rule=stored.rule.rule_id, days=counted)
    return found


@contextmanager
def sink_of(settings: Settings, stored: StoredRule, now: datetime) -> Iterator[MeterSink | None]:
    """Where a rule's events go, open for the length of the block; None where the key to write is missing."""
    if stored.sink == "file":
        yield FileSink(file_of(settings.metering_home, stored.rule.rule_id))
        return
    if settings.stripe_write_key is None:
        yield None
        return
    gateway = StripeGateway(settings.stripe_write_key.get_secret_value(), settings.stripe_api_base)
    try:
        yield StripeV1Sink(gateway) if stored.sink == "stripe_v1" else StripeV2Sink(gateway, lambda: now)
    finally:
        gateway.close()


def file_of(home: Path, rule_id: str) -> Path:
    """The file that a rule's events are appended to."""
    folder = home / "meters"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{rule_id}.jsonl"


def _rules(engine: Engine, tenant_id: UUID) -> list[StoredRule]:
    with tenant_transaction(engine, tenant_id) as connection:
        return [stored for stored in meter_ledger.rules(connection) if stored.mode != "off"]
