"""What a table of usage spans makes tests needless, and never changes what an event costs."""

from datetime import UTC, datetime, timedelta

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.price_book import PriceEntry, listed_prices, load_catalogue
from pricing.usage import BUCKETS
from pricing.usage_bounds import read_bounds, together
from tests.pricing.usage_tables import price_rows, usage_frame, usage_row

BOOK = load_catalogue()
OCTOBER, NOVEMBER = datetime(2026, 10, 1), datetime(2026, 11, 1)
ROADRUNNER = {"provider": "acme", "model": "roadrunner"}
rows = st.lists(
    st.builds(
        lambda model, tier, at, tokens: usage_row(model[1], provider=model[0], tier=tier, at=at, **tokens),
        st.sampled_from(
            [("google", "gemini-2.5-pro"), ("deepseek", "deepseek-v4-pro"), ("mistral", "mistral-large-4")]
        ),
        st.sampled_from(["standard", "batch"]),
        st.datetimes(datetime(2026, 9, 25), datetime(2026, 11, 5)),
        st.fixed_dictionaries(
            dict.fromkeys(BUCKETS[:3], st.sampled_from([0, 1, 200_000, 200_001])) | {"images": st.integers(0, 1)}
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(rows)
def test_an_event_costs_beside_others_what_it_costs_alone(rows: list[dict[str, object]]) -> None:
    """Alone its bounds are its own moment and quantities; beside others they are wide, and other tests are left out."""
    asked = ("price_id", "cost_pico_usd", "unpriced_reason")
    together = [tuple(answer[name] for name in asked) for answer in price_rows(rows, BOOK)]
    alone = [tuple(price_rows([row], BOOK)[0][name] for name in asked) for row in rows]
    assert together == alone


def test_the_moment_and_the_length_at_a_border_keep_their_side() -> None:
    """1 pico-USD in October, 2 from November; above 10 input tokens 5. The second of each pair is the first beyond the border."""
    short, long, later = (
        PriceEntry(**ROADRUNNER, unit_pico_usd={"input_uncached_tokens": price}, **span)
        for price, span in (
            (1, {"valid_to": NOVEMBER.replace(tzinfo=UTC), "up_to_input_tokens": 10}),
            (5, {"valid_to": NOVEMBER.replace(tzinfo=UTC), "above_input_tokens": 10}),
            (2, {"valid_from": NOVEMBER.replace(tzinfo=UTC)}),
        )
    )
    book = listed_prices([short, long, later])
    last_moment = NOVEMBER - timedelta(microseconds=1)
    cases = [(last_moment, 10, 10 * 1), (NOVEMBER, 10, 10 * 2), (last_moment, 11, 11 * 5), (NOVEMBER, 11, 11 * 2)]
    rows = [
        usage_row("roadrunner", provider="acme", at=at, input_uncached_tokens=tokens, requests=0)
        for at, tokens, _ in cases
    ]
    for row, (_, _, cost) in zip(rows, cases, strict=True):
        assert price_rows([row], book)[0]["cost_pico_usd"] == cost
    assert [answer["cost_pico_usd"] for answer in price_rows(rows, book)] == [cost for _, _, cost in cases]


def test_usage_before_every_price_says_the_day_as_it_did() -> None:
    book = listed_prices(
        [PriceEntry(**ROADRUNNER, unit_pico_usd={"requests": 1}, valid_from=NOVEMBER.replace(tzinfo=UTC))]
    )
    [answer] = price_rows([usage_row("roadrunner", provider="acme", at=OCTOBER)], book)
    assert answer["cost_pico_usd"] is None
    assert answer["unpriced_reason"] == "no price entry for acme/roadrunner on 2026-10-01"


def test_a_unit_that_only_a_later_event_uses_is_missed_there_and_nowhere_else() -> None:
    book = listed_prices([PriceEntry(**ROADRUNNER, unit_pico_usd={"input_uncached_tokens": 1})])
    rows = [usage_row("roadrunner", provider="acme", input_uncached_tokens=3, images=images) for images in (0, 1)]
    assert [answer["cost_pico_usd"] for answer in price_rows(rows, book)] == [3, None]
    assert price_rows(rows[:1], book)[0]["cost_pico_usd"] == 3


def test_the_bounds_of_no_usage_use_nothing_and_of_some_name_what_is_used() -> None:
    with duckdb.connect() as con:
        frame = usage_frame([usage_row("m", at=OCTOBER, images=-1), usage_row("m", at=NOVEMBER, seconds=7)])
        empty = read_bounds(con.from_arrow(frame.clear().to_arrow()))
        some = read_bounds(con.from_arrow(frame.to_arrow()))
    assert (empty.used, empty.first, empty.last) == ((), None, None)
    assert (some.used, some.first, some.last) == (("images", "seconds", "requests"), OCTOBER, NOVEMBER)
    assert some.least["images"] == -1
    assert not some.all_within([10**6])


def test_the_bounds_of_parts_are_the_bounds_of_the_whole() -> None:
    with duckdb.connect() as con:
        rows = [usage_row("m", at=OCTOBER, images=-1), usage_row("m", at=NOVEMBER, seconds=7)]
        whole = usage_frame(rows)
        parts = [whole[:1], whole[1:], whole.clear()]
        of_parts = together(read_bounds(con.from_arrow(part.to_arrow())) for part in parts)
        assert of_parts == read_bounds(con.from_arrow(whole.to_arrow()))
        nothing = together([])
    assert (nothing.used, nothing.first, nothing.last) == ((), None, None)
