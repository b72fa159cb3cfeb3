"""The tenant's exchange rates by day: recorded once, taken from Stripe's own conversions or given by hand."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Date, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from pricing.fx import FxRate, minor_rate_nano
from store.schema import fx_rates, stripe_balance_transactions, stripe_charges

FROM_STRIPE = "Stripe balance transaction"


def record(connection: Connection, rates: Iterable[FxRate], *, now: datetime) -> int:
    """Write rates in the tenant's open transaction; returns how many were new.

    A rate that is known for its day stays: months that were shown with it do not change by themselves.
    """
    rows = [
        {
            "base": rate.base,
            "quote": rate.quote,
            "rate_date": rate.rate_date,
            "rate_nano": rate.rate_nano,
            "source": rate.source,
            "recorded_at": now,
        }
        for rate in rates
    ]
    if not rows:
        return 0
    tenant_id = connection.scalar(select(func.current_tenant_id()))
    statement = insert(fx_rates).on_conflict_do_nothing().returning(fx_rates.c.base)
    return len(connection.execute(statement, [{"tenant_id": tenant_id, **row} for row in rows]).all())


def read(connection: Connection) -> list[FxRate]:
    """Every rate of the tenant, oldest first."""
    rows = connection.execute(select(fx_rates).order_by(fx_rates.c.rate_date, fx_rates.c.base, fx_rates.c.quote))
    return [FxRate(row.base, row.quote, row.rate_date, row.rate_nano, row.source) for row in rows]


def record_from_stripe(connection: Connection, *, now: datetime) -> int:
    """Take the rates at which Stripe converted charges, the first of each day and pair; returns how many were new."""
    money, charge = stripe_balance_transactions.c, stripe_charges.c
    day = cast(func.timezone("UTC", money.created_at), Date).label("day")
    rows = connection.execute(
        select(charge.currency, money.currency.label("settled"), day, money.exchange_rate, money.id)
        .join(stripe_charges, money.source_id == charge.id)
        .where(money.exchange_rate.is_not(None), charge.currency != money.currency, money.created_at.is_not(None))
        .order_by(money.created_at, money.id)
    )
    first: dict[tuple[str, str, object], FxRate] = {}
    for row in rows:
        rate = FxRate(
            row.currency,
            row.settled,
            row.day,
            minor_rate_nano(row.exchange_rate, row.currency, row.settled),
            f"{FROM_STRIPE} {row.id}",
        )
        first.setdefault((row.currency, row.settled, row.day), rate)
    return record(connection, first.values(), now=now)
