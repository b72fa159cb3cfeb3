"""The engine gives what a plain sum of products gives, and says why where it gives nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
from genai_prices import Usage, calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.catalogue import TIER_CONTEXTS
from pricing.cost_engine import UsageColumnsMissing, price_usage
from pricing.price_book import PriceBook, PriceEntry, bare_catalogue, listed_prices, quote
from pricing.price_entry import tier_named
from pricing.usage import BUCKETS, INPUT_BUCKETS
from tests.pricing.usage_tables import NOVEMBER, price_rows, usage_frame, usage_row

# The overlay corrects the catalogue; the catalogue's own calculator knows nothing of that.
BOOK = bare_catalogue()
MODELS = [
    ("openai", "gpt-5.4"),
    ("openai", "gpt-4o-audio-preview"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-5-5"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.5-flash"),
    ("deepseek", "deepseek-v4-pro"),
    ("mistral", "mistral-large-4"),
    ("azure", "gpt-5.4"),
    ("perplexity", "sonar-pro"),
    ("perplexity", "sonar-deep-research"),
    ("openrouter", "google/gemini-3.8-flash"),
]
quantities = st.one_of(st.integers(0, 400_000), st.sampled_from([0, 1, 128_000, 200_000, 200_001, 272_000, 272_001]))
token_rows = st.builds(
    lambda model, tier, at, tokens: usage_row(model[1], provider=model[0], tier=tier, at=at, **tokens),
    st.sampled_from(MODELS),
    st.sampled_from(["standard", "batch", "priority", "flex", "fast", "default", "scale", None]),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1)),
    st.fixed_dictionaries(dict.fromkeys(BUCKETS[:8], quantities)),
)


def entry_in_force(book: PriceBook, row: dict[str, object]) -> PriceEntry:
    """The one entry that holds the event, sought without any SQL."""
    found = book.find(str(row["provider"]), str(row["model"]))
    assert not isinstance(found, str), found
    at = row["occurred_at"]
    assert isinstance(at, datetime)
    moment, minute = at.replace(tzinfo=UTC), at.hour * 60 + at.minute
    length = sum(int(str(row[bucket])) for bucket in INPUT_BUCKETS)
    tier = row["service_tier"]
    [only] = [
        entry
        for entry in book.entries_of(*found, tier_named(None if tier is None else str(tier)))
        if (entry.valid_from is None or entry.valid_from <= moment)
        and (entry.valid_to is None or moment < entry.valid_to)
        and (entry.above_input_tokens is None or length > entry.above_input_tokens)
        and (entry.up_to_input_tokens is None or length <= entry.up_to_input_tokens)
        and (entry.tod_from_minute is None or entry.tod_from_minute <= minute)
        and (entry.tod_to_minute is None or minute < entry.tod_to_minute)
    ]
    return only


def peer_pico_usd(row: dict[str, object]) -> Decimal:
    """What the catalogue's own calculator charges, in pico-USD."""
    used = {bucket: int(str(row[bucket])) for bucket in BUCKETS}
    writes = used["cache_write_5m_tokens"] + used["cache_write_1h_tokens"]
    usage = Usage(
        input_tokens=sum(used[bucket] for bucket in INPUT_BUCKETS),
        cache_read_tokens=used["cache_read_tokens"],
        cache_write_tokens=writes,
        cache_write_5m_tokens=used["cache_write_5m_tokens"],
        cache_write_1h_tokens=used["cache_write_1h_tokens"],
        input_audio_tokens=used["input_audio_tokens"],
        cache_audio_read_tokens=0,
        output_tokens=used["output_text_tokens"] + used["reasoning_tokens"] + used["output_audio_tokens"],
        output_reasoning_tokens=used["reasoning_tokens"],
        output_audio_tokens=used["output_audio_tokens"],
    )
    at = row["occurred_at"]
    assert isinstance(at, datetime)
    price = calc_price(
        usage,
        str(row["model"]),
        provider_id=str(row["provider"]),
        genai_request_timestamp=at.replace(tzinfo=UTC),
        price_context=TIER_CONTEXTS.get(tier_named(str(row["service_tier"]))),
    )
    return price.total_price * 10**12


