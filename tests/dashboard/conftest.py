"""What the tests of pages share: the synthetic company, published once, and a way to run a page on it without a browser."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine
from streamlit.testing.v1 import AppTest

from dashboard import reading
from store.database import DatabaseUrls, tenant_transaction
from store.tenants import ensure_tenant
from tests.dashboard.published import SLUG, publish_company
from tests.dashboard.spike_pages import Write

APP = Path(reading.__file__).with_name("app.py")
RunPage = Callable[..., AppTest]


def customers_page() -> None:
    """The customers page without the navigation around it, which AppTest cannot follow to a page that is a function."""
    from dashboard import customers

    customers.draw()


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves the page behind as this process's main module, which a later test's child process would then run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def synthetic_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which version 3 of the synthetic company is published."""
    home = tmp_path_factory.mktemp("synthetic")
    assert publish_company(home).is_published
    return home


@pytest.fixture
def write_alerts(
    engine: Engine, database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Write]:
    """The synthetic company, published, with a database, and a way to write alerts down for it."""
    monkeypatch.setenv("METERING_HOME", str(tmp_path))
    monkeypatch.setenv("METERING_TENANT", SLUG)
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    assert publish_company(tmp_path).is_published
    reading._place.cache_clear()
    tenant_id = ensure_tenant(engine, SLUG, "Demo company", "usd")

    def write(alerts: Callable[[Connection, UUID], object]) -> None:
        with tenant_transaction(engine, tenant_id) as connection:
            alerts(connection, tenant_id)

    yield write
    reading._place.cache_clear()


@pytest.fixture
def run_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunPage]:
    """`run_page(home, customers_page, customer="cus_0001")`: the page of that address, run once; no exception is left unseen."""

    def run(home: Path, page: Callable[[], None] | None = None, **address: str) -> AppTest:
        monkeypatch.setenv("METERING_HOME", str(home))
        monkeypatch.setenv("METERING_TENANT", SLUG)
        reading._place.cache_clear()
        if page is None:
            app = AppTest.from_file(APP, default_timeout=60)
        else:
            app = AppTest.from_function(page, default_timeout=60)
        for name, value in address.items():
            app.query_params[name] = value
        app.run()
        assert [problem.message for problem in app.exception] == []
        return app

    yield run
    reading._place.cache_clear()
