"""A closed month is locked as it stands, once for each revision, and never changes; what has changed since is told by cause."""

import hashlib
import json
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from billing import investor_reports, report_words
from billing.investor_reports import ReportRefused, SnapshotDamaged
from billing.principals import Principal
from pricing.investor_report import canonical, report_from
from pricing.report_view import view
from store import audit
from store import investor_reports as kept
from store.database import tenant_transaction
from store.investor_reports import Snapshot
from store.warehouse_reads import Warehouse
from tests.billing.reported_company import NOW, SEPTEMBER, publish_october, rows, sell, used
from tests.store.warehouse_rows import NOVEMBER, OCTOBER

FAY, SAM = Principal("fay", "finance"), Principal("sam", "support")


@pytest.fixture
def warehouse(tmp_path: Path, tenant: UUID) -> Warehouse:
    return publish_october(tmp_path, tenant)


def locked(engine: Engine, tenant: UUID, warehouse: Warehouse, after: int = 0, by: Principal = FAY) -> Snapshot:
    with tenant_transaction(engine, tenant) as connection:
        return investor_reports.lock(
            connection, warehouse, OCTOBER, reason="board meeting", after_revision=after, principal=by, now=NOW
        )


def test_the_three_questions_are_answered_from_the_rows(warehouse: Warehouse) -> None:
    report = investor_reports.preview(warehouse, OCTOBER)
    value = {figure.key: figure.value for figure in report.figures}
    before = {figure.key: figure.before for figure in report.figures}
    # $1,600.00 of net revenue; cost 250.00 + 310.00 + 95.37 + 7.00 + 3.00 of nobody = $665.37.
    assert (value["net_revenue"], value["llm_cost"], value["gross_profit"]) == (1_600_00, 665_37, 934_63)
    assert value["gross_margin"] == Fraction(934_63, 1_600_00)
    assert value["llm_cost_share"] == Fraction(665_37, 1_600_00)
    assert value["inference_efficiency"] == Fraction(1_600_00, 665_37)
    # September: 1,440.00 of net revenue and 410.00 of cost.
    assert (before["net_revenue"], before["gross_margin"]) == (1_440_00, Fraction(1_030, 1_440))
    assert (value["customers"], value["profitable_customers"], value["unprofitable_customers"]) == (4, 3, 1)
    assert [(row.customer_id, row.status) for row in report.customers] == [
        ("cus_north", "healthy"), ("cus_basalt", "at risk"), ("cus_new", "healthy"), ("cus_loss", "negative"), (None, "negative"),
    ]  # fmt: skip
    north = report.customers[0]
    assert north.history == (Fraction(700, 900), Fraction(750, 1_000))
    assert all(row.history[-1] == row.margin for row in report.customers)
    assert [(month.customers, month.profitable) for month in report.trend] == [(3, 2), (4, 3)]
    assert report.confidence.attributed_share == Fraction(662_37, 665_37)
    assert {definition.key for definition in report.definitions} >= set(value)


def test_subscription_figures_come_with_their_definitions_and_versions(tmp_path: Path, tenant: UUID) -> None:
    """MRR 1,400.00 became 1,500.00: 150.00 new, 50.00 lost; of 1,000.00 a year ago 1,100.00 are left, capped 900.00."""
    tables = rows()
    tables["mrr_months"] = [
        {"month": month, "mrr_minor": minor, "customers": 3}
        for month, minor in ((SEPTEMBER, 1_400_00), (OCTOBER, 1_500_00))
    ]
    tables["mrr_movements"] = [
        {"month": OCTOBER, "movement": name, "moved_minor": minor, "customers": 1}
        for name, minor in (("new", 150_00), ("churn", -50_00))
    ]
    kept_customers = {
        "customers": 3,
        "customers_kept": 3,
        "start_minor": 1_000_00,
        "now_minor": 1_100_00,
        "capped_minor": 900_00,
    }
    tables["retention"] = [{"month": OCTOBER, "months": 12, **kept_customers}]
    report = investor_reports.preview(publish_october(tmp_path, tenant, tables), OCTOBER)
    value = {figure.key: figure.value for figure in report.figures}
    assert (value["mrr"], value["arr"], value["mrr_new"], value["mrr_churn"]) == (1_500_00, 18_000_00, 150_00, -50_00)
    assert (value["nrr"], value["grr"], value["quick_ratio"]) == (Fraction(11, 10), Fraction(9, 10), 3)
    versions = {definition.key: definition.version for definition in report.definitions}
    assert versions.keys() >= {"mrr", "arr", "nrr", "grr", "quick_ratio", "mrr_movements"}
    sentence = report_words.mrr_sentence(view(report, "all"))
    assert sentence == "$1,400 \u2192 $1,500: new $150, churn \u2212$50.00."


