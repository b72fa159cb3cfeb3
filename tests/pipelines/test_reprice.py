"""A price that is corrected later: only what it concerns is priced again, once, whatever crashes, and what was known stays told."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from billing.price_book import add_price, add_term, withdraw_price
from billing.principals import Principal
from pipelines.publish_warehouse import publish
from pipelines.reprice import Repricing, attend, reprice_if_changed
from pipelines.tenant_prices import tenant_book
from pricing.contracts import Discount, Term
from pricing.own_prices import OwnPriceBook
from pricing.price_book import AskedName, PriceEntry, listed_prices, load_catalogue
from pricing.repricing import PricedAs, days_to_read
from store import lake, own_prices, restatements, warehouse_reads
from store.database import DatabaseUrls, tenant_transaction
from tests.pipelines.imported_usage import files_on_disk, import_one, lake_events, lake_sums, row, usage_csv

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 12, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
FINANCE = Principal("Ada", "finance")
LISTED = 3_500_000_000  # 1,000 x $2.50 + 100 x $10 a million
CHEAPER = {"input_uncached_tokens": 1_000_000, "output_text_tokens": 5_000_000}
CHEAP = 1_500_000_000  # 1,000 x $1 + 100 x $5 a million


def own(model: str = "gpt-4o", valid_from: date | None = None, valid_to: date | None = None) -> PriceEntry:
    prices: dict[str, int | None] = {**CHEAPER}
    return own_prices.entry_of(
        "openai", model, "standard", prices,
        valid_from=valid_from, valid_to=valid_to, source_url="https://openai.example/pricing", checked_on=date(2026, 12, 1),
    )  # fmt: skip


def write_down(engine: Engine, tenant: UUID, entry: PriceEntry, *, now: datetime = NOW) -> UUID:
    with tenant_transaction(engine, tenant) as connection:
        return add_price(connection, entry, principal=FINANCE, because="the invoice says so", now=now)


def reprice(engine: Engine, home: Path, tenant: UUID, *, now: datetime = NOW) -> Repricing:
    return reprice_if_changed(engine, home, tenant, now=now, principal="Ada")


@pytest.fixture
def four_days(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> Path:
    """Four days of gpt-4o, a house model on the second; published and known to be priced by today's book. Mallory has the same."""
    rows = [*(row(f"e{day}", day=day) for day in (1, 2, 3, 4)), row("h2", day=2, model="house-7b")]
    for company in (tenant, mallory):
        import_one(engine, tmp_path, company, usage_csv(tmp_path / "usage.csv", rows))
        publish(engine, tmp_path, company, now=NOW)
        reprice(engine, tmp_path, company)
    return tmp_path


def costs(engine: Engine, home: Path, tenant: UUID) -> list[int | None]:
    return lake_events(engine, home, tenant)["cost_pico_usd"].to_list()  # e1 e2 e3 e4 h2


def test_only_the_days_of_a_corrected_price_are_written_anew(
    engine: Engine, tenant: UUID, mallory: UUID, four_days: Path
) -> None:
    """From the third day until before the fourth: one file of four. The others keep their names, and Mallory her prices."""
    before = files_on_disk(four_days, tenant)
    write_down(engine, tenant, own(valid_from=date(2026, 11, 3), valid_to=date(2026, 11, 4)))
    done = reprice(engine, four_days, tenant)
    assert (done.days, done.files) == (1, 1)
    assert costs(engine, four_days, tenant) == [LISTED, LISTED, CHEAP, LISTED, None]
    after = files_on_disk(four_days, tenant)
    assert (len(after), len(before & after)) == (4, 3)
    assert lake_sums(engine, tenant).cost_pico_usd == 3 * LISTED + CHEAP
    [told] = done.restated
    assert (told.from_price_key, told.to_price_key) == ("openai/gpt-4o", "openai/gpt-4o@2026-11-03")
    assert (told.first_day, told.last_day, told.events) == (date(2026, 11, 3), date(2026, 11, 3), 1)
    assert (told.cost_before_pico_usd, told.cost_after_pico_usd) == (LISTED, CHEAP)
    assert told.cause == "Own price, openai/gpt-4o: the invoice says so"
    assert costs(engine, four_days, mallory) == [LISTED, LISTED, LISTED, LISTED, None]
    with tenant_transaction(engine, mallory) as connection:
        assert (restatements.read(connection), own_prices.listed(connection)) == ([], [])
    assert reprice(engine, four_days, tenant) == Repricing(0, 0, ())


