"""`metering init` writes a configuration once, for its owner's eyes."""

import stat
from pathlib import Path

import pytest

from pipelines.write_config import ConfigExists, write_config


def test_the_file_is_readable_by_its_owner_alone_because_it_will_hold_a_key(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "STRIPE_API_KEY=" in path.read_text()


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STRIPE_API_KEY=rk_live_mine")
    with pytest.raises(ConfigExists, match="was left as it is"):
        write_config(tmp_path)
    assert (tmp_path / ".env").read_text() == "STRIPE_API_KEY=rk_live_mine"
