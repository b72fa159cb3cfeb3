"""The demo company's meter: a rule in the shadow, so that what the company tells Stripe itself is compared with its usage."""

from collections.abc import Callable
from datetime import datetime, timedelta

from rich.console import Console

from billing import meter_rules
from billing.principals import OPERATOR
from pipelines import push_meters
from pipelines.installation import Installation
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_client import StripeReader
from pipelines.read_meters import active_meters, units_by_day
from pricing.meter_windows import MeterRule
from pricing.usage import TOKEN_BUCKETS
from store import meter_ledger
from store.database import tenant_transaction

RULE, EVENT_NAME, TOKENS_PER_UNIT = "scale-tokens", "copilot_tokens", 1_000


def compare_in_the_shadow(
    console: Console,
    installation: Installation,
    stripe: StripeConfig,
    *,
    now: Callable[[], datetime],
) -> None:
    """Add the rule where there is none, and do once what the worker goes on doing: write down what is due, compare with Stripe."""
    engine, tenant_id, at = installation.engine, installation.tenant_id, now()
    with tenant_transaction(engine, tenant_id) as connection:
        is_there = any(stored.rule.rule_id == RULE for stored in meter_ledger.rules(connection))
    if not is_there:
        with StripeReader(stripe) as reader:
            meter = active_meters(reader)[EVENT_NAME]
        rule = MeterRule(
            rule_id=RULE,
            event_name=EVENT_NAME,
            meter_id=meter["id"],
            counted=TOKEN_BUCKETS,
            per=TOKENS_PER_UNIT,
            starts_at=_last_month(at),
            window="day",  # as finely as the company tells it
        )
        with tenant_transaction(engine, tenant_id) as connection:
            meter_rules.add(connection, tenant_id, rule, meter, sink="stripe_v1", principal=OPERATOR, now=at)
    with tenant_transaction(engine, tenant_id) as connection:
        stored = meter_rules.one(connection, RULE)
    if stored.mode != "shadow":
        return  # somebody has switched it on the page: the worker does what that mode asks for
    push_meters.write_down(engine, installation.home, tenant_id, stored, now=at)
    with StripeReader(stripe) as reader:
        days = push_meters.compare(engine, tenant_id, stored, lambda *asked: units_by_day(reader, *asked), now=at)
    console.print(
        f"Meters: {RULE} in the shadow, {days.get('none', 0):,} days of customers as Stripe has them, "
        f"{days.get('reported', 0):,} differ.",
        highlight=False,
    )


def _last_month(at: datetime) -> datetime:
    """So that there are weeks to compare on a month's first days, too."""
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=1)).replace(day=1)
