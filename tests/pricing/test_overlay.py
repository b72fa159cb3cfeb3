"""What the catalogue lacks or has wrong is priced by dated entries with their sources; what they do not name stays as it was."""

from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.allowances import public_allowances
from pricing.overlay import load_overlay, public_offers
from pricing.price_book import bare_catalogue, load_catalogue
from pricing.price_entry import AskedName, PriceEntry, UnitWithoutPrice, quote
from pricing.usage import BUCKETS, INPUT_BUCKETS
from tests.pricing.usage_tables import NOVEMBER, price_rows, usage_row

BOOK = load_catalogue()
MILLION = 10**6
USD = 10**12


def cost(model: str, **given: object) -> object:
    """What one event comes to, in pico-USD."""
    [answer] = price_rows([usage_row(model, **given)], BOOK)  # type: ignore[arg-type] # the row's own keywords
    return answer["cost_pico_usd"]


def key(model: str, **given: object) -> str:
    """The name of the entry that priced one event."""
    [answer] = price_rows([usage_row(model, **given)], BOOK)  # type: ignore[arg-type] # the row's own keywords
    return BOOK.by_id([int(str(answer["price_id"]))])[0].price_key


@pytest.mark.parametrize(
    ("model", "size", "usd_per_thousand"),
    [
        ("sonar", "low", 5),
        ("sonar", "medium", 8),
        ("sonar", "high", 12),
        ("sonar-pro", "low", 6),
        ("sonar-pro", "medium", 10),
        ("sonar-pro", "high", 14),
        ("sonar-reasoning", "high", 12),
        ("sonar-reasoning-pro", "medium", 10),
    ],
)
def test_a_sonar_request_costs_the_fee_of_its_search_context_size(model: str, size: str, usd_per_thousand: int) -> None:
    """No tokens, one request: a thousandth of the published fee."""
    assert cost(model, provider="perplexity", size=size) == usd_per_thousand * USD // 1000


def test_a_sonar_request_that_does_not_say_its_size_costs_the_documented_default_and_its_entry_says_so() -> None:
    """$0.005 for the request and $1 a million for 2,000 tokens in."""
    said = {"provider": "perplexity", "input_uncached_tokens": 2_000}
    assert cost("sonar", **said) == 5 * USD // 1000 + 2_000 * MILLION  # $0.007
    assert key("sonar", **said) == "perplexity/sonar@2025-04-18 search low (assumed)"
    assert key("sonar", **said, size="low") == "perplexity/sonar@2025-04-18 search low"


def test_a_size_that_is_none_of_the_three_is_unpriced() -> None:
    [answer] = price_rows([usage_row("sonar", provider="perplexity", size="vast")], BOOK)
    assert answer["cost_pico_usd"] is None
    assert answer["unpriced_reason"] == (
        "no price entry for perplexity/sonar: the price book lists perplexity/sonar without a price for the size 'vast'"
    )


@pytest.mark.parametrize(
    ("provider", "model", "region", "usd_per_million"),
    [
        ("openai", "gpt-5.4", None, "2.5"),
        ("openai", "gpt-5.4", "EU", "2.75"),  # x 1.1
        ("openai", "gpt-4o", "eu", "2.5"),  # released before 5 March 2026
        ("anthropic", "claude-opus-5", "us", "5.5"),  # 5 x 1.1
        ("anthropic", "claude-opus-5", "global", "5"),
        ("google", "gemini-3.8-flash", "europe-west4", "0.825"),  # 0.75 x 1.1
        ("google", "gemini-3.8-flash", "global", "0.75"),
        ("mistral", "mistral-large-latest", "eu", "0.55"),  # 0.5 x 1.1
    ],
)
def test_a_region_s_uplift_is_folded_into_the_unit_price(
    provider: str, model: str, region: str | None, usd_per_million: str
) -> None:
    pico = cost(model, provider=provider, region=region, input_uncached_tokens=1000)
    assert pico == 1000 * Fraction(usd_per_million) * MILLION


def test_an_uplift_is_on_tokens_and_not_on_searches() -> None:
    """Ten searches at $10 a thousand cost $0.10 wherever they are."""
    searches = {"provider": "anthropic", "search_requests": 10}
    assert cost("claude-opus-5", **searches, region="us") == cost("claude-opus-5", **searches) == USD // 10


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-flash"),
        ("mistral", "mistral-small-latest"),
    ],
)
def test_a_batch_before_the_catalogue_s_first_batch_price_costs_half(provider: str, model: str) -> None:
    at = datetime(2026, 2, 1)
    whole = cost(model, provider=provider, at=at, input_uncached_tokens=1000, output_text_tokens=500)
    half = cost(model, provider=provider, at=at, tier="batch", input_uncached_tokens=1000, output_text_tokens=500)
    assert isinstance(whole, int)
    assert half == whole // 2


