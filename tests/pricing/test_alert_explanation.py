"""Why an alert is one: a change of one kind is that kind alone, every list sums to the impact to the cent, and new names are volume."""

import json
from datetime import date
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.alert_explanation import ChartDay, Part, RateExplanation, from_document, to_document
from pricing.alert_split import minor_parts, shown
from pricing.finding import Subject
from tests.pricing.explained_company import FIRST, Calls, drivers, explained

DOLLAR = 10**12
COMPANY = Subject(scope="company")


def test_more_of_the_same_requests_are_volume_alone() -> None:
    """100 calls of 1,000 tokens in at $3 and 100 out at $15 a million cost $0.45; a thousand of them $4.05 more."""
    found = explained([Calls(requests=100)], [Calls(requests=1_000)])

    assert found.impact_pico_usd == 4_050_000_000_000 == 900 * (1_000 * 3_000_000 + 100 * 15_000_000)
    assert drivers(found) == {"usage_volume": found.impact_pico_usd}


def test_longer_prompts_are_tokens_per_request_alone() -> None:
    """2,000 tokens in and 200 out instead of 1,000 and 100: twice the cost, and no other driver."""
    found = explained([Calls()], [Calls(uncached=2_000, output=200)])

    assert drivers(found) == {"tokens_per_request": Calls().cost}
    assert "longer prompts on sonnet" in found.sentence


def test_longer_answers_are_called_so() -> None:
    """400 tokens out instead of 100 at $15 is more than what else moved: 300 x 100 x $15 a million = $0.45."""
    found = explained([Calls()], [Calls(output=400)])

    assert drivers(found) == {"tokens_per_request": 300 * 100 * 15_000_000}
    assert "longer answers on sonnet" in found.sentence


def test_a_dearer_price_is_price_alone() -> None:
    """The same calls at prices half as high again."""
    found = explained([Calls()], [Calls(price_id=3)])

    assert drivers(found) == {"token_price": Calls().cost // 2}


def test_calls_that_move_to_a_dearer_model_are_mix_alone() -> None:
    """100 calls a day move from the model of $1 and $5 to the one of $3 and $15."""
    cheap = Calls(model="anthropic/haiku", price_id=2)
    found = explained([cheap], [Calls()])

    assert drivers(found) == {"model_mix": Calls().cost - cheap.cost}


def test_less_from_the_cache_is_cache_alone() -> None:
    """1,000 tokens of which 800 came from the cache at a tenth of the price, and now none."""
    before, now = Calls(uncached=200, cached=800), Calls(uncached=1_000)
    found = explained([before], [now])

    assert drivers(found) == {"cache_rate": 100 * 800 * 2_700_000}


def test_a_new_customer_is_volume_and_named() -> None:
    """Nobody had expected Sable Health's calls, whatever model they are of."""
    new = Calls(customer="cus_b", model="anthropic/haiku", price_id=2)
    found = explained([Calls()], [Calls(), new], subject=COMPANY)

    assert drivers(found) == {"usage_volume": new.cost}
    assert found.customers == (Part(name="cus_b", label="Sable Health", pico_usd=new.cost, minor=15),)


def test_a_new_key_and_a_new_feature_are_named_beside_the_old() -> None:
    """The day is as it was, and a batch with its own key comes on top: 50 calls, $0.225 (half of $0.45), shown as 23 cents."""
    batch = Calls(requests=50, feature="export", key="key_batch")
    found = explained([Calls()], [Calls(), batch])

    assert [(each.name, each.pico_usd) for each in found.features] == [("export", batch.cost)]
    assert [(each.name, each.pico_usd) for each in found.api_keys] == [("key_batch", batch.cost)]
    assert "feature 'export' with key key_batch" in found.sentence


def test_without_any_usage_before_everything_is_volume() -> None:
    """A customer's first day, of which $0.10 was expected."""
    found = explained([], [Calls()], expected=DOLLAR // 10)

    assert drivers(found) == {"usage_volume": Calls().cost - DOLLAR // 10}
    assert found.confidence.words == "low"


def test_a_day_without_usage_is_less_volume() -> None:
    found = explained([Calls()], [])

    assert drivers(found) == {"usage_volume": -Calls().cost}
    assert sum(each.pico_usd for each in found.models) == -Calls().cost


def test_usage_without_a_price_is_counted_and_in_no_amount() -> None:
    found = explained([Calls()], [Calls(requests=300)], unpriced_events=120)

    assert found.unpriced_events == 120
    assert found.confidence.words == "medium"
    assert "120 calls have no price" in found.confidence.why


CALLS = st.builds(
    Calls,
    requests=st.integers(0, 300),
    uncached=st.integers(0, 9_000),
    cached=st.integers(0, 9_000),
    output=st.integers(0, 3_000),
    customer=st.sampled_from(["cus_a", "cus_b", "cus_c", None]),
    model=st.sampled_from(["anthropic/sonnet", "anthropic/haiku", "openai/mini"]),
    feature=st.sampled_from(["chat", "export", "agent", "search", "embed", "extract", "score", "rank", None]),
    key=st.sampled_from(["key_prod", "key_batch", None]),
    price_id=st.sampled_from([1, 2, 3]),
)


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(CALLS, max_size=12),
    now=st.lists(CALLS, max_size=12),
    expected=st.integers(0, 10**14),
    days=st.integers(1, 3),
)
def test_every_list_sums_to_the_impact_and_what_is_shown_to_the_shown_impact(
    before: list[Calls], now: list[Calls], expected: int, days: int
) -> None:
    """Whatever was used before and now, and whatever had been expected: exactly in pico-USD, and to the cent where it is shown."""
    found = explained(before, now, expected=expected, days=days, subject=COMPANY)

    assert found.impact_pico_usd == days * (sum(each.cost for each in now) - expected)
    for parts in (found.drivers, found.customers, found.models, found.features, found.api_keys):
        assert sum(each.pico_usd for each in parts) == found.impact_pico_usd
        assert sum(each.minor or 0 for each in parts) == found.impact_minor
    assert from_document(json.loads(json.dumps(to_document(found)))) == found


@given(
    parts=st.dictionaries(st.text(min_size=1), st.integers(-(10**15), 10**15), min_size=1, max_size=12),
)
def test_shown_cents_are_within_a_cent_of_their_parts(parts: dict[str | None, int]) -> None:
    """Largest remainder: no line is off by more than a cent, and there are never more than six lines and the others."""
    impact = sum(parts.values())
    whole = (2 * impact + 10**10) // (2 * 10**10)
    lines = shown(parts, {}, whole, Fraction(1, 10**10))

    assert sum(each.minor or 0 for each in lines) == whole
    assert sum(each.pico_usd for each in lines) == impact
    assert all(abs((each.minor or 0) * 10**10 - each.pico_usd) <= 10**10 for each in lines)
    assert len(lines) <= 7


def test_without_a_rate_nothing_is_shown_in_the_reporting_currency() -> None:
    assert minor_parts([1, 2], None, None) == [None, None]


def test_another_detectors_explanation_comes_back_as_it_was_written() -> None:
    written = RateExplanation(
        unit="ppm",
        facts={"failed": 12, "of": 80, "network": "visa"},
        days=(ChartDay(day=FIRST, actual=150_000, expected=50_000, lower=None, upper=100_000, is_found=True),),
        sentence="12 of 80 payments failed (15.0 %), up from 5.0 %.",
    )

    assert from_document(json.loads(json.dumps(to_document(written)))) == written
    assert to_document(written)["days"][0]["day"] == date(2026, 11, 12).isoformat()
