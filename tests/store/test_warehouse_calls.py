"""From a customer's month to its days by price entry, and from one of them to its single calls and nobody else's."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest

from pricing.usage import BUCKETS
from store import warehouse_calls
from store import warehouse_reads as reads
from store.lake import tenant_folder
from store.lake_files import write_files
from store.warehouse_calls import CallsGone, Cell
from store.warehouse_reads import Warehouse
from tests.store.test_lake import priced
from tests.store.warehouse_rows import ACME, MALLORY, NOVEMBER, Row, publish_tables, usage, with_usage

IMPORT = UUID(int=7)
THIRD = date(2026, 11, 3)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
ADAS_CHAT = Cell("cus_ada", THIRD, "openai", "gpt-4o", "chat", 1)


def call(number: int, **given: object) -> dict[str, object]:
    """Ada's call number so and so, a minute after the one before: 10 tokens at 5 pico-USD."""
    named: dict[str, object] = {"event_id": f"call-{number:02d}", "occurred_at": NOON + timedelta(minutes=number)}
    named |= {"customer_ref": "ada", "provider": "openai", "model": "gpt-4o", "feature": "chat"}
    named |= {"input_uncached_tokens": 10, "price_id": 1, "cost_pico_usd": 50}
    return named | given


def cube_row(customer_id: str, ref: str, *, day: date = THIRD, **given: object) -> Row:
    row = usage(NOVEMBER, customer_id, 50, tokens=10, feature="chat")
    return row | {"day": day, "customer_ref": ref} | given


def opened(home: Path, calls: list[dict[str, object]], cube: list[Row]) -> Warehouse:
    """A version over a lake of these calls, with what another tenant's lake holds beside it."""
    files = write_files(tenant_folder(home, ACME), IMPORT, 0, priced(*calls))
    write_files(tenant_folder(home, MALLORY), IMPORT, 0, priced(call(1, event_id="mallorys")))
    entry: Row = {"price_id": 1, "price_key": "openai/gpt-4o", "input_uncached_tokens_pico_usd": 5}
    listed = [{"day": file.day, "path": file.path, "rows": file.rows} for file in files]
    publish_tables(home, with_usage(cube, price_entries=[entry], lake_files=listed))
    warehouse = reads.open_current(home, ACME)
    assert warehouse is not None
    return warehouse


def ids(rows: pl.DataFrame) -> list[str]:
    return rows["event_id"].to_list()


def test_a_month_is_told_by_day_model_feature_and_price_entry_newest_first(tmp_path: Path) -> None:
    """Two rows of the cube of one day and entry, one of them by contract, are one row with both words beside its sum."""
    cube = [
        cube_row("cus_ada", "ada"),
        cube_row("cus_ada", "ada-2", cost_pico_usd=40, cost_source="contract", contract_id="openai-2026"),
        cube_row("cus_ada", "ada", day=THIRD - timedelta(days=1), feature="mail"),
        cube_row("cus_mallory", "mallory"),
    ]
    cells = warehouse_calls.cells(opened(tmp_path, [call(1)], cube), "cus_ada", NOVEMBER)
    told = cells.select("day", "feature", "price_key", "events", "list_cost_pico_usd", "cost_pico_usd").rows()
    assert told == [
        (THIRD, "chat", "openai/gpt-4o", 2, 50 + 50, 50 + 40),
        (THIRD - timedelta(days=1), "mail", "openai/gpt-4o", 1, 50, 50),
    ]
    assert cells["cost_sources"][0].to_list() == ["catalogue", "contract"]
    assert cells["contract_ids"][0].to_list() == ["openai-2026"]


