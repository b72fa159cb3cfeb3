"""Events that Stripe refused: what of them would be told anew once their cause is mended, and letting it be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.meter_push import OLDEST
from billing.meter_rules import MeterRuleRefused, allow, one
from billing.principals import Principal
from store import audit, meter_ledger
from store.database import Connection
from store.meter_ledger import MeterEvent, StoredRule

# What is this close to the oldest that Stripe takes may be over it by the time it is sent.
ON_THE_WAY = timedelta(minutes=10)


@dataclass(frozen=True)
class Replay:
    """Refused events of a rule by what a replay does with them; units are the meter's.

    `again` would be told anew, as the usage of their windows comes to by then. `too_old` are of windows that Stripe takes no more, and
    `before_the_rule` of windows before the rule's beginning: neither would be told, so they stay as they are.
    """

    again: Sequence[MeterEvent]
    too_old: Sequence[MeterEvent]
    before_the_rule: Sequence[MeterEvent]

    @property
    def units(self) -> int:
        """The units of what would be told anew."""
        return sum(event.units for event in self.again)


def planned(connection: Connection, rule_id: str, *, now: datetime) -> Replay:
    """What a replay would do now; nothing is changed. Raises MeterRuleRefused where there is no such rule."""
    stored = one(connection, rule_id)
    return _sorted(stored, meter_ledger.read(connection, rule_id, states=("rejected",)), now)


def replay(connection: Connection, rule_id: str, *, principal: Principal, now: datetime) -> Replay:
    """Let what was refused be told anew: the worker's next look works its windows out again. What was done is returned.

    Raises MeterRuleRefused where the rule is not live, as nothing is told then, and for who may not.
    """
    allow(principal)
    stored = one(connection, rule_id)
    if stored.mode != "live":
        raise MeterRuleRefused(
            f"The rule {rule_id!r} is {stored.mode}, so nothing would be told anew; switch it live first."
        )
    found = _sorted(stored, meter_ledger.read(connection, rule_id, states=("rejected",)), now)
    moved = meter_ledger.move(
        connection, [event.identifier for event in found.again], ("rejected",), state="replayed", settled_at=now
    )
    if moved:
        audit.append(
            connection,
            at=now,
            principal=str(principal),
            action="meter_events:replay",
            subject=rule_id,
            after={"events": len(moved), "units": sum(event.units for event in moved)},
        )
    return Replay(moved, found.too_old, found.before_the_rule)


def _sorted(stored: StoredRule, refused: Sequence[MeterEvent], now: datetime) -> Replay:
    again, too_old, before = [], [], []
    for event in refused:
        if event.window_start < now - OLDEST + ON_THE_WAY:
            too_old.append(event)
        elif event.window_start < stored.rule.starts_at:
            before.append(event)
        else:
            again.append(event)
    return Replay(again, too_old, before)
