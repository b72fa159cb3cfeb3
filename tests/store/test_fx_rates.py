"""Exchange rates are facts by day: written once, taken from Stripe's conversions, seen by their tenant alone."""

from datetime import date
from uuid import UUID

from sqlalchemy import Engine

from pricing.fx import FxRate
from store import fx_rates
from store.database import tenant_transaction
from tests.store.stripe_money import NOON, balance_transaction, charge, keep, refund, seconds

BY_HAND = FxRate("eur", "usd", date(2026, 1, 15), 1_080_100_000, "ECB")


def rates_of(engine: Engine, tenant: UUID) -> list[FxRate]:
    with tenant_transaction(engine, tenant) as connection:
        return fx_rates.read(connection)


def take(engine: Engine, tenant: UUID) -> int:
    with tenant_transaction(engine, tenant) as connection:
        return fx_rates.record_from_stripe(connection, now=NOON)


def record(engine: Engine, tenant: UUID, *rates: FxRate) -> int:
    with tenant_transaction(engine, tenant) as connection:
        return fx_rates.record(connection, rates, now=NOON)


def test_a_rate_is_written_once(engine: Engine, tenant: UUID) -> None:
    assert record(engine, tenant, BY_HAND) == 1
    assert record(engine, tenant, FxRate("eur", "usd", BY_HAND.rate_date, 2_000_000_000, "other")) == 0
    assert record(engine, tenant) == 0
    assert rates_of(engine, tenant) == [BY_HAND]


def test_another_tenant_sees_none_of_it(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    record(engine, tenant, BY_HAND)
    assert rates_of(engine, mallory) == []
    assert record(engine, mallory, BY_HAND) == 1


def test_rates_come_from_stripes_own_conversions_the_first_of_a_day(engine: Engine, tenant: UUID) -> None:
    """Of two conversions on 15 January the one at 02:00 counts; the day is that of the transaction in UTC."""
    keep(
        engine,
        tenant,
        *(charge(f"ch_{number}", currency="eur", amount=100_00) for number in (1, 2, 3)),
        balance_transaction("txn_2", "charge", 109_00, 1_00, "ch_2", exchange_rate=1.09, created=seconds(1, 15, 9)),
        balance_transaction("txn_1", "charge", 108_01, 1_00, "ch_1", exchange_rate=1.0801, created=seconds(1, 15, 2)),
        balance_transaction("txn_3", "charge", 110_00, 1_00, "ch_3", exchange_rate=1.1, created=seconds(1, 16, 23)),
    )
    assert take(engine, tenant) == 2
    assert rates_of(engine, tenant) == [
        FxRate("eur", "usd", date(2026, 1, 15), 1_080_100_000, "Stripe balance transaction txn_1"),
        FxRate("eur", "usd", date(2026, 1, 16), 1_100_000_000, "Stripe balance transaction txn_3"),
    ]
    assert take(engine, tenant) == 0  # and again adds nothing


def test_yen_are_stated_between_minor_units(engine: Engine, tenant: UUID) -> None:
    """1000 yen became 650 cents: 0.65 cents a yen are 0.0065 dollars."""
    keep(
        engine,
        tenant,
        charge(currency="jpy", amount=1_000),
        balance_transaction("txn_1", "charge", 6_50, 30, "ch_1", exchange_rate=0.65),
    )
    take(engine, tenant)
    [found] = rates_of(engine, tenant)
    assert (found.base, found.quote, found.rate_nano) == ("jpy", "usd", 6_500_000)


def test_what_was_not_converted_brings_no_rate(engine: Engine, tenant: UUID) -> None:
    keep(
        engine,
        tenant,
        charge(),
        refund("re_1"),
        balance_transaction("txn_1", "charge", 332_01, 9_93, "ch_1"),
        balance_transaction("txn_2", "payout", -100_00, 0, "po_1", exchange_rate=0.9),
    )
    assert take(engine, tenant) == 0


def test_a_rate_given_by_hand_stays_when_stripe_names_another(engine: Engine, tenant: UUID) -> None:
    record(engine, tenant, BY_HAND)
    keep(
        engine,
        tenant,
        charge(currency="eur"),
        balance_transaction("txn_1", "charge", 110_00, 1_00, "ch_1", exchange_rate=1.1),
    )
    assert take(engine, tenant) == 0
    assert rates_of(engine, tenant) == [BY_HAND]