def test_cached_input_of_an_old_batch_keeps_the_ratio_that_the_catalogue_lists_first() -> None:
    """gpt-4o's batch table has no cached price: cached tokens stay at $1.25; gpt-5's are halved from $0.125."""
    old = {"at": datetime(2026, 2, 1), "tier": "batch", "cache_read_tokens": MILLION}
    assert cost("gpt-4o", **old) == 1_250_000 * MILLION
    assert cost("gpt-5", **old) == 62_500 * MILLION


def test_gemini_has_flex_at_half_and_priority_at_one_point_eight() -> None:
    """gemini-2.5-pro: $1.25 in, $10 out a million; its cached price of $0.125 is the same on flex, and 1.8-fold on priority."""
    used = {"provider": "google", "input_uncached_tokens": 100, "cache_read_tokens": 10, "output_text_tokens": 10}
    assert cost("gemini-2.5-pro", **used, tier="flex") == 100 * 625_000 + 10 * 125_000 + 10 * 5_000_000
    assert cost("gemini-2.5-pro", **used, tier="priority") == 100 * 2_250_000 + 10 * 225_000 + 10 * 18_000_000


def test_audio_of_the_preview_models_is_not_billed_as_text() -> None:
    """$40 a million in and $80 out."""
    heard = cost("gpt-4o-audio-preview", input_audio_tokens=1000, output_audio_tokens=100)
    assert heard == 1000 * 40 * MILLION + 100 * 80 * MILLION


def test_a_rerank_is_billed_by_its_search_units_alone() -> None:
    """Three units at $2 a thousand; the tokens that came with them are free."""
    used = {"provider": "cohere", "search_requests": 3, "input_uncached_tokens": 9_000}
    assert cost("rerank-v3.5", **used) == 3 * 2 * USD // 1000
    assert BOOK.find(None, "cohere/rerank-v3.5") == BOOK.find("cohere_ai", "rerank-v3.5") == ("cohere", "rerank-v3.5")


def test_a_latest_name_means_what_it_meant_on_the_day() -> None:
    """mistral-large-latest: $2 a million until Large 3 came on 2 December 2025, then $0.50."""
    for at, each in ((datetime(2025, 12, 1, 23, 59), 2_000_000), (datetime(2025, 12, 2), 500_000)):
        assert cost("mistral-large-latest", provider="mistral", at=at, input_uncached_tokens=7) == 7 * each
    assert cost("mistral-large-2411", provider="mistral", at=NOVEMBER, input_uncached_tokens=7) == 7 * 2_000_000
    assert BOOK.find("openrouter", "mistralai/mistral-large-latest") == bare_catalogue().find(
        "openrouter", "mistralai/mistral-large-latest"
    )


def test_a_length_tier_of_the_overlay_is_a_cliff() -> None:
    used = {"provider": "google", "at": datetime(2026, 1, 1)}
    model = "gemini-2.5-computer-use-preview-10-2025"
    assert cost(model, **used, input_uncached_tokens=200_000) == 200_000 * 1_250_000
    assert cost(model, **used, input_uncached_tokens=200_001) == 200_001 * 2_500_000


def in_force(row: dict[str, object]) -> list[PriceEntry]:
    """The entries that hold an event, sought without any SQL."""
    at = row["occurred_at"]
    assert isinstance(at, datetime)
    moment, length = at.replace(tzinfo=UTC), sum(int(str(row[bucket])) for bucket in INPUT_BUCKETS)
    words = [None if row[word] is None else str(row[word]) for word in AskedName._fields]
    found = BOOK.prices_for(AskedName(*words))
    return [
        entry
        for entry in (() if isinstance(found, str) else found)
        if (entry.valid_from is None or entry.valid_from <= moment)
        and (entry.valid_to is None or moment < entry.valid_to)
        and (entry.above_input_tokens is None or length > entry.above_input_tokens)
        and (entry.up_to_input_tokens is None or length <= entry.up_to_input_tokens)
    ]


