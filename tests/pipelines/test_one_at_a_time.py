"""One installation runs on a folder, and its Postgres is stopped by the last that used it, never under another's feet."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from pipelines.one_at_a_time import AlreadyRunning, FolderRefused, last_one_out, only_one


def test_a_second_installation_in_one_folder_is_refused_and_the_lock_is_free_after_the_first(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning, match="already running on"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_file_in_the_way_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderRefused, match=r"cannot be written to .*set METERING_HOME"), only_one(tmp_path / "file"):
        pass


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_the_last_to_end_puts_out_the_light_whoever_began(tmp_path: Path, first_to_end: int) -> None:
    left: list[str] = []
    users = [ExitStack(), ExitStack()]
    for number, user in enumerate(users):
        user.enter_context(last_one_out(tmp_path, partial(left.append, f"user {number}")))
    users[first_to_end].close()
    assert left == []
    users[1 - first_to_end].close()
    assert left == [f"user {1 - first_to_end}"]


def test_it_is_put_out_also_when_the_work_has_failed(tmp_path: Path) -> None:
    left: list[str] = []
    with pytest.raises(ZeroDivisionError), last_one_out(tmp_path, lambda: left.append("out")):
        _ = 1 // 0
    assert left == ["out"]
