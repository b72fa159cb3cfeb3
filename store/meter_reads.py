"""What the Meters page shows, read: how far the telling is, events by state, the newest troubles, and where Stripe's sums differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select
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

# What a person may have to do something about.
TROUBLED = ("rejected", "too_late", "unknown")
UNSENT = ("pending", "sending")

table, rule, drift = meter_ledger.c, meter_rules.c, meter_drifts.c


@dataclass(frozen=True)
class Progress:
    """How far telling is under the rules that are live. Units are the meters'.

    `oldest_unsent_at` is when the oldest event was written down that is due and has not been taken; None when none waits. `newest_told` is
    the newest window that was told, by its beginning. `sent_units`, `accepted_units` and both together, `told_units`, are of each
    customer's running billing period; sent are those that Stripe took and has not summed up yet. `differing_days` are of customers with a metered price,
    `unbilled_days` of the others, each a day of one customer.
    """

    live_rules: int
    unsent_events: int
    unsent_units: int
    oldest_unsent_at: datetime | None
    newest_told: datetime | None
    sent_units: int
    accepted_units: int
    told_units: int
    rejected_events: int
    rejected_units: int
    differing_days: int
    unbilled_days: int


@dataclass(frozen=True)
class InState:
    """How many events of a rule are in a state, and their units."""

    rule_id: str
    state: str
    events: int
    units: int


@dataclass(frozen=True)
class Trouble:
    """An event that Stripe did not take or that nobody knows of, with Stripe's sentence; `name` is the customer's."""

    rule_id: str
    customer_id: str
    name: str | None
    window_start: datetime
    units: int
    state: str
    sentence: str | None
    code: str | None
    at: datetime


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


def progress(connection: Connection, *, now: datetime) -> Progress:
    """The figures of the page's head. `now` has a zone."""
    live = rule.mode == "live"
    unsent = and_(live, table.state.in_(UNSENT), table.next_attempt_at <= now)
    periods = _running_periods(now)
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    is_running = table.window_start >= func.coalesce(periods.c.begins, month)
    of_events = connection.execute(
        select(
            func.count().filter(unsent),
            func.coalesce(func.sum(table.units).filter(unsent), 0),
            func.min(table.made_at).filter(unsent),
            func.max(table.window_start).filter(table.state.in_(("sent", "accepted"))),
            func.coalesce(func.sum(table.units).filter(table.state == "sent", is_running), 0),
            func.coalesce(func.sum(table.units).filter(table.state == "accepted", is_running), 0),
            func.count().filter(table.state == "rejected"),
            func.coalesce(func.sum(table.units).filter(table.state == "rejected"), 0),
        )
        .select_from(meter_ledger)
        .join(meter_rules, rule.rule_id == table.rule_id)
        .outerjoin(periods, periods.c.customer_id == table.customer_id)
        .where(table.state.in_((*UNSENT, "sent", "accepted", "rejected")))
    ).one()
    count, units, oldest, newest, sent, accepted, rejected, rejected_units = of_events
    number = connection.scalar(select(func.count()).select_from(meter_rules).where(live)) or 0
    metered = _metered_customers()
    is_billed = metered.c.customer_id.is_not(None)
    differing, unbilled = connection.execute(
        select(func.count().filter(is_billed), func.count().filter(~is_billed))
        .select_from(meter_drifts)
        .outerjoin(metered, metered.c.customer_id == drift.customer_id)
        .where(drift.state != "gone")
    ).one()
    sums = (int(sent), int(accepted), int(sent) + int(accepted), rejected, int(rejected_units))
    return Progress(number, count, int(units), oldest, newest, *sums, differing, unbilled)


def by_state(connection: Connection) -> list[InState]:
    """Events and units of each rule by state, by name."""
    rows = connection.execute(
        select(table.rule_id, table.state, func.count(), func.sum(table.units))
        .group_by(table.rule_id, table.state)
        .order_by(table.rule_id, table.state)
    )
    return [InState(rule_id, state, events, int(units)) for rule_id, state, events, units in rows]


def troubles(connection: Connection, *, limit: int) -> list[Trouble]:
    """The newest events that are in trouble, and those on their way that have met some."""
    at = func.coalesce(table.settled_at, table.first_sent_at, table.made_at)
    is_troubled = table.state.in_(TROUBLED) | (
        table.state.in_(("sending", "canceling")) & table.last_trouble.is_not(None)
    )
    rows = connection.execute(
        select(
            table.rule_id,
            table.customer_id,
            stripe_customers.c.name,
            table.window_start,
            table.units,
            table.state,
            table.last_trouble.label("sentence"),
            table.trouble_code.label("code"),
            at.label("at"),
        )
        .outerjoin(stripe_customers, stripe_customers.c.id == table.customer_id)
        .where(is_troubled)
        .order_by(at.desc(), table.position.desc())
        .limit(limit)
    )  # fmt: skip
    return [Trouble(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


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
    return [Difference(**row._mapping) for row in connection.execute(wanted)]  # noqa: SLF001 - as above


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
    metered = _metered_customers()
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


def _running_periods(now: datetime) -> Subquery:
    """Where each customer's running metered period begins."""
    item, subscription, price = stripe_subscription_items.c, stripe_subscriptions.c, stripe_prices.c
    return (
        select(subscription.customer_id, func.max(item.current_period_start).label("begins"))
        .join(stripe_subscriptions, subscription.id == item.subscription_id)
        .join(stripe_prices, price.id == item.price_id)
        .where(price.usage_type == "metered", ~item.is_deleted, item.current_period_start <= now)
        .group_by(subscription.customer_id)
        .subquery()
    )


def _metered_customers() -> Subquery:
    item, subscription, price = stripe_subscription_items.c, stripe_subscriptions.c, stripe_prices.c
    return (
        select(subscription.customer_id)
        .join(stripe_subscription_items, subscription.id == item.subscription_id)
        .join(stripe_prices, price.id == item.price_id)
        .where(price.usage_type == "metered", ~item.is_deleted)
        .distinct()
        .subquery()
    )
