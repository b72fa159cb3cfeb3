"""The lake keeps each event once, sums without rounding, counts only what the manifest names, and knows when it is damaged."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import polars as pl
import pytest
from sqlalchemy import Engine, delete

from pricing.usage import BUCKETS
from pricing.usage_sources.schema import NORMALIZED_SCHEMA
from store import duck, lake, lake_files, lake_intake, usage_imports
from store.database import tenant_transaction
from store.lake import LakeDamaged
from store.schema import lake_files as manifest_table
from store.usage_imports import Counts, ImportOvertaken, Reading, UsageImport

NOW = datetime(2026, 11, 25, tzinfo=UTC)
READING = Reading("0" * 64, "metering", "")


def events(*rows: dict[str, object]) -> pl.DataFrame:
    """Events with everything zero or null but what a test names."""
    blank: dict[str, object] = dict.fromkeys(NORMALIZED_SCHEMA) | dict.fromkeys(BUCKETS, 0)
    blank |= {"occurred_at": datetime(2026, 11, 1, 12, tzinfo=UTC), "model": "gpt-4o", "requests": 1}
    return pl.DataFrame([blank | row for row in rows], schema=NORMALIZED_SCHEMA, orient="row")


def priced(*rows: dict[str, object]) -> pl.DataFrame:
    """The same as the lake takes them; price and cost as a test names them."""
    extra = {"price_id": pl.Int64, "cost_pico_usd": pl.Int64, "unpriced_reason": pl.String, "content_hash": pl.UInt64}
    return events(*({name: value for name, value in row.items() if name not in extra} for row in rows)).with_columns(
        pl.Series(name, [row.get(name) for row in rows], kind) for name, kind in extra.items()
    )


def begin(engine: Engine, tenant: UUID) -> UsageImport:
    with tenant_transaction(engine, tenant) as connection:
        return usage_imports.begin(connection, READING, file_name="u.csv", now=NOW)


def put(engine: Engine, home: Path, tenant: UUID, frame: pl.DataFrame) -> UsageImport:
    """Write and name the events as one import's only part."""
    begun = begin(engine, tenant)
    files = lake_files.write_files(lake.tenant_folder(home, tenant), begun.import_id, 0, frame)
    with tenant_transaction(engine, tenant) as connection:
        return usage_imports.record_part(
            connection,
            begun,
            counts=Counts(accepted=frame.height),
            rows_done=frame.height,
            reject_bytes=0,
            files=files,
            now=NOW,
        )


def paths(engine: Engine, tenant: UUID) -> list[str]:
    with tenant_transaction(engine, tenant) as connection:
        return lake_files.paths_of(lake.read_manifest(connection))


def cube(engine: Engine, home: Path, tenant: UUID) -> list[dict[str, object]]:
    with duck.connect() as con:
        built = lake.usage_cube(con, home, tenant, paths(engine, tenant)).pl()
    return built.sort("day", "model", nulls_last=True).to_dicts()