def test_a_price_for_what_had_none_and_its_withdrawal_are_both_told(
    engine: Engine, tenant: UUID, four_days: Path
) -> None:
    price_id = write_down(engine, tenant, own("house-7b"))
    [added] = reprice(engine, four_days, tenant).restated
    assert (added.from_price_key, added.to_price_key, added.cost_before_pico_usd) == (None, "openai/house-7b", None)
    assert costs(engine, four_days, tenant)[4] == CHEAP
    publication = publish(engine, four_days, tenant, now=NOW)
    assert publication.is_published, publication.message
    with tenant_transaction(engine, tenant) as connection:
        assert withdraw_price(connection, price_id, principal=FINANCE, because="typed wrong", now=NOW + HOUR)
    [gone] = reprice(engine, four_days, tenant, now=NOW + HOUR).restated
    assert (gone.to_price_key, gone.cost_after_pico_usd) == (None, None)
    assert gone.cause == "Own price withdrawn, openai/house-7b: typed wrong"
    assert costs(engine, four_days, tenant)[4] is None


def test_the_same_question_as_of_an_earlier_moment_has_the_old_answer(
    engine: Engine, tenant: UUID, four_days: Path
) -> None:
    """At noon the price of 3 November was the catalogue's, an hour later our own; and so were the month's costs."""
    write_down(engine, tenant, own(valid_from=date(2026, 11, 3)), now=NOW + HOUR)
    reprice(engine, four_days, tenant, now=NOW + HOUR)
    on_the_third = datetime(2026, 11, 3, 12, tzinfo=UTC)

    def price_known_at(known_at: datetime | None) -> int | None:
        with tenant_transaction(engine, tenant) as connection:
            prices = tenant_book(connection, known_at=known_at).prices_for(AskedName("openai", "gpt-4o"))
        assert not isinstance(prices, str)
        [entry] = [
            one
            for one in prices
            if (one.valid_from is None or one.valid_from <= on_the_third)
            and (one.valid_to is None or on_the_third < one.valid_to)
        ]
        return entry.unit_pico_usd["input_uncached_tokens"]

    assert [price_known_at(at) for at in (NOW, NOW + HOUR, None)] == [2_500_000, 1_000_000, 1_000_000]
    with tenant_transaction(engine, tenant) as connection:
        now_known = lake.read_sums(connection).cost_pico_usd
        assert now_known == 2 * LISTED + 2 * CHEAP

        def known_at(moment: datetime) -> int:
            return restatements.list_cost_known_at(connection, date(2026, 11, 1), now_known, moment)

        assert (known_at(NOW), known_at(NOW + HOUR)) == (4 * LISTED, now_known)


# A process of its own that prices again and kills itself, without a last word, where it is told to.
DYING = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from uuid import UUID
from pipelines.reprice import reprice_if_changed
from store import failpoints
from store.database import open_engine

url, home, tenant, now, place = sys.argv[1:]

def kill(reached):
    if reached == place:
        os.kill(os.getpid(), signal.SIGKILL)

with failpoints.armed(kill):
    reprice_if_changed(open_engine(url), Path(home), UUID(tenant), now=datetime.fromisoformat(now))
