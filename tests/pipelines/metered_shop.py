"""What the tests of the meter push share: a shop with a meter at the sandbox, usage in its lake, and a worker's rounds."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from billing import meter_rules
from billing.meter_push import MeterSink
from billing.meter_sinks import StripeV1Sink, StripeV2Sink
from billing.stripe_gateway import StripeGateway
from pipelines import push_meters
from pipelines.import_usage import import_files
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_client import StripeReader
from pipelines.read_meters import reported_errors, units_by_day
from pricing.meter_windows import MeterRule
from sandbox.billing.meter_events import aggregated, counted_events
from store import customer_mappings, meter_ledger, stripe_mirror
from store.database import tenant_transaction
from store.meter_ledger import MeterEvent, StoredRule
from tests.sandbox.shop import customer, meter, report
from tests.sandbox_fixtures import SandboxServer, stripe_client

HEADER = "event_id,occurred_at,customer_id,provider,model,input_tokens,output_tokens\n"
RULE = "tokens"


@dataclass
class MeteredShop:
    """A tenant whose tokens are metered: `per` tokens, in and out, are one unit. Time is the sandbox's."""

    engine: Engine
    home: Path
    tenant_id: UUID
    stripe: SandboxServer
    per: int = 1_000
    version: str = "stripe_v1"
    customers: list[str] = field(default_factory=list)
    used: list[tuple[str, datetime, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sdk = stripe_client(self.stripe.url)
        self.gateway = StripeGateway("sk_test_sandbox", self.stripe.url, timeout_seconds=5)
        config = StripeConfig("sk_test_sandbox", self.stripe.url, requests_per_second=1_000, first_wait_seconds=0.001)
        self.reader = StripeReader(config)
        self.meter_id = meter(self.sdk)
        self.sink = self.new_sink()
        rule = MeterRule(
            rule_id=RULE,
            event_name="tokens",
            meter_id=self.meter_id,
            counted=("input_uncached_tokens", "output_text_tokens"),
            per=self.per,
            starts_at=self.now,
        )
        with tenant_transaction(self.engine, self.tenant_id) as connection:
            meter_ledger.add_rule(
                connection, self.tenant_id, rule, sink=self.version, mode="live", made_by="test", now=self.now
            )

    def new_sink(self) -> MeterSink:
        """What a worker that has just started sends with."""
        return (
            StripeV1Sink(self.gateway) if self.version == "stripe_v1" else StripeV2Sink(self.gateway, lambda: self.now)
        )

    @property
    def told_at(self) -> str:
        """Where events are sent to."""
        return "/v1/billing/meter_events" if self.version == "stripe_v1" else "/v2/billing/meter_event_stream"

    def close(self) -> None:
        self.gateway.close()
        self.reader.__exit__()

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.state.now, UTC)

    @property
    def stored(self) -> StoredRule:
        """The shop's own rule."""
        with tenant_transaction(self.engine, self.tenant_id) as connection:
            return meter_rules.one(connection, RULE)

    def stored_rule(self, rule_id: str) -> MeterRule:
        """One that a test has added."""
        with tenant_transaction(self.engine, self.tenant_id) as connection:
            return meter_rules.one(connection, rule_id).rule

    def add_customer(self) -> str:
        """A customer at Stripe and in the mirror."""
        made = customer(self.sdk)
        self.customers.append(made)
        raw: dict[str, Any] = {"id": made, "object": "customer", "created": self.stripe.state.now, "metadata": {}}
        with tenant_transaction(self.engine, self.tenant_id) as connection:
            stripe_mirror.upsert(connection, self.tenant_id, [raw], self.now)
        return made

    def use(self, *calls: tuple[str, datetime, int]) -> None:
        """Calls of customers: who, when, how many tokens in; imported as one file."""
        first = len(self.used)
        rows = [
            f"call-{first + place},{at:%Y-%m-%dT%H:%M:%SZ},{who},openai,gpt-4o,{tokens},0\n"
            for place, (who, at, tokens) in enumerate(calls)
        ]
        path = self.home / f"usage-{first}.csv"
        path.write_text(HEADER + "".join(rows), encoding="utf-8")
        import_files(self.engine, self.home, self.tenant_id, [path], mapping=None, now=self.now)
        self.used += calls

    def map_name(self, name: str, customer_id: str) -> None:
        """From now on usage under this name is this customer's."""
        with tenant_transaction(self.engine, self.tenant_id) as connection:
            customer_mappings.save(connection, {name: customer_id}, principal="test", now=self.now)

    def report_elsewhere(self, customer_id: str, units: int) -> None:
        """Another system tells the meter."""
        report(self.sdk, customer_id, units, f"elsewhere-{self.stripe.state.now}")

    def write_down(self) -> push_meters.WrittenDown:
        return push_meters.write_down(self.engine, self.home, self.tenant_id, self.stored, now=self.now)

    def send(self) -> int:
        return push_meters.send_due(self.engine, self.tenant_id, self.stored, self.sink, now=self.now)

    def compare(self) -> dict[str, Any]:
        """Hear of what Stripe found wrong, then compare sums."""
        reasons = reported_errors(self.reader, self.now - timedelta(days=2))
        push_meters.reject_reported(self.engine, self.tenant_id, reasons, now=self.now)
        return push_meters.compare(
            self.engine, self.tenant_id, self.stored, lambda *asked: units_by_day(self.reader, *asked), now=self.now
        )

    def ledger(self) -> list[MeterEvent]:
        with tenant_transaction(self.engine, self.tenant_id) as connection:
            return meter_ledger.read(connection, RULE)

    def states(self) -> list[tuple[int, str]]:
        """Units and state of each event, as made."""
        return [(event.units, event.state) for event in self.ledger()]

    def at_stripe(self, customer_id: str) -> int:
        """What Stripe has counted for a customer in all, without lag."""
        meter_object = self.stripe.state.objects["billing.meter"][self.meter_id]
        return aggregated(meter_object, counted_events(self.stripe.state, meter_object, customer_id, 0, 2**40))