def test_a_locked_month_is_read_back_byte_by_byte_whatever_is_published_later(
    engine: Engine, tenant: UUID, warehouse: Warehouse, tmp_path: Path
) -> None:
    snapshot = locked(engine, tenant, warehouse)
    with tenant_transaction(engine, tenant) as connection:
        first = kept.content(connection, snapshot.snapshot_id)
    later = rows()
    sell(later, "cus_north", OCTOBER, 90_00, kind="refund")
    publish_october(tmp_path, tenant, later, version=2)
    with tenant_transaction(engine, tenant) as connection:
        again = kept.content(connection, snapshot.snapshot_id)
        report = investor_reports.report_of(connection, snapshot)
    assert again.encode() == first.encode()
    assert hashlib.sha256(first.encode()).hexdigest() == snapshot.content_hash
    assert canonical(report) == canonical(report_from(first)) == first
    assert json.dumps(json.loads(first), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == first


def test_a_lock_and_its_audit_line_are_one_commit(engine: Engine, tenant: UUID, warehouse: Warehouse) -> None:
    snapshot = locked(engine, tenant, warehouse)
    with tenant_transaction(engine, tenant) as connection:
        line = connection.execute(text("select principal, action, subject, after from audit_log")).one()
        assert audit.verify(connection).intact
    assert (line.principal, line.action) == ("fay (finance)", "investor_report:lock")
    assert line.after["content_hash"] == snapshot.content_hash
    assert line.after["reason"] == "board meeting"


def test_locking_again_makes_a_revision_that_says_what_changed_and_leaves_the_first(
    engine: Engine, tenant: UUID, warehouse: Warehouse, tmp_path: Path
) -> None:
    first = locked(engine, tenant, warehouse)
    later = rows()
    sell(later, "cus_north", OCTOBER, 90_00, kind="refund")
    later["usage_cube"][-2] |= {"price_id": 2, "cost_pico_usd": 4 * 10**12}  # nobody's $3.00 cost $4.00
    second = locked(engine, tenant, publish_october(tmp_path, tenant, later, version=2), after=1)
    with tenant_transaction(engine, tenant) as connection:
        assert [one.revision for one in kept.listed(connection)] == [2, 1]
        assert kept.find(connection, first.snapshot_id) == first
        previous = investor_reports.report_of(connection, second).previous
    assert previous is not None
    assert (previous.revision, previous.content_hash) == (1, first.content_hash)
    found = [(part.cause, part.revenue_minor, part.cost_minor) for part in previous.parts]
    assert found == [("price_correction", 0, 1_00), ("money_back", -90_00, 0)]


def test_changed_since_is_none_until_something_changes(
    engine: Engine, tenant: UUID, warehouse: Warehouse, tmp_path: Path
) -> None:
    snapshot = locked(engine, tenant, warehouse)
    with tenant_transaction(engine, tenant) as connection:
        assert investor_reports.standing(connection, warehouse, snapshot).parts == ()
    late = rows()
    late["usage_cube"].append(used(OCTOBER, "cus_new", 5_00, model="gpt-4o-mini"))
    republished = publish_october(tmp_path, tenant, late, version=2)
    with tenant_transaction(engine, tenant) as connection:
        stands = investor_reports.standing(connection, republished, snapshot)
    assert [(part.cause, part.cost_minor) for part in stands.parts] == [("late_usage", 5_00)]
    assert (stands.then.cost_minor, stands.now.cost_minor, stands.warehouse_version) == (665_37, 670_37, 2)


def test_only_a_closed_month_with_something_in_it_is_locked(engine: Engine, tenant: UUID, warehouse: Warehouse) -> None:
    for month, words in ((NOVEMBER, "has not ended"), (OCTOBER.replace(year=2020), "neither revenue nor usage")):
        with tenant_transaction(engine, tenant) as connection, pytest.raises(ReportRefused, match=words):
            investor_reports.lock(
                connection, warehouse, month, reason="too early", after_revision=0, principal=FAY, now=NOW
            )


def test_a_second_click_makes_no_second_revision(engine: Engine, tenant: UUID, warehouse: Warehouse) -> None:
    locked(engine, tenant, warehouse)
    with pytest.raises(ReportRefused, match="locked meanwhile as revision 1"):
        locked(engine, tenant, warehouse)


@pytest.mark.parametrize("role", ["viewer", "support", "lead"])
def test_who_only_looks_does_not_lock(engine: Engine, tenant: UUID, warehouse: Warehouse, role: str) -> None:
    with pytest.raises(ReportRefused, match="takes a founder or finance"):
        locked(engine, tenant, warehouse, by=Principal("vic", role))  # type: ignore[arg-type]  # parametrized words


def test_nobody_changes_or_removes_what_is_locked(
    engine: Engine, tenant: UUID, warehouse: Warehouse, superuser_url: str
) -> None:
    snapshot = locked(engine, tenant, warehouse)
    for statement in ("update investor_snapshots set reason = 'x'", "delete from investor_snapshots"):
        with pytest.raises(DBAPIError, match="permission denied"), tenant_transaction(engine, tenant) as connection:
            connection.execute(text(statement))
        with psycopg.connect(superuser_url) as owner, pytest.raises(psycopg.Error, match="only grows"):
            owner.execute(f"set search_path = metering; {statement}")
    with psycopg.connect(superuser_url) as owner:  # a superuser can switch the trigger off, and is found out
        owner.execute("alter table metering.investor_snapshots disable trigger user")
        owner.execute("update metering.investor_snapshots set content = replace(content, '160000', '260000')")
    with tenant_transaction(engine, tenant) as connection, pytest.raises(SnapshotDamaged, match="do not show it"):
        investor_reports.report_of(connection, snapshot)


def test_another_tenant_sees_no_snapshot(engine: Engine, tenant: UUID, mallory: UUID, warehouse: Warehouse) -> None:
    snapshot = locked(engine, tenant, warehouse)
    with tenant_transaction(engine, mallory) as connection:
        assert kept.listed(connection) == []
        assert kept.latest(connection, OCTOBER) is None
        with pytest.raises(ReportRefused, match="no locked report"):
            investor_reports.known(connection, snapshot.snapshot_id)


def test_a_snapshot_says_when_it_was_locked(engine: Engine, tenant: UUID, warehouse: Warehouse) -> None:
    snapshot = locked(engine, tenant, warehouse)
    with tenant_transaction(engine, tenant) as connection:
        report = investor_reports.report_of(connection, snapshot)
    assert (report.revision, report.locked_at) == (1, NOW)
    assert report.as_of.replace(tzinfo=NOW.tzinfo) - NOW == timedelta(0)