"""


@pytest.mark.parametrize(
    ("place", "is_new"),
    [
        ("reprice.before_files", False),
        ("reprice.part_written", False),
        ("reprice.files_written", False),
        ("reprice.before_commit", False),
        ("reprice.after_commit", True),
    ],
)
def test_killed_anywhere_the_old_prices_count_or_the_new_and_never_both(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, four_days: Path, place: str, is_new: bool
) -> None:
    """Days 2 to 4 are concerned. After the kill the next run ends as if nothing had happened, also on the disk."""
    write_down(engine, tenant, own(valid_from=date(2026, 11, 2)))

    words = (database_urls.app, str(four_days), str(tenant), NOW.isoformat(), place)
    died = subprocess.run([sys.executable, "-c", DYING, *words], cwd=ROOT, check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    new = [LISTED, CHEAP, CHEAP, CHEAP, None]
    assert costs(engine, four_days, tenant) == (new if is_new else [LISTED, LISTED, LISTED, LISTED, None])
    assert publish(engine, four_days, tenant, now=NOW).is_published
    reprice(engine, four_days, tenant)
    assert costs(engine, four_days, tenant) == new
    with tenant_transaction(engine, tenant) as connection:
        assert sum(told.events for told in restatements.read(connection)) == 3
    # What is left over is swept by the next import at the latest, and counts for nothing until then.
    import_one(engine, four_days, tenant, usage_csv(four_days / "more.csv", [row("e5", day=5)]))
    assert len(files_on_disk(four_days, tenant)) == 5


def test_usage_that_comes_later_is_priced_by_the_own_price_at_once(
    engine: Engine, tenant: UUID, four_days: Path
) -> None:
    write_down(engine, tenant, own(valid_from=date(2026, 11, 5)))
    import_one(engine, four_days, tenant, usage_csv(four_days / "more.csv", [row("e5", day=5)]))
    assert costs(engine, four_days, tenant) == [LISTED, LISTED, LISTED, LISTED, CHEAP, None]
    publication = publish(engine, four_days, tenant, now=NOW)
    assert publication.is_published, publication.message
    shown = warehouse_reads.open_current(four_days, tenant)
    assert shown is not None
    sources = shown.rows("select distinct source from price_entries order by 1")["source"].to_list()
    assert sources[-1] == "own price"
    assert reprice(engine, four_days, tenant).files == 0


days = st.none() | st.dates(date(2026, 10, 1), date(2026, 10, 9))


@given(st.lists(st.tuples(days, days), max_size=4))
def test_own_prices_and_the_catalogues_never_overlap_and_leave_no_day_without_one(
    spans: list[tuple[date | None, date | None]],
) -> None:
    """Of prices that hold on the same day the one written down last counts; where none does, the catalogue's entry as it is."""
    kept = [(low, high) for low, high in spans if low is None or high is None or low < high]
    entries = [
        replace(own(valid_from=low, valid_to=high), unit_pico_usd={"input_uncached_tokens": number})
        for number, (low, high) in enumerate(kept)
    ]
    public = listed_prices([PriceEntry(provider="openai", model="gpt-4o", unit_pico_usd={"input_uncached_tokens": 99})])
    found = OwnPriceBook(public, entries).prices_for(AskedName("openai", "gpt-4o", "standard"))
    assert not isinstance(found, str)
    for number in range(12):
        at = datetime(2026, 9, 30, 12, tzinfo=UTC) + timedelta(days=number)
        holding = [
            entry
            for entry in found
            if (entry.valid_from is None or entry.valid_from <= at) and (entry.valid_to is None or at < entry.valid_to)
        ]
        expected = [
            place
            for place, (low, high) in enumerate(kept)
            if (low is None or low <= at.date()) and (high is None or at.date() < high)
        ]
        assert [entry.unit_pico_usd["input_uncached_tokens"] for entry in holding] == [(expected or [99])[-1]]


LACKS: Callable[[str], str] = "openai/gpt-4o has no price for {}".format


@pytest.mark.parametrize(
    ("one", "is_read"),
    [
        ({"price_id": None, "unpriced_reason": "no price entry for openai/house: unknown", "model": "house"}, False),
        ({"price_id": None, "unpriced_reason": "no price entry for openai/gpt-4o: unknown"}, True),
        ({"price_id": 7, "unpriced_reason": None}, True),
        ({"price_id": None, "unpriced_reason": LACKS("images")}, False),
        ({"price_id": None, "unpriced_reason": LACKS("output_text_tokens")}, True),
    ],
)
def test_a_day_is_read_where_its_usage_may_have_another_entry(one: dict[str, object], is_read: bool) -> None:
    plain = {"day": date(2026, 11, 1), "provider": "openai", "model": "gpt-4o", "service_tier": None}
    used = PricedAs(**(plain | one))  # type: ignore[arg-type]  # a test names what it likes
    assert (days_to_read(load_catalogue(), [used]) == {used.day}) is is_read


def test_the_worker_prices_again_and_publishes_when_a_price_or_a_contract_changes(
    engine: Engine, tenant: UUID, four_days: Path
) -> None:
    def shown() -> tuple[int, int]:
        warehouse = warehouse_reads.open_current(four_days, tenant)
        assert warehouse is not None
        cost = warehouse.rows("select sum(cost_pico_usd) as cost from usage_cube")["cost"][0]
        return warehouse.version, cost

    assert attend(engine, four_days, tenant, now=NOW) == 0
    write_down(engine, tenant, own(valid_from=date(2026, 11, 4)))
    assert (attend(engine, four_days, tenant, now=NOW), shown()) == (1, (2, 3 * LISTED + CHEAP))
    half = Term(
        term_id="", contract_id="openai-2026", provider="openai", valid_from=date(2026, 11, 1), rule=Discount(500_000)
    )
    with tenant_transaction(engine, tenant) as connection:
        add_term(connection, half, principal=FINANCE, because="signed", now=NOW)
    assert (attend(engine, four_days, tenant, now=NOW), shown()) == (1, (3, (3 * LISTED + CHEAP) // 2))
    assert attend(engine, four_days, tenant, now=NOW) == 0


def test_a_book_with_own_prices_still_knows_every_entry_of_the_public_one() -> None:
    """Names that mean no model by themselves (`ft:gpt-4o`) are models of the book all the same."""
    book = OwnPriceBook(load_catalogue(), [own(), own("house-7b")])
    assert len(book.entries) >= len(load_catalogue().entries)
    assert set(book.models()) == {*load_catalogue().models(), ("openai", "house-7b")}
