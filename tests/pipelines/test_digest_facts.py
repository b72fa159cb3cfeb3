"""What a daily mail takes from the published version: a day's cost, a usual day, the month's margin, how far the data reach."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from billing.digest import Digest
from billing.digest_due import due
from pipelines.digest_facts import gather
from pricing.money import NANO
from store import freshness
from store.database import tenant_transaction
from store.digests import DigestSettings
from store.freshness import Status
from store.tenants import read_tenant
from tests.billing.told_digest import NOW, REPORTED, USD
from tests.pipelines.digest_desk import MIDNIGHT, look, open_alert
from tests.store.warehouse_rows import Row, publish_tables

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
# Sunday the 29th, and the four Sundays before; the one of the 8th had no usage.
SUNDAYS = {29: 700, 22: 400, 15: 420, 1: 410}


def cube(day: date, dollars: int) -> Row:
    return {
        "day": day,
        "month": day.replace(day=1),
        "customer_id": "cus_n",
        "events": 1,
        "cost_pico_usd": dollars * USD,
    }


def publish(home: Path, tenant: UUID, as_of: datetime) -> None:
    """A customer who paid $10,000 a month; usage of $2,500 in October and of $3,000 so far in November."""
    rows: dict[str, list[Row]] = {
        "usage_cube": [cube(date(2026, 11, day), dollars) for day, dollars in SUNDAYS.items()],
        "customers": [{"customer_id": "cus_n", "name": "Northwind Labs"}],
        "customer_month": [
            {"basis": "service", "month": month, "customer_id": "cus_n", "net_revenue_minor": 1_000_000} for month in (OCTOBER, NOVEMBER)
        ],
        "customer_month_usage": [
            {"month": month, "customer_id": "cus_n", "events": 9, "unpriced_events": 0, "tokens": 9, "unpriced_tokens": 0,
             "cost_pico_usd": dollars * USD}
            for month, dollars in ((OCTOBER, 2_500), (NOVEMBER, 3_000))
        ],
        "usd_rates": [{"month": month, "rate_nano": NANO} for month in (OCTOBER, NOVEMBER)],
    }  # fmt: skip
    publish_tables(home, rows, tenant_id=tenant, now=as_of)


def told(engine: Engine, home: Path, tenant: UUID) -> Digest:
    found, known = due(DigestSettings(), NOW), read_tenant(engine, tenant)
    assert found is not None
    assert known is not None
    return gather(engine, home, known, DigestSettings(), found, now=NOW).digest


def test_the_figures_are_the_days_cost_beside_a_usual_day_and_the_months_margin_beside_the_last(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    publish(tmp_path, tenant, MIDNIGHT + timedelta(hours=6))
    figures = told(engine, tmp_path, tenant).figures
    assert (figures.day, figures.cost_pico_usd) == (REPORTED, 700 * USD)
    assert figures.usual_pico_usd == 410 * USD  # the middle of 400, 410 and 420
    assert figures.margin is not None
    assert figures.margin.share == Fraction(70, 100)  # (10,000 - 3,000) / 10,000
    assert figures.margin_before == Fraction(75, 100)  # (10,000 - 2,500) / 10,000


def test_without_a_version_nothing_is_known_and_nothing_is_zero(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    publish(tmp_path, mallory, MIDNIGHT)
    digest = told(engine, tmp_path, tenant)
    assert (digest.figures.cost_pico_usd, digest.figures.margin, digest.health.as_of) == (None, None, None)


def test_the_day_is_late_until_a_version_from_after_its_end_was_looked_at(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    publish(tmp_path, tenant, MIDNIGHT - timedelta(minutes=2))
    look(engine, tenant, MIDNIGHT + timedelta(minutes=1))  # late at the data of the evening
    assert told(engine, tmp_path, tenant).health.is_late
    publish_tables(tmp_path, tenant_id=tenant, version=2, now=MIDNIGHT + timedelta(minutes=3))
    health = told(engine, tmp_path, tenant).health
    assert (health.is_late, health.as_of) == (False, datetime(2026, 11, 30, 0, 3, tzinfo=UTC))
    look(engine, tenant, MIDNIGHT + timedelta(minutes=4), version=2, late={"all usage": ["2026-11-29"]})
    health = told(engine, tmp_path, tenant).health
    assert (health.is_late, health.late) == (True, {"all usage": (REPORTED,)})


def test_customers_are_called_by_their_names_and_sources_that_fail_are_named(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    publish(tmp_path, tenant, MIDNIGHT)
    open_alert(engine, tenant, scope="customer", customer_id="cus_n", subject_key="customer|customer_id=cus_n")
    with tenant_transaction(engine, tenant) as connection:
        freshness.record(connection, "openai", status=Status.FAILED, now=NOW, message="The key was refused (401).")
    digest = told(engine, tmp_path, tenant)
    assert [line.told.title for line in digest.news.lines["new"]] == ["Northwind Labs"]
    assert digest.health.failing == {"openai": "The key was refused (401)."}


def test_an_explanation_of_another_release_costs_nobody_their_mail(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    open_alert(engine, tenant, explanation={"kind": "cost", "shape": "of tomorrow"})
    (line,) = told(engine, tmp_path, tenant).news.lines["new"]
    assert line.told.explanation is None
