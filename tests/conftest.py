"""What every test shares: the fixtures of the database, the sandbox, the demo and the browser, and where the reference data lie."""

import os
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.database_fixtures",
    "tests.sandbox_fixtures",
    "tests.demo_fixtures",
    "tests.browser_fixtures",
    "tests.mail_fixtures",
    "tests.webhook_fixtures",
]

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The reference data beside the checkout, or where METERING_SHARED says; None where there are none."""
    named = os.environ.get("METERING_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if (folder / "golden").is_dir() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `shared` skip, with the reason, where the reference data are absent."""
    if shared_folder() is not None:
        return
    absent = pytest.mark.skip(
        reason="the reference data folder is not beside this checkout (METERING_SHARED names another)"
    )
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(absent)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference data; only for tests marked `shared`."""
    folder = shared_folder()
    assert folder is not None, "mark the test with @pytest.mark.shared"
    return folder
