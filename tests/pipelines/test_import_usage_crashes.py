"""An import that is killed anywhere, and started again, ends as if nothing had happened."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import Engine

from pipelines import import_usage
from store import lake, lake_files, usage_imports
from store.database import DatabaseUrls, tenant_transaction
from tests.pipelines.imported_usage import (
    files_on_disk,
    import_one,
    in_parts_of,
    lake_events,
    lake_sums,
    row,
    usage_csv,
)

# Four parts of three rows over three days: two repetitions, a contradiction and a row that is no event among them.
ROWS = [
    *(row("a", day=1), row("b", day=2), row("c", day=3)),
    *(row("d", day=3), row("a", day=1), row("x", tokens="many")),
    *(row("e", day=1), row("b", day=2, tokens=9), row("f", day=2)),
    *(row("g", day=3), row("e", day=1), row("y", tokens=-1)),
]
KEPT = ["a", "b", "c", "d", "e", "f", "g"]
COUNTS = (7, 2, 1, 2)  # accepted, duplicate, conflict, rejected: together the twelve rows
REJECTED_LINES = [7, 9, 13]  # x, the other b, y; the header is line 1

# A name, where it is looked up, and whether the kill comes before or after it is carried out.
POINTS: dict[str, tuple[object, str, bool]] = {
    "before the import is begun": (usage_imports, "begin", False),
    "before the beginning is committed": (usage_imports, "begin", True),
    "before a file is written": (lake_files, "write_files", False),
    "while a file is made durable": (lake_files, "_sync", False),
    "before a file has its name": (Path, "replace", False),
    "after a file has its name": (Path, "replace", True),
    "when the files are durable": (lake_files, "write_files", True),
    "when the rejects are written": (import_usage, "append_rejects", True),
    "before the part is recorded": (usage_imports, "record_part", False),
    "before the part is committed": (usage_imports, "record_part", True),
    "when the part is committed": (import_usage, "_import_part", True),
    "before the end is recorded": (usage_imports, "finish", False),
    "before the end is committed": (usage_imports, "finish", True),
}
# There is one beginning and one end; everything else comes once a part, or more often.
MOMENTS = [(point, 1) for point in POINTS] + [
    (point, 2) for point, (_, name, _) in POINTS.items() if name not in {"begin", "finish"}
]


class Killed(BaseException):
    """Stands for the kill: nothing in the product handles it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, point: str, time: int) -> None:
    """Die when the point is reached for the `time`-th time."""
    owner, name, is_after = POINTS[point]
    carry_out: Callable[..., Any] = getattr(owner, name)
    seen = 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == time and not is_after:
            raise Killed(point)
        answer = carry_out(*given, **named)
        if seen == time and is_after:
            raise Killed(point)
        return answer

    monkeypatch.setattr(owner, name, dying)


def assert_as_if_undisturbed(engine: Engine, home: Path, tenant: UUID, path: Path) -> None:
    summary = import_one(engine, home, tenant, path)
    assert (summary.accepted, summary.duplicate, summary.conflict, summary.rejected) == COUNTS
    events = lake_events(engine, home, tenant)
    assert events["event_id"].to_list() == KEPT
    assert events["input_uncached_tokens"].to_list() == [1_000] * 7, "the first word of b stays"
    assert lake_sums(engine, tenant).cost_pico_usd == 7 * 3_500_000_000
    assert pl.read_csv(summary.reject_paths[0])["line"].to_list() == REJECTED_LINES
    with tenant_transaction(engine, tenant) as connection:
        named = {file.path for file in lake.read_manifest(connection)}
    assert files_on_disk(home, tenant) == named, "what the kill left is gone"


@pytest.mark.parametrize(("point", "time"), MOMENTS)
def test_a_kill_at_any_point_neither_loses_nor_doubles(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, time: int
) -> None:
    in_parts_of(monkeypatch, 3)
    path = usage_csv(tmp_path / "u.csv", ROWS)
    with monkeypatch.context() as dying:
        kill_at(dying, point, time)
        with pytest.raises(Killed):
            import_one(engine, tmp_path, tenant, path)
    assert_as_if_undisturbed(engine, tmp_path, tenant, path)
    assert lake_sums(engine, mallory).rows == 0


def test_an_import_killed_again_and_again_still_ends(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every try gets one part further and dies before the next is committed."""
    in_parts_of(monkeypatch, 3)
    path = usage_csv(tmp_path / "u.csv", ROWS)
    for _ in range(4):
        with monkeypatch.context() as dying:
            kill_at(dying, "when the part is committed", 1)
            with pytest.raises(Killed):
                import_one(engine, tmp_path, tenant, path)
    assert_as_if_undisturbed(engine, tmp_path, tenant, path)


def test_what_a_kill_left_is_gone_even_if_the_file_never_comes_again(
    engine: Engine, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        kill_at(dying, "when the files are durable", 1)
        with pytest.raises(Killed):
            import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "u.csv", [row("a", day=1)]))
    assert len(files_on_disk(tmp_path, tenant)) == 1
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "v.csv", [row("b", day=2)]))
    assert [name.split("/")[0] for name in files_on_disk(tmp_path, tenant)] == ["day=2026-11-02"]


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from pipelines import import_usage, read_usage_csv
from store.database import open_engine
read_usage_csv.CHUNK_ROWS = import_usage.PART_ROWS = 50
url, home, tenant, path = sys.argv[1:]
import_usage.import_files(
    open_engine(url), Path(home), UUID(tenant), [Path(path)], now=datetime(2026, 11, 25, tzinfo=UTC),
    progress=lambda name, done, expected: print(done, flush=True),
)
print("done", flush=True)
"""


@pytest.mark.slow
def test_killed_processes_leave_what_the_next_one_needs(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, tmp_path: Path
) -> None:
    """Real kills (SIGKILL) at three moments of a seeded dice, each somewhere in the part after the one it waited for."""
    dice = random.Random(20_261_125)
    names = [f"e{number:04d}" for number in range(1_500)]
    path = usage_csv(tmp_path / "u.csv", [row(name, day=1 + index % 5) for index, name in enumerate(names)])
    arguments = [sys.executable, "-c", CHILD, database_urls.app, str(tmp_path), str(tenant), str(path)]
    for _ in range(3):
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(dice.randint(1, 4)):
                assert child.stdout.readline().strip() != "done", "there was to be something left to do"
            child.kill()
    summary = import_one(engine, tmp_path, tenant, path)
    assert (summary.accepted, summary.duplicate, summary.conflict, summary.rejected) == (1_500, 0, 0, 0)
    assert lake_events(engine, tmp_path, tenant)["event_id"].to_list() == names
    assert lake_sums(engine, tenant).rows == 1_500
