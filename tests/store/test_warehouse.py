"""A version is seen whole or not at all: it is compared before it counts, readers keep the one they opened, crashes leave nothing."""

import threading
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from store import warehouse, warehouse_reads
from store.warehouse import GRACE, VERSIONS_KEPT, Building, Check, WarehouseNotWritten, publishing, warehouse_folder
from tests.store.warehouse_rows import ACME, MALLORY, NOW, publish_tables


def invoices(number: int) -> dict[str, list[dict[str, object]]]:
    return {"invoices": [{"invoice_id": f"in_{place}", "total_minor": 100} for place in range(number)]}


def shown(home: Path) -> tuple[int, int]:
    """The version that a page would show now, and how many invoices it has."""
    opened = warehouse_reads.open_current(home, ACME)
    assert opened is not None
    return opened.version, opened.rows("select count(*) as n from invoices")["n"][0]


def files(home: Path) -> set[str]:
    return {path.name for path in warehouse_folder(home, ACME).iterdir() if path.is_file()}


def test_nothing_is_published_at_first(tmp_path: Path) -> None:
    assert warehouse_reads.open_current(tmp_path, ACME) is None
    assert warehouse_reads.current_version(tmp_path, ACME) is None
    assert warehouse_reads.tenant_named(tmp_path, "acme") is None


def test_a_version_that_agrees_with_its_source_is_shown(tmp_path: Path) -> None:
    publication = publish_tables(tmp_path, invoices(2))
    assert publication.is_published
    assert publication.version == 1
    assert publication.message == "Published version 1; 1 sums agree with their sources."
    assert publication.row_counts["invoices"] == 2
    assert shown(tmp_path) == (1, 2)
    assert warehouse_reads.tenant_named(tmp_path, "acme") == ACME


def test_a_version_that_differs_from_its_source_leaves_the_old_one_and_says_so(tmp_path: Path) -> None:
    publish_tables(tmp_path, invoices(2))
    refused = publish_tables(tmp_path, invoices(3), version=2, source_invoices=4)
    assert not refused.is_published
    assert refused.version == 1
    assert refused.message == (
        "A new version was not published, version 1 stays, because its sums differ from their sources. "
        "invoices: 4 at the source, 3 here."
    )
    assert shown(tmp_path) == (1, 2)
    opened = warehouse_reads.open_current(tmp_path, ACME)
    assert opened is not None
    assert opened.refusal == refused.message

    publish_tables(tmp_path, invoices(4), version=3)
    assert shown(tmp_path) == (3, 4)
    assert warehouse_reads.refusal(tmp_path, ACME) is None


def test_a_refused_first_version_is_told_too(tmp_path: Path) -> None:
    refused = publish_tables(tmp_path, invoices(3), source_invoices=4)
    assert refused.version is None
    assert "nothing is shown" in refused.message
    assert warehouse_reads.open_current(tmp_path, ACME) is None
    assert warehouse_reads.refusal(tmp_path, ACME) == refused.message
    assert warehouse_reads.tenant_named(tmp_path, "acme") == ACME


def test_whoever_opened_a_version_keeps_it(tmp_path: Path) -> None:
    """Even when so many newer ones were published since that its file is gone."""
    publish_tables(tmp_path, invoices(1))
    opened = warehouse_reads.open_current(tmp_path, ACME)
    assert opened is not None
    for number in range(2, VERSIONS_KEPT + 3):
        publish_tables(tmp_path, invoices(number), version=number, now=NOW + GRACE * 2 * number)
    assert "v1.duckdb" not in files(tmp_path)
    assert opened.rows("select count(*) as n from invoices")["n"][0] == 1
    assert shown(tmp_path) == (VERSIONS_KEPT + 2, VERSIONS_KEPT + 2)


def test_the_last_versions_stay_and_so_does_any_within_the_grace(tmp_path: Path) -> None:
    for number in range(1, 6):
        publish_tables(tmp_path, version=number, now=NOW + timedelta(seconds=number))
    assert {"v1.duckdb", "v5.duckdb"} <= files(tmp_path)
    publish_tables(tmp_path, version=6, now=NOW + GRACE + timedelta(seconds=4))
    # 1, 2 and 3 are neither among the last three nor within the grace; 3 was published 15 minutes and 1 second ago.
    assert {name for name in files(tmp_path) if name.endswith(".duckdb")} == {"v4.duckdb", "v5.duckdb", "v6.duckdb"}


