"""The secret of links is made once, whoever is first, and is nobody's but the owner's."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from store.link_secret import LinkSecretDamaged, link_secret
from store.settings import ConfigurationError, load_settings

ACME, MALLORY = UUID(int=1), UUID(int=2)


def test_it_is_made_once_in_the_home_folder_for_its_owner_alone(tmp_path: Path) -> None:
    settings = load_settings(metering_home=tmp_path / "home", metering_link_secret=None)
    first = link_secret(settings, ACME)
    assert (len(first), link_secret(settings, ACME)) == (32, first)
    file = tmp_path / "home" / "link-secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["link-secret"]
    file.unlink()
    assert link_secret(settings, ACME) != first


def test_sixteen_that_are_first_at_once_have_the_same(tmp_path: Path) -> None:
    settings = load_settings(metering_home=tmp_path, metering_link_secret=None)
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: link_secret(settings, ACME), range(64)))
    assert len(found) == 1


def test_each_tenant_has_its_own(tmp_path: Path) -> None:
    settings = load_settings(metering_home=tmp_path, metering_link_secret="x" * 40)
    assert link_secret(settings, ACME) != link_secret(settings, MALLORY)
    assert list(tmp_path.iterdir()) == []  # the setting's secret is kept nowhere


def test_a_damaged_file_is_named_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "link-secret").write_text("short\n")
    with pytest.raises(LinkSecretDamaged, match="link-secret holds no whole secret"):
        link_secret(load_settings(metering_home=tmp_path, metering_link_secret=None), ACME)


def test_a_secret_that_can_be_guessed_is_refused_without_being_repeated() -> None:
    with pytest.raises(ConfigurationError, match="METERING_LINK_SECRET must have at least 32") as refused:
        load_settings(metering_link_secret="hunter2")
    assert "hunter2" not in str(refused.value)
