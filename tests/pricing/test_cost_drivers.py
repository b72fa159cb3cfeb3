"""Why AI cost changed: each driver alone moves only its own part, the parts sum exactly, and the way back is the same."""

from hypothesis import given
from hypothesis import strategies as st

from pricing.cost_drivers import EFFECT_PARTS, NOTHING, Cell, Effects, PricedUsage, cell, effects

DOLLAR = 10**12
# 3 / 0.30 / 15 USD for a million tokens, as pico-USD for one.
SONNET = {"input_uncached_tokens": 3_000_000, "cache_read_tokens": 300_000, "output_text_tokens": 15_000_000}


def model(
    requests: int, uncached: int = 0, cached: int = 0, output: int = 0, prices: dict[str, int] | None = None
) -> Cell:
    """One model's usage, each quantity for one request, at list price."""
    unit = prices or SONNET
    quantities = {
        "input_uncached_tokens": uncached * requests,
        "cache_read_tokens": cached * requests,
        "output_text_tokens": output * requests,
        "requests": requests,
    }
    cost = sum(quantity * unit.get(bucket, 0) for bucket, quantity in quantities.items())
    return cell([PricedUsage(requests, quantities, unit, cost)])


def dollars(before: dict[str, Cell], after: dict[str, Cell]) -> dict[str, float]:
    """The sum of each effect over the models in dollars, without those that are nothing."""
    total = Effects()
    for each in effects(before, after).values():
        total = total.plus(each)
    found = {name: units / EFFECT_PARTS / DOLLAR for name, units in total._asdict().items()}
    return {name: round(value, 6) for name, value in found.items() if abs(value) > 1e-9}


def test_more_requests_of_the_same_kind_are_volume() -> None:
    """1,000 requests of 1,000 tokens in and 100 out cost $4.50; 500 more of them cost $2.25 more."""
    assert dollars({"s": model(1_000, 1_000, 0, 100)}, {"s": model(1_500, 1_000, 0, 100)}) == {"usage_volume": 2.25}


def test_a_dearer_price_is_price() -> None:
    """Output from $15 to $20: 1,000 x 100 tokens x $5 a million = $0.50."""
    dearer = SONNET | {"output_text_tokens": 20_000_000}
    after = {"s": model(1_000, 1_000, 0, 100, dearer)}
    assert dollars({"s": model(1_000, 1_000, 0, 100)}, after) == {"token_price": 0.5}


def test_a_contracts_discount_is_price_too() -> None:
    """The same usage at the same entry, 20 % off: $4.50 becomes $3.60."""
    quantities = {"input_uncached_tokens": 1_000_000, "output_text_tokens": 100_000, "requests": 1_000}
    reduced = cell([PricedUsage(1_000, quantities, SONNET, 3_600_000_000_000)])
    assert dollars({"s": model(1_000, 1_000, 0, 100)}, {"s": reduced}) == {"token_price": -0.9}


def test_reading_from_the_cache_is_cache_rate() -> None:
    """Half of 1,000 x 1,000 input tokens now at $0.30 instead of $3: 500,000 x $2.70 a million = $1.35 less.

    Nothing had been cached before: what it would have cost is the entry's price, so none of it looks like a new price.
    """
    assert dollars({"s": model(1_000, 1_000, 0, 100)}, {"s": model(1_000, 500, 500, 100)}) == {"cache_rate": -1.35}


def test_longer_answers_are_tokens_per_request() -> None:
    """100 more tokens out of each of 1,000 requests at $15 a million = $1.50."""
    before, after = model(1_000, 1_000, 0, 100), model(1_000, 1_000, 0, 200)
    assert dollars({"s": before}, {"s": after}) == {"tokens_per_request": 1.5}


def test_moving_to_another_model_is_mix() -> None:
    """All 1,000 requests from a model at $4.50 to one at five times its prices: $22.50 - $4.50."""
    opus = {bucket: 5 * price for bucket, price in SONNET.items()}
    after = {"opus": model(1_000, 1_000, 0, 100, opus)}
    assert dollars({"s": model(1_000, 1_000, 0, 100)}, after) == {"model_mix": 18.0}


def test_two_drivers_at_once_share_what_they_make_together() -> None:
    """Twice the requests at twice the price: $4.50 to $18.00. Alone each adds 4.50; the other 4.50 they share: 6.75 each."""
    double = {bucket: 2 * price for bucket, price in SONNET.items()}
    found = dollars({"s": model(1_000, 1_000, 0, 100)}, {"s": model(2_000, 1_000, 0, 100, double)})
    assert found == {"usage_volume": 6.75, "token_price": 6.75}


def test_usage_where_there_was_none_is_volume() -> None:
    assert dollars({}, {"s": model(1_000, 1_000, 0, 100)}) == {"usage_volume": 4.5}
    assert dollars({"s": model(1_000, 1_000, 0, 100)}, {}) == {"usage_volume": -4.5}


def test_a_cost_without_a_price_entry_counts_every_token_the_same() -> None:
    """The provider said $4.50 for 1.1 M tokens, then $9.00 for as many: price."""
    quantities = {"input_uncached_tokens": 1_000_000, "output_text_tokens": 100_000, "requests": 1_000}
    said = [cell([PricedUsage(1_000, quantities, None, cost * 10**10)]) for cost in (450, 900)]
    assert dollars({"s": said[0]}, {"s": said[1]}) == {"token_price": 4.5}


def test_images_without_tokens_are_priced_by_the_request() -> None:
    made = [cell([PricedUsage(10 * many, {"requests": 10 * many}, None, many * DOLLAR)]) for many in (1, 3)]
    assert dollars({"painter": made[0]}, {"painter": made[1]}) == {"usage_volume": 2.0}


quantities = st.integers(0, 10**9)
unit_prices = st.one_of(st.none(), st.integers(0, 10**8))


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """Any usage under one or two entries, with a cost that need not follow from them."""
    used = []
    for _ in range(draw(st.integers(1, 2))):
        buckets = {name: draw(quantities) for name in (*SONNET, "images")}
        prices = draw(st.one_of(st.none(), st.fixed_dictionaries(dict.fromkeys((*SONNET, "images"), unit_prices))))
        used.append(PricedUsage(draw(st.integers(1, 10**6)), buckets, prices, draw(st.integers(0, 10**15))))
    return cell(used)


periods = st.dictionaries(st.sampled_from(["a", "b", "c"]), cells(), max_size=3)


@given(periods, periods)
def test_the_effects_of_a_model_sum_to_its_change_exactly(before: dict[str, Cell], after: dict[str, Cell]) -> None:
    found = effects(before, after)
    for name in before.keys() | after.keys():
        change = after.get(name, NOTHING).cost_pico_usd - before.get(name, NOTHING).cost_pico_usd
        assert sum(found.get(name, Effects())) == change * EFFECT_PARTS


@given(periods, periods)
def test_the_way_back_has_the_opposite_effects(before: dict[str, Cell], after: dict[str, Cell]) -> None:
    there, back = effects(before, after), effects(after, before)
    assert {name: tuple(-units for units in each) for name, each in there.items()} == {
        name: tuple(each) for name, each in back.items()
    }


@given(periods)
def test_what_did_not_change_has_no_effects(period: dict[str, Cell]) -> None:
    assert effects(period, dict(period)) == {}