def test_the_cube_sums_a_days_usage_by_everything_that_prices_or_attributes_it(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    frame = priced(
        {"event_id": "a", "customer_ref": "u1", "input_uncached_tokens": 700, "price_id": 5, "cost_pico_usd": 30},
        {"event_id": "b", "customer_ref": "u1", "input_uncached_tokens": 300, "price_id": 5, "cost_pico_usd": 12},
        {"event_id": "c", "customer_ref": "u1", "model": "house", "images": 2, "unpriced_reason": "no price entry"},
        {"event_id": "d", "occurred_at": datetime(2026, 11, 2, tzinfo=UTC), "price_id": 5, "cost_pico_usd": 0},
    )
    put(engine, tmp_path, tenant, frame)
    first, unpriced, second = cube(engine, tmp_path, tenant)
    assert (first["day"], first["events"], first["input_uncached_tokens"], first["list_cost_pico_usd"]) == (
        date(2026, 11, 1),
        2,
        700 + 300,
        30 + 12,
    )
    assert (unpriced["images"], unpriced["list_cost_pico_usd"], unpriced["unpriced_reason"]) == (
        2,
        None,
        "no price entry",
    )
    assert (second["day"], second["customer_ref"], second["list_cost_pico_usd"]) == (date(2026, 11, 2), None, 0)
    assert cube(engine, tmp_path, mallory) == []


def test_the_cube_keeps_apart_what_providers_and_gateways_say_that_calls_cost(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Of a gateway's file one event says nothing, one 7 and one 11; in a log of our own schema one says 13."""
    said = [{"event_id": name, "reported_cost_pico_usd": cost} for name, cost in (("a", None), ("b", 7), ("c", 11))]
    put(engine, tmp_path, tenant, priced(*said))
    [first] = paths(engine, tenant)
    put(engine, tmp_path, tenant, priced({"event_id": "d", "reported_cost_pico_usd": 13}))
    named = paths(engine, tenant)
    with duck.connect() as con:
        built = lake.usage_cube(con, tmp_path, tenant, named, estimated={first}).pl()
    rows = built.sort("reported_cost_pico_usd").select("events", "reported_by", "reported_cost_pico_usd").rows()
    assert rows == [(1, None, None), (1, "provider", 13), (2, "gateway", 7 + 11)]


def test_the_manifest_names_the_format_that_a_files_events_came_in(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    put(engine, tmp_path, tenant, priced({"event_id": "a"}))
    with tenant_transaction(engine, tenant) as connection:
        assert [file.source for file in lake.read_manifest(connection)] == ["metering"]


def test_the_manifest_and_the_cube_sum_beyond_64_bits(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Two events of 9.2 million dollars on one day: each fits 63 bits of pico-USD, their sum does not."""
    most = 2**63 - 1
    put(engine, tmp_path, tenant, priced(*({"event_id": name, "price_id": 1, "cost_pico_usd": most} for name in "ab")))
    with tenant_transaction(engine, tenant) as connection:
        sums = lake.read_sums(connection)
        assert sums == lake.sums_of(lake.read_manifest(connection))
    assert (sums.rows, sums.cost_pico_usd) == (2, 2 * most)
    [row] = cube(engine, tmp_path, tenant)
    assert row["list_cost_pico_usd"] == 2 * most


def test_files_from_before_a_label_came_are_read_as_saying_nothing_of_it(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Alone, and beside files that have the label."""
    put(engine, tmp_path, tenant, priced({"event_id": "old", "region": "eu"}))
    [old] = (tmp_path / "lake" / str(tenant)).glob("day=*/*.parquet")
    pl.read_parquet(old).drop(lake.ADDED_COLUMNS).write_parquet(old)
    for events_put in (["old"], ["new", "old"]):
        with duck.connect() as con:
            read = lake.lake_relation(con, tmp_path, tenant, paths(engine, tenant))
            rows = read.project("event_id, region, search_context_size").order("event_id").fetchall()
            assert set(read.columns) == set(lake.LAKE_SCHEMA)
        said = {"old": ("old", "eu", None), "new": ("new", None, "high")}
        assert rows == [said[name] for name in events_put]
        put(engine, tmp_path, tenant, priced({"event_id": "new", "search_context_size": "high"}))


def test_usage_without_any_price_has_no_cost_rather_than_none(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    put(engine, tmp_path, tenant, priced({"event_id": "a", "unpriced_reason": "why"}))
    with tenant_transaction(engine, tenant) as connection:
        sums = lake.read_sums(connection)
    assert (sums.unpriced_rows, sums.cost_pico_usd) == (1, None)


def test_of_one_id_the_first_is_new_an_equal_one_a_duplicate_another_one_a_conflict() -> None:
    rows = [("a", 1), ("b", 2), ("a", 1), ("b", 3), ("c", 4), ("b", 2)]
    batch = events(*({"event_id": name, "images": images} for name, images in rows)).with_columns(
        pl.Series("line", range(2, 8), pl.Int64)
    )
    with duck.connect() as con:
        first = lake_intake.sift(con, batch, lake.lake_relation(con, Path(), uuid4(), []))
        assert first.new["line"].to_list() == [2, 3, 6]
        assert (first.duplicate, first.conflicts.select("line", "kept_line").rows()) == (2, [(5, 3)])
        held = con.from_arrow(first.new.select("event_id", "content_hash").to_arrow())
        again = lake_intake.sift(con, batch, held)
    assert again.new.is_empty()
    assert (again.duplicate, again.conflicts.select("line", "kept_line").rows()) == (5, [(5, None)])


@pytest.mark.parametrize("field", [name for name in NORMALIZED_SCHEMA if name != "event_id"])
def test_every_field_is_part_of_what_an_event_says(field: str) -> None:
    other = {"occurred_at": datetime(2026, 11, 1, 12, 0, 0, 1, tzinfo=UTC)}.get(field)
    if other is None:
        other = "x" if NORMALIZED_SCHEMA[field] == pl.String() else 7  # type: ignore[assignment] # a value of the field's kind
    both = events({"event_id": "a"}, {"event_id": "a", field: other}).with_columns(pl.Series("line", [1, 2], pl.Int64))
    with duck.connect() as con:
        sifted = lake_intake.sift(con, both, lake.lake_relation(con, Path(), uuid4(), []))
    assert sifted.conflicts["line"].to_list() == [2]


def test_the_mark_of_an_events_content_is_the_same_for_ever() -> None:
    """md5 of the moment and of what is named, in order: a later version must come to the same, or history would conflict."""
    frame = events({"event_id": "a", "model": "gpt-4o", "customer_ref": "u1", "images": 2}).with_columns(
        pl.Series("line", [1], pl.Int64)
    )
    with duck.connect() as con:
        sifted = lake_intake.sift(con, frame, lake.lake_relation(con, Path(), uuid4(), []))
    said = "1793534400000000\x1fcustomer_ref=u1\x1fmodel=gpt-4o\x1fimages=2\x1frequests=1"
    lower_half = hashlib.md5(said.encode()).digest()[8:]
    assert sifted.new["content_hash"].to_list() == [int.from_bytes(lower_half, "little")]


def test_what_a_killed_import_left_is_swept_and_strangers_are_left_alone(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    kept = put(engine, tmp_path, tenant, priced({"event_id": "a"}))
    folder = lake.tenant_folder(tmp_path, tenant)
    lake_files.write_files(folder, kept.import_id, 1, priced({"event_id": "left"}))
    (folder / "day=2026-11-01" / f"{kept.import_id}-000000000002.unfinished").write_bytes(b"half")
    lake_files.write_files(folder, uuid4(), 0, priced({"event_id": "of an import that this database does not know"}))
    put(engine, tmp_path, mallory, priced({"event_id": "a"}))
    with tenant_transaction(engine, tenant) as connection:
        assert lake_files.sweep(connection, tmp_path, tenant) == 2
        assert lake_files.sweep(connection, tmp_path, tenant) == 0
    assert len(list(folder.rglob("*.parquet"))) == 2
    assert len(list(lake.tenant_folder(tmp_path, mallory).rglob("*.parquet"))) == 1


def test_a_lake_with_lost_files_is_refused_before_usage_counts_twice(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    put(engine, tmp_path, tenant, priced({"event_id": "a"}))
    [path] = paths(engine, tenant)
    (lake.tenant_folder(tmp_path, tenant) / path).unlink()
    with (
        tenant_transaction(engine, tenant) as connection,
        pytest.raises(LakeDamaged, match=r"1 of 1 files .* are gone"),
    ):
        lake_files.sweep(connection, tmp_path, tenant)


def test_a_part_is_recorded_only_from_where_the_import_is(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    begun = begin(engine, tenant)

    def record(of: UUID, before: UsageImport) -> UsageImport:
        with tenant_transaction(engine, of) as connection:
            return usage_imports.record_part(
                connection, before, counts=Counts(accepted=3), rows_done=5, reject_bytes=0, files=[], now=NOW
            )

    with pytest.raises(ImportOvertaken, match="no longer at row 0"):
        record(mallory, begun)
    after = record(tenant, begun)
    assert after == replace(begun, rows_done=5, counts=Counts(accepted=3))
    with pytest.raises(ImportOvertaken, match="no longer at row 0"):
        record(tenant, begun)
    with tenant_transaction(engine, tenant) as connection:
        assert usage_imports.latest(connection, READING) == after


def test_the_lake_is_whole_until_an_event_leaves_it(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    put(engine, tmp_path, tenant, priced({"event_id": "a"}, {"event_id": "b", "occurred_at": NOW}))
    with tenant_transaction(engine, tenant) as connection:
        assert usage_imports.lake_is_whole(connection)
        connection.execute(delete(manifest_table).where(manifest_table.c.day == date(2026, 11, 25)))
        assert not usage_imports.lake_is_whole(connection)