OVERLAID = [
    ("openai", "gpt-5.4"),
    ("openai", "gpt-4o-audio-preview"),
    ("anthropic", "claude-opus-5"),
    ("google", "gemini-3.5-flash-lite"),
    ("google", "gemini-flash-latest"),
    ("google", "gemini-2.5-computer-use-preview-10-2025"),
    ("mistral", "mistral-large-latest"),
    ("perplexity", "sonar-pro"),
    ("cohere", "rerank-v3.5"),
]
rows = st.builds(
    lambda model, at, words, used: usage_row(model[1], provider=model[0], at=at, **words, **used),
    st.sampled_from(OVERLAID),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 6, 1)),
    st.fixed_dictionaries(
        {
            "tier": st.sampled_from([None, "batch", "flex", "priority", "scale"]),
            "region": st.sampled_from([None, "us", "EU", "global", "europe-west4", "mars"]),
            "size": st.sampled_from([None, "low", "medium", "high", "vast"]),
        }
    ),
    st.fixed_dictionaries(
        dict.fromkeys(BUCKETS[:8], st.sampled_from([0, 1, 7, 200_000, 272_001]))
        | {"search_requests": st.integers(0, 3)}
    ),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, min_size=1, max_size=30))
def test_the_engine_charges_every_event_at_the_one_entry_that_holds_it(events: list[dict[str, object]]) -> None:
    """Whatever its tier, region, size, length and moment; none that holds it, or a unit without a price: no cost."""
    for row, answer in zip(events, price_rows(events, BOOK), strict=True):
        holding = in_force(row)
        assert len(holding) <= 1
        used = {bucket: int(str(row[bucket])) for bucket in BUCKETS}
        try:
            expected = quote(holding[0], used) if holding else None
        except UnitWithoutPrice:
            expected = None
        assert answer["cost_pico_usd"] == expected
        assert (answer["unpriced_reason"] is None) == (expected is not None)
        assert answer["price_id"] == (None if expected is None else holding[0].price_id)


def overlaps(one: PriceEntry, other: PriceEntry) -> bool:
    """Whether some event would meet both."""
    far_past, far_future = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    spans = [
        (
            (entry.valid_from or far_past, entry.valid_to or far_future),
            (entry.above_input_tokens or -1, entry.up_to_input_tokens or 2**62),
            (entry.tod_from_minute or 0, entry.tod_to_minute or 1440),
        )
        for entry in (one, other)
    ]
    return all(
        max(first[0], second[0]) < min(first[1], second[1])  # type: ignore[type-var] # both of one kind
        for first, second in zip(*spans, strict=True)
    )


def test_no_two_entries_of_a_model_and_its_terms_overlap_in_the_whole_book() -> None:
    """Aliases, tiers, regions, sizes and lengths included: an event meets one entry or none."""
    groups: dict[tuple[object, ...], set[PriceEntry]] = {}
    source = BOOK._source
    for provider, model in source.models():
        for terms in source.terms(provider, model):
            groups[provider, model, terms] = set(source.flatten(provider, model, terms))
    assert len(groups) > 3000
    wrong = [
        (name, one.price_key, other.price_key)
        for name, entries in groups.items()
        for one, other in combinations(entries, 2)
        if overlaps(one, other)
    ]
    assert wrong == []


def test_models_that_the_overlay_does_not_name_keep_their_entries_and_ids() -> None:
    for provider, model in (("deepseek", "deepseek-chat"), ("anthropic", "claude-sonnet-4-5"), ("x-ai", "grok-4")):
        found = BOOK.find(provider, model)
        assert found == bare_catalogue().find(provider, model)
        assert not isinstance(found, str)
        assert BOOK.entries_of(*found) == bare_catalogue().entries_of(*found)


def test_every_entry_says_who_says_so_and_when_it_was_checked() -> None:
    for entry in load_overlay():
        assert entry.source_url.startswith("https://")
        assert date(2026, 11, 1) <= entry.checked_on <= date(2026, 11, 29)
    laid_over = [entry for entry in BOOK.entries if "overlay/" in entry.source]
    assert len(laid_over) > 500
    assert all(entry.source_url and entry.checked_on for entry in laid_over)
    assert {entry.source for entry in BOOK.entries if "overlay/" not in entry.source} == {"genai-prices 0.2.3"}


def test_free_quotas_are_shared_by_the_models_of_their_group() -> None:
    [monthly] = [each for each in public_allowances() if each.period == "month"]
    assert (monthly.provider, monthly.bucket, monthly.quantity) == ("google", "search_requests", 5000)
    assert "gemini-3*" in monthly.models
    assert {(each.quantity, each.period) for each in public_allowances()} >= {(1500, "day"), (10_000, "day")}


def test_what_no_event_has_is_kept_as_an_offer_and_prices_nothing() -> None:
    assert {offer.provider for offer in public_offers()} == {"google", "anthropic"}
    assert all(offer.terms for offer in public_offers())
