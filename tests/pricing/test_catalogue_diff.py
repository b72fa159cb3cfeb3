"""Two price lists are compared to the last pico-USD, and what one of them may leave out is no difference."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalogue_diff import LIST_SCHEMA, VERDICTS, compare, price_list, shared_models
from pricing.litellm_prices import NotLiteLLMPrices, litellm_list
from pricing.price_book import PriceEntry, load_catalogue

AT = datetime(2026, 11, 29, tzinfo=UTC)


def entry(model: str = "m", **given: object) -> PriceEntry:
    """One of Acme's prices: $1 a million tokens in, $2 out, unless given."""
    fields: dict[str, object] = {"unit_pico_usd": {"input_uncached_tokens": 10**6, "output_text_tokens": 2 * 10**6}}
    return PriceEntry(provider="acme", model=model, **(fields | given))  # type: ignore[arg-type] # the entry's own fields


def test_each_price_has_one_of_four_verdicts() -> None:
    ours = [entry(), entry("ours")]
    theirs = [entry(unit_pico_usd={"input_uncached_tokens": 10**6, "output_text_tokens": 3 * 10**6, "pages": 5})]
    compared = compare(price_list(ours, AT), price_list(theirs, AT))
    assert compared.select("model", "bucket", "ours_pico_usd", "theirs_pico_usd", "verdict").rows() == [
        ("m", "input_uncached_tokens", 10**6, 10**6, "same"),
        ("m", "output_text_tokens", 2 * 10**6, 3 * 10**6, "differs"),
        ("m", "pages", None, 5, "only theirs"),
        ("ours", "input_uncached_tokens", 10**6, None, "only ours"),
        ("ours", "output_text_tokens", 2 * 10**6, None, "only ours"),
    ]
    assert set(shared_models(compared)["model"]) == {"m"}


def test_a_price_that_is_only_its_input_s_may_be_left_out() -> None:
    """Reasoning at the price of output, named by one list and not by the other; at a price of its own it is a difference."""
    plain = {"input_uncached_tokens": 10**6, "output_text_tokens": 2 * 10**6}
    for reasoning, verdicts in ((2 * 10**6, set()), (3 * 10**6, {"only ours"})):
        ours = price_list([entry(unit_pico_usd=plain | {"reasoning_tokens": reasoning})], AT)
        rows = compare(ours, price_list([entry()], AT)).rows(named=True)
        assert {row["verdict"] for row in rows if row["bucket"] == "reasoning_tokens"} == verdicts


def test_only_what_holds_at_the_moment_and_for_everybody_is_in_the_list() -> None:
    september, december = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    listed = price_list(
        [
            entry("past", valid_to=september),
            entry("future", valid_from=december),
            entry("regional", region="eu"),
            entry("at-night", tod_from_minute=0, tod_to_minute=60),
            entry("as-standard", service_tier="flex"),
            entry("by-size", search_context_size="high"),
            entry("by-assumed-size", search_context_size="low", is_size_assumed=True),
            entry("now", valid_from=september, valid_to=december),
        ],
        AT,
    )
    assert set(listed["model"]) == {"now", "by-assumed-size"}
    assert listed.schema == LIST_SCHEMA


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**12)), max_size=8))
def test_a_list_differs_from_itself_in_nothing(prices: list[tuple[str, int]]) -> None:
    listed = price_list(
        [entry(name, unit_pico_usd={"input_uncached_tokens": each}) for name, each in dict(prices).items()], AT
    )
    compared = compare(listed, listed)
    assert compared.height == listed.height
    assert set(compared["verdict"]) <= {VERDICTS[0]}


def test_litellm_s_file_is_read_by_its_names_lengths_and_tiers() -> None:
    """$1.25 a million in, $2.50 above 200,000 tokens, half of the first in batches; a float's shortest text is its price."""
    document = {
        "sample_spec": {"litellm_provider": "one of many"},
        "gemini/gemini-2.5-pro": {
            "litellm_provider": "gemini",
            "input_cost_per_token": Decimal("1.25E-06"),
            "input_cost_per_token_above_200k_tokens": Decimal("2.5E-06"),
            "input_cost_per_token_batches": Decimal("6.25E-07"),
            "cache_creation_input_token_cost_above_1hr": Decimal("1E-06"),
            "supports_vision": True,
        },
        "mistral/of-nobody": {"litellm_provider": "mistral", "output_cost_per_token": 0},
        "their/own": {"litellm_provider": "a stranger", "input_cost_per_token": 1},
    }
    listed = litellm_list(document, load_catalogue())
    assert listed.select("model", "service_tier", "above_input_tokens", "bucket", "pico_usd").rows() == [
        ("gemini-2.5-pro", "standard", None, "input_uncached_tokens", 1_250_000),
        ("gemini-2.5-pro", "standard", 200_000, "input_uncached_tokens", 2_500_000),
        ("gemini-2.5-pro", "batch", None, "input_uncached_tokens", 625_000),
        ("gemini-2.5-pro", "standard", None, "cache_write_1h_tokens", 1_000_000),
        ("of-nobody", "standard", None, "output_text_tokens", 0),
    ]


@pytest.mark.parametrize("document", [[], {}, {"a": 1}, {"entries": []}])
def test_what_is_no_file_of_litellm_is_refused(document: object) -> None:
    with pytest.raises(NotLiteLLMPrices, match="names no model with litellm_provider"):
        litellm_list(document, load_catalogue())
