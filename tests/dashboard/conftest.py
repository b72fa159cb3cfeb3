"""What the tests of pages share: the synthetic company, published once, and a way to run a page on it without a browser."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import reading
from tests.dashboard.published import SLUG, publish_company

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
