"""`metering prices add|own|withdraw` and `metering contracts`: from words in dollars to exact pico-USD, with refusals in a sentence."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import contract_commands, own_price_commands
from pipelines.cli import app
from pricing.contracts import TermRefused, VolumeTiers
from pricing.price_words import all_in_words, dollars_pico_usd, in_words, named_prices, ppm, tiers
from store import contract_terms, own_prices
from store.database import DatabaseUrls, tenant_transaction
from tests.pipelines.imported_usage import import_one, row, usage_csv

WHY = ("--because", "the invoice says so")


@pytest.fixture
def installed(tmp_path: Path, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of an installation on this test's database; its folder."""
    monkeypatch.chdir(tmp_path)
    for commands in (contract_commands, own_price_commands):
        monkeypatch.setattr(commands.console, "width", 300)
    monkeypatch.setenv("METERING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", database_urls.owner)
    return tmp_path / "home"


def metering(*words: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == exit_code, done.output
    return " ".join(done.output.split())


def test_a_price_is_added_told_and_withdrawn(
    engine: Engine, tenant: UUID, mallory: UUID, installed: Path, tmp_path: Path
) -> None:
    """1,000 tokens in at $1 and 100 out at $5 a million: $0.0015, for what had no price."""
    import_one(engine, installed, tenant, usage_csv(tmp_path / "u.csv", [row("e1", model="house-7b")]))
    asked = ("prices", "add", "OpenAI", "house-7b", "--input", "1", "--output", "5.00", *WHY)
    said = metering(*asked)
    assert "openai/house-7b: input_uncached_tokens $1 / 1M, output_text_tokens $5 / 1M" in said
    assert "2026-11-01 to 2026-11-01, 1 events: unpriced (no price) \u2192 openai/house-7b ($0.001500)" in said
    assert "1 files of 1 days were written anew" in said
    with tenant_transaction(engine, mallory) as connection:
        assert own_prices.listed(connection) == []
    listed = metering("prices", "own")
    assert "the invoice says so" in listed
    assert metering("prices", "own", "--known-at", "2020-01-01") == "There are no prices of your own."
    [price_id] = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)
    assert "\u2192 unpriced (no price)" in metering("prices", "withdraw", price_id, "--because", "typed wrong")
    assert "no price" in metering("prices", "withdraw", price_id, *WHY, exit_code=2)


def test_a_contract_is_added_listed_and_ended(engine: Engine, tenant: UUID, installed: Path) -> None:
    assert installed.name == "home"
    said = metering("contracts", "add", "openai-2026", "OpenAI", "--from", "2026-11-01", "--discount", "12.5", *WHY)
    assert "openai-2026, openai *: 12.5 % off the list price." in said
    with tenant_transaction(engine, tenant) as connection:
        [term] = contract_terms.read(connection)
    assert "12.5 % off the list price" in metering("contracts", "list")
    assert "ends before 2026-12-01" in metering("contracts", "end", term.term_id, "--on", "2026-12-01", *WHY)
    assert "no term" in metering("contracts", "end", term.term_id, "--on", "2026-12-01", *WHY, exit_code=1)
    refused = metering("contracts", "add", "a", "b", "--from", "2026-11-01", *WHY, exit_code=2)
    assert "one of --price, --discount, --tiers, --commit and --credit" in refused


def test_what_names_less_goes_before_what_covers_more() -> None:
    """All input at $2.50, of it the cache's reads at $0.25; a search at a cent each."""
    found = named_prices(["input=2.50,cache_read=0.25", "search_requests=$0.01"])
    assert found["input_uncached_tokens"] == found["cache_write_1h_tokens"] == 2_500_000
    assert (found["cache_read_tokens"], found["search_requests"]) == (250_000, 10_000_000_000)
    assert all_in_words({**found}) == (
        "input_uncached_tokens $2.5 / 1M, cache_read_tokens $0.25 / 1M, search_requests $0.01 each"
    )


def test_tiers_are_read_as_they_are_written() -> None:
    found = tiers("output_text_tokens:1_000_000_000=10,*=8")
    assert found == VolumeTiers("output_text_tokens", ((10**9, 10_000_000), (None, 8_000_000)))
    assert in_words(found) == "output_text_tokens a month: $10 / 1M up to 1,000,000,000, $8 / 1M beyond"


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (lambda text: named_prices([text]), "input", "must be unit=dollars"),
        (lambda text: named_prices([text]), "tokens=1", "no unit tokens"),
        (lambda text: named_prices([text]), "input=cheap", "'cheap' is no price in dollars"),
        (lambda text: named_prices([text]), "input=0.0000001", "no whole number of pico-USD"),
        (lambda text: named_prices([text]), "input=-1", "of 0 or more"),
        (lambda text: named_prices([text]), "input=NaN", "no whole number"),
        (tiers, "tokens:1=2", "with one of"),
        (tiers, "images:some=2", "must be up-to=dollars"),
        (ppm, "a lot", "no percentage"),
        (ppm, "0.00001", "at most four decimals"),
        (dollars_pico_usd, "-5", "of 0 or more"),
    ],
)
def test_what_is_no_price_is_refused_with_its_words(read: object, text: str, sentence: str) -> None:
    assert callable(read)
    with pytest.raises(TermRefused, match=sentence):
        read(text)
