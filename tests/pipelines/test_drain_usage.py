"""Usage that came over HTTP reaches the lake once and priced, is published, and survives a kill at every step of the way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import Engine, text

from billing.usage_intake import Arrival, keep
from pipelines import drain_usage
from pipelines.drain_usage import WAIT_AT_MOST, Drained, drain, drain_due, forget_ids
from pipelines.import_usage import import_files
from pipelines.publish_warehouse import publish
from store import duck, freshness, lake, usage_imports, usage_intake
from store.database import tenant_transaction
from store.failpoints import armed
from store.usage_imports import ImportRunning, sole_importer
from store.warehouse_reads import open_current

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE_MICROS = 60_000_000


def text_of(number: int, **fields: object) -> str:
    """An event as the intake keeps it: one per minute before NOW, 1,000 tokens in."""
    at = int(NOW.timestamp()) * 1_000_000 - number * MINUTE_MICROS
    told = {"occurred_at": at, "customer_ref": "cus_1", "provider": "openai", "model": "gpt-5-mini"}
    return json.dumps(told | {"input_uncached_tokens": 1_000, "requests": 1} | fields, separators=(",", ":"))


def put(engine: Engine, tenant: UUID, numbers: range | list[int], now: datetime = NOW, **fields: object) -> None:
    events = {f"evt_{number}": text_of(number, **fields) for number in numbers}
    keep(engine, [Arrival(tenant, None, events)], now)


def held(engine: Engine, home: Path, tenant: UUID) -> pl.DataFrame:
    """The events that the manifest's files hold."""
    with tenant_transaction(engine, tenant) as connection:
        paths = [file.path for file in lake.read_manifest(connection)]
    with duck.connect() as con:
        return lake.lake_relation(con, home, tenant, paths).pl().sort("event_id")


def waits(engine: Engine, tenant: UUID) -> int:
    with tenant_transaction(engine, tenant) as connection:
        return usage_intake.waiting(connection).events