@settings(max_examples=30, deadline=None)
@given(st.lists(token_rows, min_size=1, max_size=30))
def test_engine_quote_and_the_catalogue_s_calculator_agree_on_random_usage(rows: list[dict[str, object]]) -> None:
    """Equal to the last pico-USD; where the catalogue has a repeating decimal, to the half pico that is rounded."""
    for row, answer in zip(rows, price_rows(rows, BOOK), strict=True):
        entry = entry_in_force(BOOK, row)
        used = {bucket: int(str(row[bucket])) for bucket in BUCKETS}
        assert answer["price_id"] == entry.price_id
        assert answer["cost_pico_usd"] == quote(entry, used)
        assert answer["unpriced_reason"] is None
        apart = abs(Decimal(str(answer["cost_pico_usd"])) - peer_pico_usd(row))
        assert apart <= (Decimal("0.51") if entry.remainders else 0)


def test_a_length_tier_is_a_cliff_for_the_whole_request() -> None:
    """gemini-2.5-pro: $1.25 a million input tokens up to 200,000 of them, $2.50 for each of them above."""
    rows = [
        usage_row("gemini-2.5-pro", provider="google", input_uncached_tokens=200_000),
        usage_row("gemini-2.5-pro", provider="google", input_uncached_tokens=200_001),
        usage_row("gemini-2.5-pro", provider="google", input_uncached_tokens=1, cache_read_tokens=200_000),
    ]
    at_border, above, cached = (answer["cost_pico_usd"] for answer in price_rows(rows, BOOK))
    assert at_border == 200_000 * 1_250_000  # $0.25
    assert above == 200_001 * 2_500_000  # $0.5000025
    assert cached == 1 * 2_500_000 + 200_000 * 250_000  # the cached tokens count for the length: $2.50 and $0.25


def test_a_tier_without_prices_of_its_own_costs_the_standard_price_and_its_entry_says_so() -> None:
    rows = [
        usage_row("gpt-4o", tier=tier, input_uncached_tokens=1_000) for tier in ("batch", "flex", "scale", "DEFAULT")
    ]
    answers = price_rows(rows, BOOK)
    assert [answer["cost_pico_usd"] for answer in answers] == [1_250_000_000, *[2_500_000_000] * 3]  # $1.25, $2.50 a M
    keys = [BOOK.by_id([int(str(answer["price_id"]))])[0].price_key for answer in answers]
    assert keys == [
        "openai/gpt-4o@2026-10-14 batch",
        "openai/gpt-4o flex (standard price)",
        "openai/gpt-4o other (standard price)",
        "openai/gpt-4o",
    ]


def test_the_hour_decides_where_a_provider_has_peak_hours() -> None:
    """deepseek-v4-pro in August 2026: $0.66 a million input tokens, $1.32 from 01:00 to 04:00 UTC."""
    times = [(0, 59), (1, 0), (3, 59), (4, 0)]
    rows = [
        usage_row(
            "deepseek-v4-pro",
            provider="deepseek",
            at=datetime(2026, 8, 20, hour, minute, 59),
            input_uncached_tokens=1_000_000,
        )
        for hour, minute in times
    ]
    costs = [answer["cost_pico_usd"] for answer in price_rows(rows, BOOK)]
    assert costs == [660_000_000_000, 1_320_000_000_000, 1_320_000_000_000, 660_000_000_000]


def test_what_has_no_price_is_unpriced_with_its_reason_and_never_free() -> None:
    october = PriceEntry(
        provider="acme",
        model="roadrunner",
        unit_pico_usd={"input_uncached_tokens": 1},
        valid_from=datetime(2026, 10, 1, tzinfo=UTC),
        valid_to=datetime(2026, 11, 1, tzinfo=UTC),
    )
    book = listed_prices([october])
    rows = [
        usage_row("roadrunner", provider="acme", input_uncached_tokens=5, at=datetime(2026, 10, 31, 23, 59)),
        usage_row("roadrunner", provider="acme", input_uncached_tokens=5, at=datetime(2026, 11, 1)),
        usage_row("coyote", provider="acme", input_uncached_tokens=5),
        usage_row("roadrunner", provider="acme", images=2, at=datetime(2026, 10, 2)),
    ]
    answers = price_rows(rows, book)
    assert [answer["cost_pico_usd"] for answer in answers] == [5, None, None, None]
    assert [answer["price_id"] for answer in answers] == [october.price_id, None, None, None]
    assert [answer["unpriced_reason"] for answer in answers] == [
        None,
        "no price entry for acme/roadrunner on 2026-11-01",
        "no price entry for acme/coyote: the price book has no model 'coyote' of acme",
        "acme/roadrunner@2026-10-01 has no price for images",
    ]


