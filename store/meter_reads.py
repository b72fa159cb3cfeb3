"""What the Meters page shows, read: how far the telling is, events by state, and the newest troubles."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select
from sqlalchemy.sql.selectable import Subquery

from store.meter_differences import metered_customers
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
TOLD = ("sent", "accepted")
TAKEN_FOR = timedelta(days=35)

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


def progress(connection: Connection, *, now: datetime) -> Progress:
    """The figures of the page's head. `now` has a zone."""
    is_live = rule.mode == "live"
    live = connection.scalar(select(func.count()).select_from(meter_rules).where(is_live)) or 0
    unsent = connection.execute(
        select(func.count(), func.coalesce(func.sum(table.units), 0), func.min(table.made_at))
        .join(meter_rules, rule.rule_id == table.rule_id)
        .where(is_live, table.state.in_(UNSENT), table.next_attempt_at <= now)
    ).one()
    newest_told = connection.scalar(
        select(table.window_start).where(table.state.in_(TOLD)).order_by(table.window_start.desc()).limit(1)
    )
    rejected = connection.execute(
        select(func.count(), func.coalesce(func.sum(table.units), 0)).where(table.state == "rejected")
    ).one()
    metered = metered_customers()
    is_billed = metered.c.customer_id.is_not(None)
    differing, unbilled = connection.execute(
        select(func.count().filter(is_billed), func.count().filter(~is_billed))
        .select_from(meter_drifts)
        .outerjoin(metered, metered.c.customer_id == drift.customer_id)
        .where(drift.state != "gone")
    ).one()
    sent, accepted = _told_in_running_periods(connection, now)
    return Progress(
        live_rules=live,
        unsent_events=unsent[0],
        unsent_units=int(unsent[1]),
        oldest_unsent_at=unsent[2],
        newest_told=newest_told,
        sent_units=sent,
        accepted_units=accepted,
        told_units=sent + accepted,
        rejected_events=rejected[0],
        rejected_units=int(rejected[1]),
        differing_days=differing,
        unbilled_days=unbilled,
    )


def _told_in_running_periods(connection: Connection, now: datetime) -> tuple[int, int]:
    """Units sent and units accepted since each customer's running period began; without one, since the month's first day."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    periods = _running_periods(now)
    begins = func.coalesce(periods.c.begins, month)
    earliest = connection.scalar(select(func.least(func.min(periods.c.begins), month)))
    by_customer = (
        select(table.state, func.sum(table.units))
        .outerjoin(periods, periods.c.customer_id == table.customer_id)
        .where(table.window_start >= earliest, table.window_start >= begins, table.state.in_(TOLD))
        .group_by(table.state)
    )
    units = {state: int(number) for state, number in connection.execute(by_customer)}
    return units.get("sent", 0), units.get("accepted", 0)


def by_state(connection: Connection, *, now: datetime) -> list[InState]:
    """Events and units of each rule by state, by name, of the windows that a meter takes: the last 35 days before `now`."""
    rows = connection.execute(
        select(table.rule_id, table.state, func.count(), func.sum(table.units))
        .where(table.window_start >= now - TAKEN_FOR)
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
