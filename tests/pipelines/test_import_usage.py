"""Importing usage: each event once, the first word kept, bad rows set aside with their reason, every event priced."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import Engine

from pipelines import import_usage
from pipelines.import_usage import import_files
from pipelines.read_usage import UsageFileRefused
from store import freshness, lake, price_entries
from store.database import tenant_transaction
from store.usage_imports import ImportRunning, sole_importer
from tests.pipelines.imported_usage import (
    NOW,
    files_on_disk,
    import_one,
    in_parts_of,
    lake_events,
    lake_sums,
    pull_customers,
    row,
    usage_csv,
)


def rejects_in(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_events_are_priced_and_kept_by_day(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> None:
    """1,000 tokens in at 2.50 $ and 100 out at 10.00 $ a million: 2,500 + 1,000 millionths of a dollar."""
    path = usage_csv(tmp_path / "u.csv", [row("a", day=1), row("b", day=2), row("c", day=2, model="house-7b")])
    summary = import_one(engine, tmp_path, tenant, path)
    assert (summary.accepted, summary.duplicate, summary.conflict, summary.rejected, summary.unpriced) == (
        3,
        0,
        0,
        0,
        1,
    )
    assert summary.reject_paths == ()
    events = lake_events(engine, tmp_path, tenant)
    assert events.schema == pl.Schema(lake.LAKE_SCHEMA)
    assert events["cost_pico_usd"].to_list() == [3_500_000_000, 3_500_000_000, None]
    assert events["price_id"].is_null().to_list() == [False, False, True]
    assert events["unpriced_reason"][2].startswith("no price entry for openai/house-7b")
    assert events["occurred_at"][0] == datetime(2026, 11, 1, 12)
    assert {name.split("/")[0] for name in files_on_disk(tmp_path, tenant)} == {"day=2026-11-01", "day=2026-11-02"}
    sums = lake_sums(engine, tenant)
    assert (sums.files, sums.rows, sums.unpriced_rows, sums.cost_pico_usd) == (2, 3, 1, 7_000_000_000)
    assert lake_sums(engine, mallory).rows == 0


def test_the_price_entries_used_are_written_down_once(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    for name in ("a", "b"):
        import_one(engine, tmp_path, tenant, usage_csv(tmp_path / f"{name}.csv", [row(name)]))
    with tenant_transaction(engine, tenant) as connection:
        entries = price_entries.read(connection)
    assert entries["price_id"].to_list() == lake_events(engine, tmp_path, tenant)["price_id"].unique().to_list()
    entry = entries.row(0, named=True)
    assert (entry["provider"], entry["model"]) == ("openai", "gpt-4o")
    assert (entry["input_uncached_tokens_pico_usd"], entry["output_text_tokens_pico_usd"]) == (2_500_000, 10_000_000)
    assert entry["images_pico_usd"] is None


def test_the_same_file_again_adds_nothing(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    path = usage_csv(tmp_path / "u.csv", [row("a"), row("b"), row("a")])
    assert import_one(engine, tmp_path, tenant, path).accepted == 2
    again = import_one(engine, tmp_path, tenant, path)
    assert (again.accepted, again.duplicate, again.unpriced, again.unattributed) == (0, 3, 0, 0)
    assert lake_sums(engine, tenant).rows == 2


def test_the_same_events_in_another_file_add_nothing(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "u.csv", [row("a"), row("b", day=2)]))
    other = usage_csv(tmp_path / "v.csv", [row("b", day=2), row("c"), row("a")])
    summary = import_one(engine, tmp_path, tenant, other)
    assert (summary.accepted, summary.duplicate, summary.conflict) == (1, 2, 0)
    assert lake_events(engine, tmp_path, tenant)["event_id"].to_list() == ["a", "b", "c"]


def test_an_event_told_differently_is_a_conflict_and_the_first_word_stays(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "u.csv", [row("a", tokens=1_000)]))
    other = usage_csv(tmp_path / "v.csv", [row("b"), row("a", tokens=2_000, day=3), row("b", out=7), row("b")])
    summary = import_one(engine, tmp_path, tenant, other)
    assert (summary.accepted, summary.duplicate, summary.conflict) == (1, 1, 2)
    kept = lake_events(engine, tmp_path, tenant)
    assert kept.select("event_id", "input_uncached_tokens", "output_text_tokens").rows() == [
        ("a", 1000, 100),
        ("b", 1000, 100),
    ]
    [path] = summary.reject_paths
    rejects = rejects_in(path)
    assert [(reject["line"], reject["event_id"]) for reject in rejects] == [("3", "a"), ("4", "b")]
    assert rejects[0]["reason"] == "the event_id a is that of an event kept earlier with other content, which stays"
    assert rejects[1]["reason"] == "the event_id b is that of line 2 with other content, which stays"
    assert '"input_uncached_tokens":2000' in rejects[0]["row"]


def test_a_bad_row_is_set_aside_and_the_good_ones_are_kept(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    path = usage_csv(tmp_path / "u.csv", [row("a"), row("b", tokens="many"), row("c")])
    summary = import_one(engine, tmp_path, tenant, path)
    assert (summary.accepted, summary.rejected) == (2, 1)
    [reject] = rejects_in(summary.reject_paths[0])
    assert (reject["line"], reject["event_id"]) == ("3", "b")
    assert "input_tokens ('many') must be a whole number" in reject["reason"]
    again = import_one(engine, tmp_path, tenant, path)
    assert (again.accepted, again.duplicate, again.rejected) == (0, 2, 1)
    assert rejects_in(again.reject_paths[0]) == [reject]


def test_another_tenants_events_are_no_duplicates_of_mine(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    path = usage_csv(tmp_path / "u.csv", [row("a"), row("b")])
    import_one(engine, tmp_path, tenant, path)
    assert lake_events(engine, tmp_path, mallory).is_empty()
    assert import_one(engine, tmp_path, mallory, path).accepted == 2
    assert lake_sums(engine, tenant).rows == lake_sums(engine, mallory).rows == 2
    assert not files_on_disk(tmp_path, tenant) & files_on_disk(tmp_path, mallory)


def test_a_file_that_breaks_off_keeps_what_came_before_and_goes_on_once_mended(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts_of(monkeypatch, 2)
    path = usage_csv(tmp_path / "u.csv", [row(name) for name in "abcdef"])
    whole = import_usage.read_batches

    def broken(file: object, *, skip_rows: int = 0) -> object:
        batches = whole(file, skip_rows=skip_rows)
        yield next(batches)
        yield next(batches)
        raise UsageFileRefused("the file breaks off")

    monkeypatch.setattr(import_usage, "PART_ROWS", 3)
    monkeypatch.setattr(import_usage, "read_batches", broken)
    with pytest.raises(UsageFileRefused, match="breaks off"):
        import_one(engine, tmp_path, tenant, path)
    assert lake_sums(engine, tenant).rows == 4
    with tenant_transaction(engine, tenant) as connection:
        [noted] = freshness.read(connection)
    assert (noted.status, noted.message) == (freshness.Status.FAILED, "the file breaks off")
    monkeypatch.setattr(import_usage, "read_batches", whole)
    summary = import_one(engine, tmp_path, tenant, path)
    assert (summary.accepted, summary.duplicate) == (6, 0)


def test_nothing_is_imported_when_one_of_the_files_cannot_be_read(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    good, bad = usage_csv(tmp_path / "u.csv", [row("a")]), tmp_path / "absent.csv"
    with pytest.raises(UsageFileRefused, match=r"absent\.csv"):
        import_files(engine, tmp_path, tenant, [good, bad], now=NOW)
    assert lake_sums(engine, tenant).rows == 0


def test_two_files_are_summed_and_freshness_says_how_new_the_usage_is(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    files = [
        usage_csv(tmp_path / "u.csv", [row("a", day=5)]),
        usage_csv(tmp_path / "v.csv", [row("a", day=5), row("b", day=4)]),
    ]
    told: list[tuple[str, int, int | None]] = []
    summary = import_files(engine, tmp_path, tenant, files, now=NOW, progress=lambda *said: told.append(said))
    assert (summary.accepted, summary.duplicate) == (1 + 1, 1)
    assert [(name, done) for name, done, _ in told] == [("u.csv", 1), ("v.csv", 2)]
    with tenant_transaction(engine, tenant) as connection:
        [noted] = freshness.read(connection)
    assert (noted.source, noted.status, noted.rows_total) == ("usage", freshness.Status.OK, 2)
    assert (noted.latest_record_at, noted.last_success_at) == (datetime(2026, 11, 5, 12, tzinfo=UTC), NOW)
    with tenant_transaction(engine, mallory) as connection:
        assert freshness.read(connection) == []


def test_one_import_at_a_time_for_a_tenant_and_any_number_for_others(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.usage_imports.LOCK_WAIT_MS", 50)
    path = usage_csv(tmp_path / "u.csv", [row("a")])
    with sole_importer(engine, tenant):
        with pytest.raises(ImportRunning, match="wait until it has ended"):
            import_one(engine, tmp_path, tenant, path)
        assert import_one(engine, tmp_path, mallory, path).accepted == 1
    assert import_one(engine, tmp_path, tenant, path).accepted == 1


def test_a_file_read_by_other_columns_has_other_events(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    path.write_text("call,again,occurred_at,model\nx,y,2026-11-01,gpt-4o\n", encoding="utf-8")
    for columns in ("call=event_id", "again=event_id", "call=event_id"):
        import_files(engine, tmp_path, tenant, [path], columns=columns, now=NOW)
    assert lake_events(engine, tmp_path, tenant)["event_id"].to_list() == ["x", "y"]


def test_a_mapping_file_attributes_usage_that_is_there_already(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    path = usage_csv(
        tmp_path / "u.csv", [row("a", customer="acct_1"), row("b", customer="u-77"), row("c", customer="")]
    )
    assert import_one(engine, tmp_path, tenant, path).unattributed is None, "nobody knows before Stripe has been pulled"
    pull_customers(engine, tenant, cus_1={"account_id": "acct_1"}, cus_2={})
    pull_customers(engine, mallory, cus_9={"account_id": "u-77"})
    other = usage_csv(
        tmp_path / "v.csv", [row("d", customer="acct_1"), row("e", customer="u-77"), row("f", customer="")]
    )
    assert import_one(engine, tmp_path, tenant, other).unattributed == 2
    mapping = tmp_path / "mapping.csv"
    mapping.write_text("source_ref,customer_id\nu-77,cus_2\n", encoding="utf-8")
    third = usage_csv(tmp_path / "w.csv", [row("g", customer="u-77"), row("h", customer="")])
    assert import_one(engine, tmp_path, tenant, third, mapping).unattributed == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ref,customer\na,cus_1\n", "must begin with a line that names its columns source_ref and customer_id"),
        ("source_ref,customer_id\na,cus_1\nb,\n", "line 3: customer_id is empty"),
        ("source_ref,customer_id\na,cus_1\na,cus_2\n", "line 3: a means cus_2 here and cus_1 in line 2"),
    ],
)
def test_a_mapping_that_cannot_be_meant_so_is_refused_whole(
    engine: Engine, tenant: UUID, tmp_path: Path, text: str, sentence: str
) -> None:
    mapping = tmp_path / "mapping.csv"
    mapping.write_text(text, encoding="utf-8")
    with pytest.raises(UsageFileRefused, match=sentence):
        import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "u.csv", [row("a")]), mapping)
    assert lake_sums(engine, tenant).rows == 0


@pytest.mark.shared
@pytest.mark.slow
def test_a_million_real_events_come_in_once(engine: Engine, tenant: UUID, tmp_path: Path, shared: Path) -> None:
    path = shared / "data" / "servegen_usage_1m.parquet"
    assert import_one(engine, tmp_path, tenant, path).accepted == 1_000_000
    again = import_one(engine, tmp_path, tenant, path)
    assert (again.accepted, again.duplicate) == (0, 1_000_000)
    sums = lake_sums(engine, tenant)
    assert (sums.rows, sums.unpriced_rows) == (1_000_000, 0)
    # By the three models' prices: the tokens of the file times a whole number of pico-USD for each.
    prices = {
        "gpt-4o": (2_500_000, 10_000_000),
        "gemini-2.5-flash": (300_000, 2_500_000),
        "claude-sonnet-4-5": (3_000_000, 15_000_000),
    }
    tokens = pl.read_parquet(path).group_by("model").agg(pl.col("input_tokens", "output_tokens").cast(pl.Int64).sum())
    expected = sum(prices[model][0] * read + prices[model][1] * wrote for model, read, wrote in tokens.rows())
    assert sums.cost_pico_usd == expected