def test_a_cost_beyond_63_bits_or_a_negative_quantity_is_unpriced_and_harms_no_other_row() -> None:
    """$3 a token: three million tokens cost $9 M and fit into 2^63 pico-USD, four million do not."""
    dear = PriceEntry(provider="acme", model="oracle", unit_pico_usd={"input_uncached_tokens": 3 * 10**12})
    rows = [
        usage_row("oracle", provider="acme", input_uncached_tokens=count) for count in (3_000_000, 4_000_000, -1, 1)
    ]
    answers = price_rows(rows, listed_prices([dear]))
    assert [answer["cost_pico_usd"] for answer in answers] == [9 * 10**18, None, None, 3 * 10**12]
    reason = "the quantities are negative or would cost more than 9223372 USD in one event"
    assert [answer["unpriced_reason"] for answer in answers] == [None, reason, reason, None]


def test_a_price_of_a_twelfth_of_a_dollar_is_exact_to_half_a_pico() -> None:
    """OpenRouter's gemini-flash-latest writes its cache at 1/24 $ a million tokens: 41,666 2/3 pico-USD a token."""
    rows = [
        usage_row("google/gemini-3.7-flash", provider="openrouter", cache_write_5m_tokens=count) for count in (1, 2, 3)
    ]
    costs = [answer["cost_pico_usd"] for answer in price_rows(rows, BOOK)]
    assert costs == [41_667, 83_333, 125_000]


def test_other_columns_pass_through_and_an_old_price_is_replaced() -> None:
    frame = usage_frame([usage_row("gpt-4o", output_text_tokens=10)])
    with duckdb.connect() as con:
        usage = con.from_arrow(frame.to_arrow()).project(
            '*, \'row "7"\' as "odd ""name", 1::bigint as price_id, 1::bigint as cost_pico_usd, null as unpriced_reason'
        )
        priced = price_usage(con, usage, BOOK)
        assert sorted(priced.columns) == sorted(usage.columns)
        assert dict(zip(priced.columns, priced.dtypes, strict=True))["cost_pico_usd"] == "BIGINT"
        [row] = priced.pl().to_dicts()
    assert row['odd "name'] == 'row "7"'
    assert row["cost_pico_usd"] == 10 * 10_000_000  # $10 a million


def test_two_books_can_price_in_one_connection_before_either_is_read() -> None:
    cheap, dear = (
        listed_prices([PriceEntry(provider="acme", model="m", unit_pico_usd={"input_uncached_tokens": price})])
        for price in (1, 1000)
    )
    frame = usage_frame([usage_row("m", provider="acme", input_uncached_tokens=7)])
    with duckdb.connect() as con:
        usage = con.from_arrow(frame.to_arrow())
        answers = [price_usage(con, usage, book) for book in (cheap, dear)]
        assert [answer.pl()["cost_pico_usd"].item() for answer in answers] == [7, 7000]


def test_an_empty_table_and_names_of_nobody_are_priced_to_nothing() -> None:
    assert price_rows([usage_row("x", provider="nobody")], BOOK)[0]["cost_pico_usd"] is None
    frame = usage_frame([usage_row("gpt-4o")]).clear()
    with duckdb.connect() as con:
        assert price_usage(con, con.from_arrow(frame.to_arrow()), BOOK).pl().height == 0


def test_usage_without_a_needed_column_is_refused_by_name() -> None:
    with duckdb.connect() as con, pytest.raises(UsageColumnsMissing, match="occurred_at, pages"):
        price_usage(con, con.from_arrow(usage_frame([usage_row("m")]).drop("occurred_at", "pages").to_arrow()), BOOK)


def test_no_price_depends_on_the_row_order_or_the_company_of_other_rows() -> None:
    rows = [usage_row("gpt-4o", at=NOVEMBER, input_uncached_tokens=n) for n in range(50)]
    together = [answer["cost_pico_usd"] for answer in price_rows(rows, BOOK)]
    assert together == [n * 2_500_000 for n in range(50)]
    assert together[::-1] == [answer["cost_pico_usd"] for answer in price_rows(rows[::-1], BOOK)]
