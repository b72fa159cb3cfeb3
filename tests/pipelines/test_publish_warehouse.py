"""From the mirror and the lake to one version: every sum agrees with its source, and what does not agree is not shown."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import Engine, select, update

from pipelines import publish_warehouse
from pipelines.publish_warehouse import RateMissing, publish
from store import lake, warehouse_reads, warehouse_sources
from store.database import tenant_transaction
from store.lake import LakeDamaged
from store.schema import lake_files, warehouse_versions
from store.tenants import ensure_tenant
from store.warehouse import Publication
from store.warehouse_margins import margin_of
from store.warehouse_reads import Warehouse
from tests.pipelines.imported_usage import import_one, row, usage_csv
from tests.pipelines.usage_files import json_lines
from tests.store.stripe_money import balance_transaction, charge, invoice, keep, paid_by, refund, seconds

# The running month is February: the invoice of 15 January pays until 15 February.
NOW = datetime(2026, 2, 20, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
ACME = {"id": "cus_acme", "object": "customer", "name": "Acme", "created": seconds(1, 1), "metadata": {"id": "acct_1"}}


def mirror_of_acme(engine: Engine, tenant: UUID) -> None:
    """One invoice of 279.00 net for 31 days, 17 in January and 14 in February, paid with a fee of 9.93."""
    fee = balance_transaction("txn_1", "charge", 332_01, 9_93, "ch_1")
    keep(engine, tenant, ACME, invoice(), charge(), paid_by(), fee)


def usage_of_acme(engine: Engine, home: Path, tenant: UUID, folder: Path) -> None:
    """In November: 1,000 x $2.50 + 100 x $10 a million, twice: $0.007; one call of a model without a price, one of nobody."""
    rows = [row("e1"), row("e2", day=2), row("e3", model="house-7b"), row("e4", customer="acct_nobody")]
    import_one(engine, home, tenant, usage_csv(folder / "usage.csv", rows))


def opened(home: Path, tenant: UUID) -> Warehouse:
    warehouse = warehouse_reads.open_current(home, tenant)
    assert warehouse is not None
    return warehouse


def versions(engine: Engine, tenant: UUID) -> list[tuple[int, str, str]]:
    table = warehouse_versions.c
    with tenant_transaction(engine, tenant) as connection:
        rows = connection.execute(select(table.version, table.state, table.message).order_by(table.version))
        return [tuple(found) for found in rows]


def test_revenue_by_service_period_and_as_invoiced(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """279.00 over 31 days: 17 days = 153.00 in January and 14 days = 126.00 in February; as invoiced all of it in January."""
    mirror_of_acme(engine, tenant)
    assert publish(engine, tmp_path, tenant, now=NOW).is_published
    shown = opened(tmp_path, tenant)
    names = ("month", "gross_minor", "discounts_minor", "net_revenue_minor", "fees_minor")
    assert warehouse_reads.months(shown, "service").select(names).rows() == [
        (JANUARY, 170_00, 17_00, 153_00, 9_93),
        (FEBRUARY, 140_00, 14_00, 126_00, 0),
    ]
    assert warehouse_reads.months(shown, "invoiced").select(names).rows() == [(JANUARY, 310_00, 31_00, 279_00, 9_93)]
    lines = warehouse_reads.revenue_lines(shown, "cus_acme", FEBRUARY, "service")
    assert lines.select("kind", "reporting_minor", "invoice_number").rows() == [
        ("line", 140_00, "A-0001"),
        ("discount", 14_00, "A-0001"),
    ]


def test_usage_meets_its_customer_and_keeps_what_is_nobodys_and_what_has_no_price(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    keep(engine, tenant, ACME)
    usage_of_acme(engine, tmp_path, tenant, tmp_path)
    publication = publish(engine, tmp_path, tenant, now=datetime(2026, 12, 5, tzinfo=UTC))
    assert publication.is_published, publication.message
    shown = opened(tmp_path, tenant)
    november = date(2026, 11, 1)
    rows = warehouse_reads.customer_months(shown, "service", november, november)
    assert rows.select("customer_id", "events", "unpriced_events", "cost_pico_usd").rows() == [
        ("cus_acme", 3, 1, 7_000_000_000),
        (None, 1, 0, 3_500_000_000),
    ]
    units = warehouse_reads.priced_units(shown, "cus_acme", november).filter(pl.col("price_id").is_not_null())
    assert units.select("bucket", "quantity", "unit_price_pico_usd", "cost_pico_usd").rows() == [
        ("input_uncached_tokens", 2_000, 2_500_000, 5_000_000_000),
        ("output_text_tokens", 200, 10_000_000, 2_000_000_000),
    ]
    kinds = warehouse_reads.attention(shown).select("kind", "title").rows()
    assert kinds == [
        ("unattributed", "acct_nobody belongs to no customer"),
        ("unpriced", "openai/house-7b has no price"),
    ]
    assert [check.name for check in publication.checks if not check.agrees] == []
    assert {"usage events", "AI cost at list prices in pico-USD", "invoices"} <= {
        check.name for check in publication.checks
    }


@pytest.mark.parametrize(
    ("log_format", "cost", "source"), [(None, 1_000_000_000, "reported"), ("litellm", 3_500_000_000, "catalogue")]
)
def test_what_a_provider_reports_counts_and_what_a_gateway_reckons_does_not(
    engine: Engine,
    tenant: UUID,
    tmp_path: Path,
    log_format: str | None,
    cost: int,
    source: str,
) -> None:
    """The list says 1,000 x $2.50 + 100 x $10 a million = $0.0035, the log $0.001."""
    if log_format is None:
        given = {
            "event_id": "e1",
            "occurred_at": "2026-11-01T12:00:00Z",
            "provider": "openai",
            "reported_cost_usd": 0.001,
        }
        log = given | {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100}
    else:
        log = {
            "request_id": "e1",
            "startTime": "2026-11-01T12:00:00Z",
            "custom_llm_provider": "openai",
            "model": "gpt-4o",
        }
        log |= {"prompt_tokens": 1000, "completion_tokens": 100, "spend": 0.001}
    import_one(engine, tmp_path, tenant, json_lines(tmp_path / "log.jsonl", [log]))
    publication = publish(engine, tmp_path, tenant, now=datetime(2026, 12, 5, tzinfo=UTC))
    assert publication.is_published, publication.message
    rows = opened(tmp_path, tenant).rows(
        "select list_cost_pico_usd, reported_cost_pico_usd, cost_pico_usd, cost_source from usage_cube"
    )
    assert rows.rows() == [(3_500_000_000, 1_000_000_000, cost, source)]


def test_a_mapping_that_comes_later_repairs_history(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    usage_of_acme(engine, tmp_path, tenant, tmp_path)
    publish(engine, tmp_path, tenant, now=NOW)
    before = opened(tmp_path, tenant)
    keep(engine, tenant, ACME)
    publish(engine, tmp_path, tenant, now=NOW)
    query = "select sum(events)::bigint as n from usage_cube where customer_id is null"
    assert before.rows(query)["n"][0] == 4
    assert opened(tmp_path, tenant).rows(query)["n"][0] == 1


def test_versions_are_numbered_and_recorded(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    mirror_of_acme(engine, tenant)
    first, second = (publish(engine, tmp_path, tenant, now=NOW) for _ in range(2))
    assert (first.version, second.version) == (1, 2)
    assert [(version, state) for version, state, _ in versions(engine, tenant)] == [(1, "published"), (2, "published")]
    shown = opened(tmp_path, tenant)
    assert (shown.version, shown.tenant_name, shown.as_of) == (2, "Acme", NOW.replace(tzinfo=None))


def test_publishing_the_same_sources_twice_gives_the_same_rows(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    mirror_of_acme(engine, tenant)
    usage_of_acme(engine, tmp_path, tenant, tmp_path)

    def everything(publication: Publication) -> dict[str, list[tuple[Any, ...]]]:
        shown = opened(tmp_path, tenant)
        assert shown.version == publication.version
        tables = [name for name in publication.row_counts if name != "meta"]
        return {name: shown.rows(f"select * from {name} order by all").rows() for name in tables}

    first = everything(publish(engine, tmp_path, tenant, now=NOW))
    assert everything(publish(engine, tmp_path, tenant, now=NOW)) == first


def test_a_lake_that_does_not_hold_what_its_manifest_says_keeps_the_old_version(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """The manifest is made to say one row more than each of its files has: 4 days' files, of which 2 have usage."""
    usage_of_acme(engine, tmp_path, tenant, tmp_path)
    publish(engine, tmp_path, tenant, now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        files = len(lake.read_manifest(connection))
        connection.execute(update(lake_files).values(rows=lake_files.c.rows + 1))
    refused = publish(engine, tmp_path, tenant, now=NOW)
    assert not refused.is_published
    assert f"usage events: {4 + files} at the source, 4 here" in refused.message
    assert opened(tmp_path, tenant).version == refused.version == 1
    assert opened(tmp_path, tenant).refusal == refused.message
    assert versions(engine, tenant)[1] == (2, "refused", refused.message)
    with tenant_transaction(engine, tenant) as connection:
        connection.execute(update(lake_files).values(rows=lake_files.c.rows - 1))
    assert publish(engine, tmp_path, tenant, now=NOW).version == 3
    assert opened(tmp_path, tenant).refusal is None


def test_an_invoice_lost_on_the_way_keeps_the_old_version(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """332.01 + 50.00 at the source; a reader that forgets the second would show 332.01."""
    mirror_of_acme(engine, tenant)
    keep(engine, tenant, invoice("in_2", total=50_00, lines={"object": "list", "data": [], "has_more": False}))
    whole = warehouse_sources.invoices
    monkeypatch.setattr(warehouse_sources, "invoices", lambda connection: whole(connection)[:1])
    refused = publish(engine, tmp_path, tenant, now=NOW)
    assert not refused.is_published
    assert refused.message.startswith("A new version was not published, nothing is shown")
    assert "invoices: 2 at the source, 1 here" in refused.message
    assert "sum of invoice totals in minor units: 38,201 at the source, 33,201 here" in refused.message


def test_lake_files_that_are_gone_are_one_sentence(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    usage_of_acme(engine, tmp_path, tenant, tmp_path)
    publish(engine, tmp_path, tenant, now=NOW)
    shutil.rmtree(lake.tenant_folder(tmp_path, tenant))
    with pytest.raises(LakeDamaged, match=r"2 of 2 files that the database names are gone"):
        publish(engine, tmp_path, tenant, now=NOW)
    assert opened(tmp_path, tenant).version == 1


def test_another_reporting_currency_needs_a_rate_for_the_dollars_of_usage(engine: Engine, tmp_path: Path) -> None:
    euro = ensure_tenant(engine, "euro", "Euro", "eur")
    usage_of_acme(engine, tmp_path, euro, tmp_path)
    with pytest.raises(RateMissing, match=r"no rate to EUR is known for 2026-11-30: .*metering rates add usd eur"):
        publish(engine, tmp_path, euro, now=datetime(2026, 12, 5, tzinfo=UTC))


def test_an_invoice_whose_lines_do_not_come_to_its_total_waits_for_a_person(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    keep(engine, tenant, ACME, invoice(total_excluding_tax=300_00))
    assert publish(engine, tmp_path, tenant, now=NOW).is_published
    (item,) = warehouse_reads.attention(opened(tmp_path, tenant)).rows(named=True)
    assert (item["kind"], item["customer_id"], item["amount_minor"]) == ("unbalanced", "cus_acme", 21_00)


def test_a_refund_after_the_first_version_is_in_the_next(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """119.00 of 332.01 given back in March takes 100.00 of the 279.00 net: 119.00 x 279.00 / 332.01."""
    mirror_of_acme(engine, tenant)
    publish(engine, tmp_path, tenant, now=NOW)
    keep(engine, tenant, refund("re_1"))
    publish(engine, tmp_path, tenant, now=NOW + timedelta(days=30))
    march = warehouse_reads.months(opened(tmp_path, tenant), "service").filter(pl.col("month") == MARCH)
    assert march["refunds_minor"].to_list() == [100_00]
    assert margin_of(march.row(0, named=True), "usd").gross_profit_minor == -100_00


def test_what_a_crash_between_the_swap_and_the_record_leaves_is_put_right_by_the_next(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_of_acme(engine, tenant)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publish_warehouse.warehouse_versions, "record", crash)
        with pytest.raises(KeyboardInterrupt):
            publish(engine, tmp_path, tenant, now=NOW)
    assert opened(tmp_path, tenant).version == 1
    assert publish(engine, tmp_path, tenant, now=NOW).version == 2


def test_another_tenants_books_and_usage_are_in_none_of_it(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    mirror_of_acme(engine, tenant)
    usage_of_acme(engine, tmp_path, tenant, tmp_path)
    assert publish(engine, tmp_path, tenant, now=NOW).is_published
    empty = publish(engine, tmp_path, mallory, now=NOW)
    assert empty.is_published
    assert {name: rows for name, rows in empty.row_counts.items() if rows} == {"meta": 1}
    assert versions(engine, mallory) == [(1, "published", empty.message)]
    assert opened(tmp_path, tenant).version == 1
