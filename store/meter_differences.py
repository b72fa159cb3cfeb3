"""Where Stripe's sums are not what a meter was told, or would be told in the shadow: by customer, and by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row, case, func, select
from sqlalchemy.sql.selectable import Subquery

from store.schema import (
    meter_drifts,
    meter_ledger,
    meter_rules,
    stripe_customers,
    stripe_prices,
    stripe_subscription_items,
    stripe_subscriptions,
)

table, rule, drift = meter_ledger.c, meter_rules.c, meter_drifts.c


@dataclass(frozen=True)
class Difference:
    """A customer's UTC day on which Stripe's sum is not ours; `beyond_units` is what Stripe has more, negative where less."""

    rule_id: str
    customer_id: str
    name: str | None
    day: date
    told_units: int
    stripe_units: int
    beyond_units: int
    state: str
    sentence: str
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class Compared:
    """A customer's differing days under a rule in all, beside everything that the ledger has of the same days and the others.

    `ledger_units` are all units that the rule tells, or would tell, since the day of the oldest difference. `is_metered` says whether
    the customer has a metered price: whoever has none is billed for no usage, and mostly nobody tells it.
    """

    rule_id: str
    customer_id: str
    name: str | None
    is_metered: bool
    days: int
    told_units: int
    stripe_units: int
    beyond_units: int
    ledger_units: int

    @property
    def share(self) -> Fraction | None:
        """The difference's size as a share of all those units; None where there are none."""
        return Fraction(abs(self.beyond_units), self.ledger_units) if self.ledger_units else None


def differences(connection: Connection, rule_id: str, *, customer_ids: Sequence[str], limit: int) -> list[Difference]:
    """A rule's days of these customers that differ, the newest first and of a day the largest."""
    beyond = drift.stripe_units - drift.told_units
    wanted = (
        select(
            drift.rule_id,
            drift.customer_id,
            stripe_customers.c.name,
            drift.day,
            drift.told_units,
            drift.stripe_units,
            beyond.label("beyond_units"),
            drift.state,
            drift.sentence,
            drift.first_seen_at,
            drift.last_seen_at,
        )
        .outerjoin(stripe_customers, stripe_customers.c.id == drift.customer_id)
        .where(drift.state != "gone", drift.rule_id == rule_id, drift.customer_id.in_(customer_ids))
        .order_by(drift.day.desc(), func.abs(beyond).desc(), drift.customer_id)
        .limit(limit)
    )
    return [Difference(**row._mapping) for row in connection.execute(wanted)]  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def compared(connection: Connection) -> list[Compared]:
    """Each customer that differs, under each rule: those with a metered price first, the largest difference first."""
    sums = (
        select(
            drift.rule_id,
            drift.customer_id,
            func.count().label("days"),
            func.min(drift.day).label("since"),
            func.sum(drift.told_units).label("told_units"),
            func.sum(drift.stripe_units).label("stripe_units"),
        )
        .where(drift.state != "gone")
        .group_by(drift.rule_id, drift.customer_id)
        .subquery()
    )
    metered = metered_customers()
    counted = case((rule.mode == "shadow", table.state == "shadow"), else_=table.state.in_(("sent", "accepted")))
    ledger = (
        select(func.coalesce(func.sum(table.units), 0))
        .where(
            table.rule_id == sums.c.rule_id,
            table.customer_id == sums.c.customer_id,
            table.window_start >= func.timezone("UTC", sums.c.since),
            counted,
        )
        .correlate(sums, meter_rules)
        .scalar_subquery()
    )
    beyond = sums.c.stripe_units - sums.c.told_units
    rows = connection.execute(
        select(
            sums.c.rule_id,
            sums.c.customer_id,
            stripe_customers.c.name,
            metered.c.customer_id.is_not(None).label("is_metered"),
            sums.c.days,
            sums.c.told_units,
            sums.c.stripe_units,
            beyond.label("beyond_units"),
            ledger.label("ledger_units"),
        )
        .join(meter_rules, rule.rule_id == sums.c.rule_id)
        .outerjoin(stripe_customers, stripe_customers.c.id == sums.c.customer_id)
        .outerjoin(metered, metered.c.customer_id == sums.c.customer_id)
        .order_by(sums.c.rule_id, metered.c.customer_id.is_(None), func.abs(beyond).desc(), sums.c.customer_id)
    )
    return [_compared(row) for row in rows]


def _compared(row: Row[Any]) -> Compared:
    given = dict(row._mapping)  # noqa: SLF001 - as above
    sums = ("told_units", "stripe_units", "beyond_units", "ledger_units")
    return Compared(**given | {name: int(given[name]) for name in sums})


def metered_customers() -> Subquery:
    """Who has a metered price, by customer_id."""
    item, subscription, price = stripe_subscription_items.c, stripe_subscriptions.c, stripe_prices.c
    return (
        select(subscription.customer_id)
        .join(stripe_subscription_items, subscription.id == item.subscription_id)
        .join(stripe_prices, price.id == item.price_id)
        .where(price.usage_type == "metered", ~item.is_deleted)
        .distinct()
        .subquery()
    )
