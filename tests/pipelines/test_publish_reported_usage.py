"""A provider's report that counts as usage is in the published cube where the log has no calls, and only there."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from pipelines.publish_warehouse import publish
from store import customer_mappings, provider_reports, usage_connections, warehouse_reads
from store.database import tenant_transaction
from store.provider_reports import Days
from store.usage_connections import CountsAs
from store.warehouse_reads import Warehouse
from tests.pipelines.imported_usage import import_one, row, usage_csv
from tests.store.provider_report_rows import FIRST, SECOND, THIRD, usage_frame, used
from tests.store.stripe_money import keep, seconds

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ACME = {"id": "cus_acme", "object": "customer", "name": "Acme", "created": seconds(1, 1), "metadata": {"id": "acct_1"}}


def reported(engine: Engine, tenant: UUID, counts_as: CountsAs) -> None:
    """OpenAI reports 1,000 input tokens of GPT-4o on 1 November, which the log has, too, and 2,000 on the 2nd, by Acme's key."""
    lines = usage_frame(
        used(FIRST, "gpt-4o", api_key="key_acme", input_uncached_tokens=1000, requests=1),
        used(SECOND, "gpt-4o", api_key="key_acme", input_uncached_tokens=2000, requests=4),
        used(SECOND, "gpt-4o", api_key="key_evals", input_uncached_tokens=10, requests=1),
    )
    with tenant_transaction(engine, tenant) as connection:
        source = usage_connections.connect(connection, "openai", "main", counts_as, principal="ada", now=NOW)
        days = Days(FIRST, THIRD)
        provider_reports.replace_usage(connection, source.connection_id, "completions", days, lines, now=NOW)
        customer_mappings.save(connection, {"key_acme": "cus_acme"}, principal="ada", now=NOW)


def shown(engine: Engine, home: Path, tenant: UUID) -> Warehouse:
    publication = publish(engine, home, tenant, now=NOW)
    assert publication.is_published, publication.message
    opened = warehouse_reads.open_current(home, tenant)
    assert opened is not None
    return opened


def cube(warehouse: Warehouse) -> list[tuple[date, str | None, int, int | None, str | None]]:
    """Day, customer, events, effective cost and its source, by day and customer."""
    return warehouse.rows(
        "select day, customer_id, events, cost_pico_usd::bigint, cost_source from usage_cube order by day, customer_id nulls last"
    ).rows()


def test_days_without_calls_in_the_log_count_from_the_report(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """The log's call on 1 November: 1,000 x $2.50 + 100 x $10 a million = $0.0035; the report's 2,000 on the 2nd: $0.005."""
    keep(engine, tenant, ACME)
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "usage.csv", [row("e1")]))
    reported(engine, tenant, CountsAs.USAGE)
    warehouse = shown(engine, tmp_path, tenant)
    assert cube(warehouse) == [
        (FIRST, "cus_acme", 1, 3_500_000_000, "catalogue"),
        (SECOND, "cus_acme", 4, 5_000_000_000, "catalogue"),
        (SECOND, None, 1, 25_000_000, "catalogue"),
    ]
    told = [line for line in warehouse_reads.attention(warehouse).iter_rows(named=True) if line["kind"] == "told_twice"]
    assert [line["detail"].partition(";")[0] for line in told] == ["on 1 day only the log counts"]


def test_a_bill_adds_nothing_to_usage(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    keep(engine, tenant, ACME)
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "usage.csv", [row("e1")]))
    reported(engine, tenant, CountsAs.BILL)
    assert cube(shown(engine, tmp_path, tenant)) == [(FIRST, "cus_acme", 1, 3_500_000_000, "catalogue")]


def test_another_tenants_report_is_in_nobody_elses_cube(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    keep(engine, tenant, ACME)
    reported(engine, mallory, CountsAs.USAGE)
    assert cube(shown(engine, tmp_path, tenant)) == []
