"""Which usage a meter counts: rules are added and switched by people, and each change is in the audit log."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from billing.principals import Principal
from pricing.meter_windows import COUNTED, MeterRule
from store import audit, meter_ledger
from store.database import Connection
from store.meter_ledger import StoredRule

MODES = ("shadow", "live", "off")


class MeterRuleRefused(Exception):
    """A rule that cannot be; the sentence says why and what to do."""


def add(
    connection: Connection,
    tenant_id: UUID,
    rule: MeterRule,
    meter: Mapping[str, Any],
    *,
    sink: str,
    principal: Principal,
    now: datetime,
) -> None:
    """Keep a new rule, in the shadow at first: nothing is told before somebody has seen how it compares.

    `meter` is Stripe's object. Raises MeterRuleRefused for a meter that does not sum, for what cannot be counted, and for a name that
    is taken.
    """
    allow(principal)
    formula = (meter.get("default_aggregation") or {}).get("formula")
    if formula != "sum":
        raise MeterRuleRefused(
            f"The meter {meter['id']} takes the {formula} of its events; usage is told to meters that sum."
        )
    unknown = [name for name in rule.counted if name not in COUNTED]
    if unknown or not rule.counted:
        raise MeterRuleRefused(
            f"{', '.join(unknown) or 'Nothing'} cannot be counted; choose from {', '.join(COUNTED)}."
        )
    if rule.per < 1:
        raise MeterRuleRefused(f"{rule.per} to the unit makes no units; give 1 or more.")
    if not meter_ledger.add_rule(
        connection, tenant_id, rule, sink=sink, mode="shadow", made_by=str(principal), now=now
    ):
        raise MeterRuleRefused(f"There is a rule {rule.rule_id!r} already; choose another name.")
    told = {
        "event_name": rule.event_name,
        "counted": list(rule.counted),
        "per": rule.per,
        "sink": sink,
        "mode": "shadow",
    }
    audit.append(
        connection, at=now, principal=str(principal), action="meter_rule:add", subject=rule.rule_id, after=told
    )


def switch(connection: Connection, rule_id: str, mode: str, *, principal: Principal, now: datetime) -> StoredRule:
    """Tell in earnest, on paper or not at all. Going live begins with the next full hour: what was before is told by whoever told it."""
    allow(principal)
    before = one(connection, rule_id)
    starts_at = next_hour(now) if mode == "live" and before.mode != "live" else None
    meter_ledger.set_mode(connection, rule_id, mode, starts_at=starts_at)
    after = {"mode": mode} | ({} if starts_at is None else {"starts_at": starts_at.isoformat()})
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action="meter_rule:switch",
        subject=rule_id,
        before={"mode": before.mode},
        after=after,
    )
    rule = before.rule if starts_at is None else replace(before.rule, starts_at=starts_at)
    return replace(before, rule=rule, mode=mode)


def one(connection: Connection, rule_id: str) -> StoredRule:
    """The rule of this name. Raises MeterRuleRefused when there is none."""
    known = {stored.rule.rule_id: stored for stored in meter_ledger.rules(connection)}
    if rule_id not in known:
        raise MeterRuleRefused(f"There is no rule {rule_id!r}; known are {', '.join(known) or 'none'}.")
    return known[rule_id]


def allow(principal: Principal) -> None:
    """Raises MeterRuleRefused for whoever may not change what customers are billed for."""
    if not principal.ranks_at_least("finance"):
        raise MeterRuleRefused(f"{principal} may not change what customers are billed for; ask finance or a founder.")


def next_hour(now: datetime) -> datetime:
    """From where a rule tells that is switched live now, in UTC."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
