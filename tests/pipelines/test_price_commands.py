"""`metering prices`: the book examined, compared with other lists, and written to a file that reads back the same."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.price_book_file import PriceFileRefused, read_book, write_book
from pipelines.refusals import REFUSED
from pricing.price_book import PriceEntry, load_catalogue
from store import price_differences

LITELLM = {
    "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1.1e-05},
    "gpt-of-tomorrow": {"litellm_provider": "openai", "input_cost_per_token": 1e-06},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for an installation that was never started."""
    monkeypatch.setenv("METERING_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def metering(*words: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    result = CliRunner().invoke(app, ["prices", *words], terminal_width=200)
    return result.exit_code, result.output


def test_the_book_as_it_comes_is_in_order_where_nothing_was_ever_published(home: Path) -> None:
    code, said = metering("check", "--max-age-days", "100000")
    assert (code, said.splitlines()[-1]) == (0, "The book is in order.")
    assert not home.exists()


def test_an_entry_checked_too_long_ago_is_named_and_the_exit_code_says_so(home: Path) -> None:
    code, said = metering("check", "--max-age-days", "-1")
    assert code == 1
    assert "old: perplexity.toml, price 1: it was checked on" in said
    assert not home.exists()


def test_litellm_s_prices_are_compared_and_what_was_found_is_kept_for_the_pages(home: Path, tmp_path: Path) -> None:
    """gpt-4o: $2.50 in is the same, $10 out is $11 theirs; a model that only they have is no disagreement."""
    (tmp_path / "theirs.json").write_text(json.dumps(LITELLM))
    code, said = metering("diff", "--litellm", "theirs.json", "--out", "rows.csv")
    assert code == 0
    assert "openai/gpt-4o" in said
    assert "10 USD" in said
    assert "11 USD" in said
    kept = price_differences.read(home)
    assert kept is not None
    assert kept.other == "theirs.json"
    rows = kept.rows.filter((pl.col("model") == "gpt-4o") & (pl.col("service_tier") == "standard"))
    verdicts = dict(zip(rows["bucket"], rows["verdict"], strict=True))
    assert (verdicts["input_uncached_tokens"], verdicts["output_text_tokens"]) == ("same", "differs")
    theirs_alone = kept.rows.filter(pl.col("model") == "gpt-of-tomorrow")["verdict"].to_list()
    assert theirs_alone == ["only theirs"]
    assert pl.read_csv(tmp_path / "rows.csv").height == kept.rows.height


def test_an_export_of_the_book_reads_back_as_it_was_and_differs_in_nothing(home: Path, tmp_path: Path) -> None:
    assert metering("export", "book.json")[0] == 0
    entries = read_book(tmp_path / "book.json")
    whole = load_catalogue().entries
    said = [
        {(each.price_id, each.price_key, each.source, each.source_url) for each in book} for book in (entries, whole)
    ]
    assert said[0] == said[1]
    assert len(entries) == len(whole) > 5000
    code, said = metering("diff", "--export", "book.json")
    assert code == 0
    assert "differs" in said
    kept = price_differences.read(home)
    assert kept is not None
    assert set(kept.rows["verdict"]) == {"same"}


def test_an_entry_with_everything_survives_its_file(tmp_path: Path) -> None:
    whole = PriceEntry(
        provider="acme",
        model="m",
        service_tier="flex",
        region="eu",
        search_context_size="low",
        unit_pico_usd={"requests": 5, "pages": None},
        remainders={"requests": 1200},
        above_input_tokens=10,
        up_to_input_tokens=20,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_to=datetime(2027, 1, 1, tzinfo=UTC),
        tod_from_minute=60,
        tod_to_minute=120,
        is_standard_price=False,
        is_size_assumed=True,
        source="overlay/acme.toml",
        source_url="https://acme.example",
        checked_on=date(2026, 11, 22),
    )
    write_book((whole,), tmp_path / "book.json")
    [again] = read_book(tmp_path / "book.json")
    assert (again.price_id, again.price_key, again.checked_on) == (whole.price_id, whole.price_key, whole.checked_on)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "another"}', '{"format": "metering prices 1", "entries": [{}]}']
)
def test_a_file_that_is_no_price_list_is_refused_in_a_sentence(home: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "book.json").write_text(text)
    with pytest.raises(PriceFileRefused, match=r"book\.json"):
        read_book(tmp_path / "book.json")
    assert metering("diff", "--export", "book.json")[0] == REFUSED
    assert metering("diff", "--litellm", "book.json")[0] == REFUSED
    assert price_differences.read(home) is None


@pytest.mark.parametrize(
    "words", [("diff",), ("diff", "--litellm", "a", "--export", "b"), ("diff", "--export", "a", "--out", "rows.txt")]
)
def test_words_that_do_not_fit_together_are_refused(home: Path, words: tuple[str, ...]) -> None:
    assert metering(*words)[0] == REFUSED
    assert not home.exists()


def test_the_offers_are_listed_with_their_sources() -> None:
    code, said = metering("offers")
    assert code == 0
    assert "Provisioned" in said
