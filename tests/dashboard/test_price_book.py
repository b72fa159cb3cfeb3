"""The Price book page on a real database: prices, who uses them, what has none; what is written down there is priced again."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from billing.price_book import add_price, add_term
from billing.principals import Principal
from dashboard import price_book_rows, reading
from pipelines.publish_warehouse import publish
from pipelines.reprice import attend
from pricing.contracts import Discount, Term
from pricing.price_book import load_catalogue
from pricing.price_history import history, listed_now, tiers_of
from pricing.price_words import named_prices
from store import contract_terms, own_prices, restatements
from store.database import DatabaseUrls, tenant_transaction
from tests.pipelines.imported_usage import import_one, pull_customers, row, usage_csv

NOW = datetime(2026, 12, 5, tzinfo=UTC)
FINANCE = Principal("Ada", "finance")


def price_book_page() -> None:
    """The page without the navigation around it."""
    from dashboard import price_book

    price_book.draw()


@pytest.fixture
def home(
    engine: Engine, tenant: UUID, database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A published company: two calls of gpt-4o by a customer, one by nobody, one of a house model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METERING_HOME", str(tmp_path))
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    pull_customers(engine, tenant, cus_ada={"account": "acct_1"})
    rows = [row("e1"), row("e2", day=2), row("e3", customer="acct_9"), row("h1", model="house-7b")]
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "usage.csv", rows))
    assert publish(engine, tmp_path, tenant, now=NOW).is_published
    reading._place.cache_clear()
    return tmp_path


def run(role: str = "founder", **address: str) -> AppTest:
    app = AppTest.from_function(price_book_page, default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    app.session_state["acting_role"] = role
    app.run()
    return seen(app)


def seen(app: AppTest) -> AppTest:
    assert [problem.message for problem in app.exception] == []
    return app


def tables(app: AppTest) -> list[list[dict[str, str]]]:
    """The rows of each table; AppTest gives them as the browser's library has them."""
    return [element.value.to_dict("records") for element in app.dataframe]


def words(app: AppTest) -> str:
    texts = [element.value for kind in ("markdown", "caption", "success", "error") for element in app.get(kind)]
    return "\n".join(texts).replace("\\", "")


@pytest.mark.usefixtures("home")
def test_models_in_use_stand_with_their_price_and_who_uses_them() -> None:
    """Three calls of gpt-4o at $0.0035: $0.0105, all of the AI cost, by one customer that is known."""
    [[shown]] = tables(run())
    assert (shown["Model"], shown["Input / 1M"], shown["Cached / 1M"], shown["Output / 1M"]) == (
        "gpt-4o",
        "$2.5",
        "$1.25",
        "$10",
    )
    assert (shown["Customers"], shown["Share of AI cost"], shown["AI cost"]) == ("1", "100.0%", "$0.011")
    assert shown["Source"].startswith("https://")


@pytest.mark.usefixtures("home")
def test_the_whole_book_is_searched_by_every_word() -> None:
    [found] = tables(run(scope="Whole book", search="anthropic opus"))
    assert len(found) > 3
    names = [f"{one['Provider']}/{one['Model']}" for one in found]
    assert all("anthropic" in name and "opus" in name for name in names)
    assert {one["Customers"] for one in found} == {"not used"}
    assert "No model of the book fits" in words(run(scope="Whole book", search="no such model"))


def test_a_missing_price_that_was_added_is_told_with_what_it_changed(
    engine: Engine, tenant: UUID, mallory: UUID, home: Path
) -> None:
    """house-7b at $1 in and $5 out a million: 1,000 + 100 tokens = $0.0015."""
    app = run(section="Unpriced")
    assert [[one["Model"] for one in found] for found in tables(app)] == [["house-7b"]]
    assert app.button(key="add_price").label == "Add price for openai/house-7b"
    prices = named_prices(["input=1,output=5"])
    entry = own_prices.entry_of(
        "openai", "house-7b", "standard", dict(prices),
        valid_from=None, valid_to=None, source_url=None, checked_on=date(2026, 12, 5),
    )  # fmt: skip
    with tenant_transaction(engine, tenant) as connection:
        add_price(connection, entry, principal=FINANCE, because="our own machines", now=NOW)
    assert attend(engine, home, tenant, now=NOW) == 1
    assert "Every event of the usage has a price" in words(run(section="Unpriced"))
    [[told]] = tables(run(section="Restatements"))
    assert (told["Model"], told["Before"], told["After"], told["Why"]) == (
        "openai/house-7b",
        "unpriced",
        "$0.0015",
        "Own price, openai/house-7b: our own machines",
    )
    [[own]] = tables(run(section="Own prices"))
    assert (own["Why"], own["By"]) == ("our own machines", "Ada (finance)")
    [found] = tables(run())
    assert [(one["Model"], one["Source"]) for one in found][1] == ("house-7b", "own price")
    with tenant_transaction(engine, mallory) as connection:
        assert restatements.read(connection) == []


def test_contract_terms_stand_in_words(engine: Engine, tenant: UUID, home: Path) -> None:
    assert home.is_dir()
    assert "None. What you have agreed" in words(run(section="Contracts"))
    term = Term(
        term_id="", contract_id="openai-2026", provider="openai", valid_from=date(2026, 11, 1), rule=Discount(125_000)
    )
    with tenant_transaction(engine, tenant) as connection:
        add_term(connection, term, principal=FINANCE, because="signed", now=NOW)
    [[shown]] = tables(run(section="Contracts"))
    assert (shown["Contract"], shown["For"], shown["Says"]) == (
        "openai-2026",
        "openai all models",
        "12.5 % off the list price",
    )


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("lead", False), ("finance", True), ("founder", True)])
def test_only_those_who_may_change_prices_can_press(role: str, may: bool) -> None:
    app = run(role, section="Unpriced")
    assert app.button(key="add_price").disabled is not may


@pytest.mark.usefixtures("home")
def test_where_the_prices_come_from_is_said_and_how_to_compare_them() -> None:
    said = words(run(section="Catalogue"))
    assert "genai-prices" in said
    assert "overlay entries" in said
    assert "all usage is priced by this book since" in said
    assert "No comparison is kept" in said


@pytest.mark.usefixtures("home")
def test_without_a_database_prices_are_shown_and_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    app = run(section="Unpriced")
    assert app.button(key="add_price").disabled
    assert [one["Model"] for one in tables(run())[0]] == ["gpt-4o"]


def test_a_models_history_tells_what_holds_what_held_and_what_comes() -> None:
    """Mistral's large-4 had three prices in autumn 2026; at each moment one of the standard tier holds."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    held = history(load_catalogue(), "mistral", "mistral-large-4", at=at)
    assert {one.when for one in held} >= {"now", "past"}
    entry = listed_now(held)
    assert entry is not None
    assert price_book_rows.per_million(entry, "input_uncached_tokens") == "$0.7"
    assert tiers_of(held)[0] == "standard"
    assert next(one.when for one in held if one.entry.service_tier == "standard") == "now"


def test_what_ends_a_term_stands_in_its_row(engine: Engine, tenant: UUID) -> None:
    term = Term(
        term_id="",
        contract_id="c",
        provider="openai",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 7, 1),
        rule=Discount(1),
    )
    with tenant_transaction(engine, tenant) as connection:
        add_term(connection, term, principal=FINANCE, because="signed", now=NOW)
        [recorded] = contract_terms.listed(connection)
    shown = price_book_rows.term_row(recorded)
    assert (shown["Valid"], shown["By"]) == ("1 Jan 2026 \u2013 before 1 Jul 2026", "Ada (finance)")