def test_what_waits_is_priced_into_the_lake_and_published(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    """50 calls of 1,000 tokens at 0.25 $ a million: 50 x 250,000,000 pico-dollars."""
    put(engine, tenant, range(50))
    put(engine, mallory, range(3))
    assert drain(engine, tmp_path, tenant, now=NOW) == Drained(accepted=50)
    assert (waits(engine, tenant), waits(engine, mallory)) == (0, 3)
    events = held(engine, tmp_path, tenant)
    assert events["event_id"].n_unique() == events.height == 50
    assert events["cost_pico_usd"].sum() == 50 * 250_000_000
    assert held(engine, tmp_path, mallory).is_empty()
    with tenant_transaction(engine, tenant) as connection:
        assert usage_imports.lake_is_whole(connection)
        (usage,) = (each for each in freshness.read(connection) if each.source == "usage")
    assert (usage.rows_total, usage.latest_record_at) == (50, NOW)
    publish(engine, tmp_path, tenant, now=NOW)
    warehouse = open_current(tmp_path, tenant)
    assert warehouse is not None
    assert warehouse.rows("select sum(events)::bigint as events from usage_cube", [])["events"].item() == 50


def test_an_id_is_known_for_ever_by_the_intake_at_first_and_by_the_lake_after(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    put(engine, tenant, range(10))
    drain(engine, tmp_path, tenant, now=NOW)
    again = {"evt_1": text_of(1), "evt_2": text_of(2, model="another"), "evt_99": text_of(99)}
    (outcome,) = keep(engine, [Arrival(tenant, None, again)], NOW)
    assert outcome.known == {"evt_1": True, "evt_2": False}
    later = NOW + drain_usage.IDS_KEPT + timedelta(seconds=1)
    drain(engine, tmp_path, tenant, now=later)
    assert forget_ids(engine, tenant, now=later) == 10
    (outcome,) = keep(engine, [Arrival(tenant, None, again)], later)
    assert outcome.known == {"evt_99": True}  # the intake has forgotten the others, and the lake has not
    assert drain(engine, tmp_path, tenant, now=later) == Drained(duplicate=1, conflict=1)
    events = held(engine, tmp_path, tenant)
    assert events.height == 11
    assert events.filter(pl.col("event_id") == "evt_2")["model"].item() == "gpt-5-mini"
    (rejects,) = (tmp_path / "rejects").iterdir()
    assert "the event_id evt_2 is that of an event kept earlier with other content" in rejects.read_text()


def test_a_day_has_few_files_however_often_it_is_drained(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """12 drains of 10 events each into parts of 40: three full files, and no file of theirs that was there before."""
    for round_ in range(12):
        put(engine, tenant, range(10 * round_, 10 * round_ + 10))
        drain(engine, tmp_path, tenant, now=NOW + timedelta(minutes=round_), part_rows=40)
    with tenant_transaction(engine, tenant) as connection:
        files = lake.read_manifest(connection)
        assert usage_imports.lake_is_whole(connection)
    assert sorted(file.rows for file in files) == [40, 40, 40]
    assert held(engine, tmp_path, tenant)["event_id"].n_unique() == 120
    left = {str(path.relative_to(lake.tenant_folder(tmp_path, tenant))) for path in tmp_path.rglob("*.parquet")}
    assert {file.path for file in files} <= left
    assert (
        len(left) <= 4
    )  # the last one that was put together is taken away by the next drain, for whoever reads it yet


def test_a_file_imported_meanwhile_and_the_intake_know_each_others_events(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    file = tmp_path / "usage.jsonl"
    told = {"customer_id": "cus_1", "provider": "openai", "model": "gpt-5-mini", "input_tokens": 1_000}
    moments = {number: (NOW - timedelta(minutes=number)).isoformat() for number in range(5)}
    rows = [told | {"event_id": f"evt_{number}", "occurred_at": at} for number, at in moments.items()]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    put(engine, tenant, range(3))
    assert import_files(engine, tmp_path, tenant, [file], now=NOW).accepted == 5
    assert drain(engine, tmp_path, tenant, now=NOW) == Drained(duplicate=3)
    assert held(engine, tmp_path, tenant).height == 5


class Killed(BaseException):
    """The process is gone."""


PLACES = ["drain.part_read", "drain.files_written", "drain.before_commit", "drain.after_commit"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("times", [1, 2])
def test_killed_anywhere_it_goes_on_with_nothing_lost_or_doubled(
    engine: Engine, tenant: UUID, tmp_path: Path, place: str, times: int
) -> None:
    """Three parts of 10; killed at the place for the first or second time, with five events more before it goes on."""
    put(engine, tenant, range(30))
    reached: list[str] = []

    def kill(name: str) -> None:
        reached.append(name)
        if name == place and reached.count(name) == times:
            raise Killed

    with pytest.raises(Killed), armed(kill):
        drain(engine, tmp_path, tenant, now=NOW, part_rows=10)
    put(engine, tenant, range(28, 35))
    drain(engine, tmp_path, tenant, now=NOW, part_rows=10)
    events = held(engine, tmp_path, tenant)
    assert events["event_id"].to_list() == sorted(f"evt_{number}" for number in range(35))
    assert waits(engine, tenant) == 0
    with tenant_transaction(engine, tenant) as connection:
        assert usage_imports.lake_is_whole(connection)
        assert lake.read_sums(connection).cost_pico_usd == 35 * 250_000_000


def test_young_events_wait_for_the_next_version_and_lonely_ones_not_for_long(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(engine, tenant, range(3))
    assert drain_due(engine, tmp_path, tenant, now=NOW + WAIT_AT_MOST - timedelta(seconds=1)) == Drained()
    assert drain_due(engine, tmp_path, tenant, now=NOW + WAIT_AT_MOST) == Drained(accepted=3)
    put(engine, tenant, range(3, 8))
    monkeypatch.setattr(drain_usage, "PART_ROWS", 5)
    assert drain_due(engine, tmp_path, tenant, now=NOW) == Drained(accepted=5)


def test_while_usage_is_imported_nothing_is_drained(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_imports, "LOCK_WAIT_MS", 50)
    put(engine, tenant, range(3))
    with sole_importer(engine, tenant), pytest.raises(ImportRunning):
        drain(engine, tmp_path, tenant, now=NOW)
    assert waits(engine, tenant) == 3


def test_an_event_that_is_drained_while_it_comes_again_is_settled(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the refusal of an id and the look at it, a drain takes it to the lake, where it contradicts: it is kept anew."""
    put(engine, tenant, range(2))
    real: Callable[..., dict[str, object]] = usage_intake._sent
    asked: list[int] = []

    def between(events: dict[str, str]) -> dict[str, object]:
        asked.append(len(events))
        if len(asked) == 2:
            with engine.begin() as other:
                other.execute(text("select set_config('app.tenant_id', :id, true)"), {"id": str(tenant)})
                usage_intake.settle(other, [], ["evt_1"], NOW)
        return real(events)

    monkeypatch.setattr(usage_intake, "_sent", between)
    with tenant_transaction(engine, tenant) as connection:
        known = usage_intake.place(connection, {"evt_0": text_of(0), "evt_1": text_of(1)}, NOW)
    assert known == {"evt_0": True}
    assert asked == [2, 2, 1]
    assert waits(engine, tenant) == 2