def test_the_calls_of_a_cell_come_newest_first_a_page_at_a_time(tmp_path: Path) -> None:
    warehouse = opened(tmp_path, [call(number) for number in range(25)], [cube_row("cus_ada", "ada")])
    first = warehouse_calls.calls(warehouse, ADAS_CHAT, offset=0, limit=20)
    second = warehouse_calls.calls(warehouse, ADAS_CHAT, offset=20, limit=20)
    assert ids(first) + ids(second) == [f"call-{number:02d}" for number in reversed(range(25))]
    row = first.row(0, named=True)
    assert row["occurred_at"] == datetime(2026, 11, 3, 12, 24)
    assert {bucket: row[bucket] for bucket in BUCKETS if row[bucket]} == {"input_uncached_tokens": 10, "requests": 1}


def test_no_other_customer_day_model_feature_or_price_is_among_them(tmp_path: Path) -> None:
    others = [
        call(2, customer_ref="mallory"),
        call(3, occurred_at=NOON + timedelta(days=1)),
        call(4, model="gpt-5.4"),
        call(5, feature=None),
        call(6, price_id=None, cost_pico_usd=None, unpriced_reason="no price entry"),
    ]
    warehouse = opened(tmp_path, [call(1), *others], [cube_row("cus_ada", "ada"), cube_row("cus_mallory", "mallory")])
    assert ids(warehouse_calls.calls(warehouse, ADAS_CHAT, offset=0, limit=20)) == ["call-01"]
    unpriced = Cell("cus_ada", THIRD, "openai", "gpt-4o", "chat", None)
    [only] = warehouse_calls.calls(warehouse, unpriced, offset=0, limit=20).to_dicts()
    assert (only["event_id"], only["cost_pico_usd"], only["unpriced_reason"]) == ("call-06", None, "no price entry")


def test_every_name_that_the_customer_has_in_the_log_is_read(tmp_path: Path) -> None:
    warehouse = opened(
        tmp_path,
        [call(1), call(2, customer_ref="ada-2")],
        [cube_row("cus_ada", "ada"), cube_row("cus_ada", "ada-2")],
    )
    assert ids(warehouse_calls.calls(warehouse, ADAS_CHAT, offset=0, limit=20)) == ["call-02", "call-01"]


def test_a_file_from_before_a_column_came_is_read_with_nothing_in_it(tmp_path: Path) -> None:
    warehouse = opened(tmp_path, [call(1)], [cube_row("cus_ada", "ada")])
    [path] = (tenant_folder(tmp_path, ACME)).glob("day=*/*.parquet")
    pl.read_parquet(path).drop("search_context_size").write_parquet(path)
    [row] = warehouse_calls.calls(warehouse, ADAS_CHAT, offset=0, limit=20).to_dicts()
    assert (row["event_id"], row["search_context_size"]) == ("call-01", None)


def test_usage_that_a_provider_reported_by_day_has_no_calls(tmp_path: Path) -> None:
    reported = cube_row("cus_ada", "ada", day=THIRD + timedelta(days=2))
    warehouse = opened(tmp_path, [call(1)], [reported])
    cell = Cell("cus_ada", THIRD + timedelta(days=2), "openai", "gpt-4o", "chat", 1)
    assert warehouse_calls.calls(warehouse, cell, offset=0, limit=20).is_empty()


def test_files_that_were_priced_again_meanwhile_are_told_and_not_passed_over(tmp_path: Path) -> None:
    warehouse = opened(tmp_path, [call(1)], [cube_row("cus_ada", "ada")])
    [path] = (tenant_folder(tmp_path, ACME)).glob("day=*/*.parquet")
    path.unlink()
    with pytest.raises(CallsGone, match="2026-11-03 have been priced again since version 1"):
        warehouse_calls.calls(warehouse, ADAS_CHAT, offset=0, limit=20)


def test_a_price_entry_is_found_by_its_id(tmp_path: Path) -> None:
    warehouse = opened(tmp_path, [call(1)], [cube_row("cus_ada", "ada")])
    assert warehouse_calls.entry(warehouse, 1)["price_key"].to_list() == ["openai/gpt-4o"]
    assert warehouse_calls.entry(warehouse, 2).is_empty()