def test_readers_meet_no_lock_and_no_half_version_while_versions_are_published(tmp_path: Path) -> None:
    """Version n has n invoices of 100 each: any other pair would be torn."""
    publish_tables(tmp_path, invoices(1))
    done, seen, problems = threading.Event(), set(), []

    def read() -> None:
        try:
            while not done.is_set():
                opened = warehouse_reads.open_current(tmp_path, ACME)
                assert opened is not None
                count = opened.rows("select count(*) as n from invoices")["n"][0]
                total = int(opened.rows("select sum(total_minor) as total from invoices")["total"][0])
                assert (count, total) == (opened.version, 100 * opened.version)
                seen.add(opened.version)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the test below shows it
            problems.append(problem)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2, 12):
        publish_tables(tmp_path, invoices(number), version=number, now=NOW + GRACE * 2 * number)
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert seen


def test_what_a_crash_left_behind_is_swept_and_was_never_shown(tmp_path: Path) -> None:
    publish_tables(tmp_path, invoices(2))

    def crash(con: Building, version: int) -> list[Check]:
        raise KeyboardInterrupt

    with publishing(tmp_path, ACME) as folder, pytest.raises(KeyboardInterrupt):
        warehouse.publish(folder, "acme", 2, crash, now=NOW)
    assert ".build-2.duckdb" in files(tmp_path)
    assert shown(tmp_path) == (1, 2)
    publish_tables(tmp_path, invoices(3), version=3)
    assert shown(tmp_path) == (3, 3)
    assert not any(name.startswith(".build") for name in files(tmp_path))


def test_a_full_disk_is_one_sentence_and_the_old_version_stays(tmp_path: Path) -> None:
    publish_tables(tmp_path, invoices(2))

    def full(con: Building, version: int) -> list[Check]:
        raise duckdb.IOException("IO Error: Could not write all bytes: No space left on device")

    with publishing(tmp_path, ACME) as folder, pytest.raises(WarehouseNotWritten, match=r"No space left.*Make room"):
        warehouse.publish(folder, "acme", 2, full, now=NOW)
    assert shown(tmp_path) == (1, 2)
    assert not any(name.startswith(".build") for name in files(tmp_path))


def test_only_one_publishes_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with publishing(tmp_path, ACME):
            order.append("second")

    with publishing(tmp_path, ACME):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_a_pointer_of_another_build_is_read_for_what_it_says(tmp_path: Path) -> None:
    publish_tables(tmp_path, invoices(2))
    pointer = warehouse_folder(tmp_path, ACME) / warehouse.POINTER
    pointer.write_text('{"version": 1, "file_name": "v1.duckdb", "published_at": "2026-11-24", "tenant_slug": "acme"}')
    assert shown(tmp_path) == (1, 2)
    assert warehouse_reads.refusal(tmp_path, ACME) is None


def test_another_tenant_has_a_warehouse_of_its_own(tmp_path: Path) -> None:
    publish_tables(tmp_path, invoices(2))
    assert warehouse_reads.open_current(tmp_path, MALLORY) is None
    publish_tables(tmp_path, invoices(7), tenant_id=MALLORY, slug="mallory", version=1)
    assert shown(tmp_path) == (1, 2)
    assert warehouse_reads.tenant_named(tmp_path, "mallory") == MALLORY
    assert warehouse_reads.tenant_named(tmp_path, "nobody") is None


def test_a_moment_with_a_zone_is_kept_in_utc(tmp_path: Path) -> None:
    publish_tables(tmp_path, {"attention": [{"kind": "dispute", "at": NOW}]})
    opened = warehouse_reads.open_current(tmp_path, ACME)
    assert opened is not None
    assert opened.rows("select * from attention")["at"].to_list() == [NOW.replace(tzinfo=None)]
