"""What a tenant pays by its own contract: negotiated prices, tiers, commitments, credits and free quotas, to the pico-USD."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.contracts import (
    Commitment,
    Credit,
    DayCost,
    Discount,
    Term,
    TermRefused,
    UnitPrices,
    VolumeTiers,
    check,
    choose,
    graduated_pico_usd,
    overages,
    shortfalls,
    use_credits,
)
from tests.pricing.costed_cube import NOVEMBER_1, Quota, Row, costed, costs, term, used

OUT = "output_text_tokens"
STEPS = ((1_000, 10), (3_000, 8), (None, 5))
HALF = Discount(500_000)


def test_graduated_tiers_charge_each_unit_at_its_own_step() -> None:
    """1,500 units after 500: 500 to 1,000 at 10, 1,000 to 2,000 at 8."""
    assert graduated_pico_usd(STEPS, 500, 1_500) == 500 * 10 + 1_000 * 8
    assert graduated_pico_usd(STEPS, 2_900, 200) == 100 * 8 + 100 * 5
    assert graduated_pico_usd(STEPS, 0, 0) == 0


@given(st.lists(st.integers(0, 5_000), max_size=8))
def test_tiers_come_to_the_same_however_a_month_is_parted(parts: list[int]) -> None:
    one_by_one = [graduated_pico_usd(STEPS, sum(parts[:place]), part) for place, part in enumerate(parts)]
    assert sum(one_by_one) == graduated_pico_usd(STEPS, 0, sum(parts))


def test_a_months_tiers_are_shared_out_by_use_day_by_day() -> None:
    """On the first day 600 + 300 units, all at 10. On the second 1,100: 100 at 10 and 1,000 at 8 = 9,000, by 1 to 10."""
    rows = [used(out=600), used(customer="acct_2", out=300)]
    second = NOVEMBER_1 + timedelta(days=1)
    rows += [used(second, out=100), used(second, "acct_2", out=1_000)]
    rows += [used(date(2026, 12, 1), out=10)]  # a new month begins at the first step
    found = costed(rows, term(VolumeTiers(OUT, STEPS)))
    assert costs(found) == [6_000, 3_000, 818, 8_182, 100]
    assert {row["cost_source"] for row in found} == {"contract"}


def test_a_negotiated_price_replaces_one_unit_and_a_discount_takes_off_the_rest() -> None:
    """20 tokens out at 4 instead of 10 million pico-USD; a search at $0.01 less half: never both on one unit."""
    terms = [term(UnitPrices({OUT: 4_000_000})), term(HALF)]
    [row] = costed([used(out=20, searches=1)], *terms)
    assert row["cost_pico_usd"] == 20 * 4_000_000 + 10**10 // 2
    assert row["list_cost_pico_usd"] == 20 * 10_000_000 + 10**10


def test_a_contract_prices_what_the_price_book_does_not_know() -> None:
    rows = [used(out=20, model="house-7b", price_id=None, list_cost_pico_usd=None)]
    terms = [term(UnitPrices({OUT: 3}), models="house-*")]
    assert costs(costed(rows, *terms)) == [60]
    rows = [rows[0] | {"images": 1}]
    [row] = costed(rows, *terms)
    assert (row["cost_pico_usd"], row["cost_source"], row["contract_id"]) == (None, None, None)


def test_a_term_holds_from_its_first_day_until_before_its_end() -> None:
    days = [NOVEMBER_1 + timedelta(days=number) for number in range(4)]
    half = term(HALF, valid_from=days[1], valid_to=days[3])
    assert costs(costed([used(day, out=1) for day in days], half)) == [10**7, 5 * 10**6, 5 * 10**6, 10**7]


def test_what_names_the_model_goes_before_what_names_all_of_them() -> None:
    """Of two discounts one alone counts: that of gpt-*, and that of the batch tier before both."""
    terms = [term(Discount(100_000)), term(Discount(200_000), models="gpt-*")]
    assert costs(costed([used(out=1)], *terms)) == [8_000_000]
    batch = term(Discount(300_000), service_tier="standard")
    assert choose([*terms, batch]).discount is batch
    assert not batch.concerns(["openai"], ["gpt-4o"], "batch")
    assert not terms[1].concerns(["anthropic"], ["gpt-4o"], "standard")


def test_the_first_searches_of_a_day_are_free_for_all_customers_together() -> None:
    """100 a day are free and 300 were made, one to two: 33 and 67 are free; the day after has a quota of its own."""
    second = NOVEMBER_1 + timedelta(days=1)
    rows = [used(searches=100), used(customer="acct_2", searches=200), used(second, searches=90)]
    found = costed(rows, quotas=[Quota(100)])
    assert costs(found) == [(100 - 33) * 10**10, (200 - 67) * 10**10, 0]
    assert {row["cost_source"] for row in found} == {"catalogue"}
    assert costs(costed(rows, quotas=[Quota(310, "month")])) == [0, 0, 80 * 10**10]
    # What has a negotiated price is not free beside it.
    own = term(UnitPrices({"search_requests": 1}))
    assert costs(costed(rows, own, quotas=[Quota(100)])) == [100, 200, 90]


def test_what_goes_beyond_a_commitment_costs_its_overage() -> None:
    """$6 + $6 of usage against $10: $2 are beyond it and cost 50 % more, shared out 1 to 2 on that day."""
    dollar, second = 100_000, NOVEMBER_1 + timedelta(days=1)  # 100,000 tokens out
    rows = [used(out=6 * dollar), used(second, out=2 * dollar), used(second, "acct_2", out=4 * dollar)]
    found = costed(rows, term(Commitment(10 * 10**12, 1_500_000), valid_from=NOVEMBER_1))
    extra = [333_333_333_333, 666_666_666_667]
    assert costs(found) == [6 * 10**12, 2 * 10**12 + extra[0], 4 * 10**12 + extra[1]]
    assert [row["cost_source"] for row in found] == ["catalogue", "contract", "contract"]


def test_what_is_missing_to_a_commitment_stands_at_the_months_end_once_it_is_over() -> None:
    """$6 of $10 in October, nothing in September; November is not over."""
    october = date(2026, 10, 5)
    committed = term(Commitment(10 * 10**12), valid_from=date(2026, 9, 1))
    found = costed([used(october, out=600_000), used(out=1)], committed)
    ends = [
        (row["day"], row["cost_pico_usd"], row["customer_ref"], row["events"]) for row in found if not row["events"]
    ]
    assert ends == [(date(2026, 9, 30), 10 * 10**12, None, 0), (date(2026, 10, 31), 4 * 10**12, None, 0)]
    assert shortfalls(committed, [], as_of=date(2026, 9, 30)) == {}


def test_credits_pay_for_the_oldest_usage_and_the_one_that_ends_first_goes_first() -> None:
    """$3 a day for three days. $4 that end on the third day go first, then $3 of the others: $2 of the third stay."""
    days = [NOVEMBER_1 + timedelta(days=number) for number in range(3)]
    ending = term(Credit(4 * 10**12), "startup", valid_to=days[2], term_id="a")
    lasting = term(Credit(3 * 10**12), "promised", term_id="b")
    found = costed([used(day, out=300_000) for day in days], lasting, ending)
    paid = [(row["day"], row["contract_id"], row["cost_pico_usd"]) for row in found if row["events"] == 0]
    assert paid == [
        (days[0], "startup", -3 * 10**12),
        (days[1], "startup", -1 * 10**12),
        (days[1], "promised", -2 * 10**12),
        (days[2], "promised", -1 * 10**12),
    ]
    assert sum(row["cost_pico_usd"] for row in found) == (9 - 7) * 10**12


amounts = st.integers(0, 10**13)
day_costs = st.builds(DayCost, st.dates(date(2026, 10, 1), date(2026, 12, 31)), amounts, amounts)


@given(st.lists(day_costs, max_size=12, unique_by=lambda day: day.day), amounts)
def test_a_credit_never_pays_more_than_it_is_nor_a_day_more_than_it_cost(days: list[DayCost], granted: int) -> None:
    own = [term(Credit(granted // 2 + 1), term_id="a"), term(Credit(granted + 1), term_id="b")]
    used_up = use_credits(own, days)
    owed = sum(day.reported_pico_usd + day.other_pico_usd for day in days)
    assert sum(paid for _, _, paid in used_up) == min(owed, granted // 2 + 1 + granted + 1)
    for day in days:
        assert sum(paid for on, _, paid in used_up if on == day.day) <= day.reported_pico_usd + day.other_pico_usd


@given(st.lists(day_costs, max_size=12, unique_by=lambda day: day.day), st.integers(1, 10**13), st.randoms())
def test_a_commitment_is_met_or_made_up_for_whatever_the_order(
    days: list[DayCost], minimum: int, dice: random.Random
) -> None:
    """Usage and shortfall come to the minimum at least; at an overage of twice the price what is beyond is charged again."""
    committed = term(Commitment(minimum, 2_000_000), valid_from=date(2026, 10, 1), valid_to=date(2027, 1, 1))
    missing = shortfalls(committed, days, as_of=date(2027, 1, 1))
    extra = overages(committed, days)
    shuffled = dice.sample(days, len(days))
    assert (overages(committed, shuffled), shortfalls(committed, shuffled, as_of=date(2027, 1, 1))) == (extra, missing)
    for month in (10, 11, 12):
        reported = sum(day.reported_pico_usd for day in days if day.day.month == month)
        spent = reported + sum(day.other_pico_usd for day in days if day.day.month == month)
        short = sum(amount for day, amount in missing.items() if day.month == month)
        assert spent + short == max(spent, minimum)
        beyond = sum(amount for day, amount in extra.items() if day.month == month)
        assert max(0, spent - minimum) - reported <= beyond <= max(0, spent - minimum)


rows_of_a_month = st.lists(
    st.builds(
        lambda day, customer, out, searches, feature: used(
            NOVEMBER_1 + timedelta(days=day), customer, out=out, searches=searches, feature=feature
        ),
        st.integers(0, 5),
        st.sampled_from(["acct_1", "acct_2", "acct_3"]),
        st.integers(0, 3_000),
        st.integers(0, 50),
        st.sampled_from([None, "chat", "search"]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: (row["day"], row["customer_ref"], row["feature"]),
)


@settings(max_examples=30, deadline=None)
@given(rows_of_a_month, st.randoms())
def test_every_sum_of_a_contract_is_exact_and_the_order_of_rows_decides_nothing(
    rows: list[Row], dice: random.Random
) -> None:
    """Tokens out by tiers, searches beyond 20 a day at a third off: days are added up by hand and hold to the pico-USD."""
    terms = [term(VolumeTiers(OUT, STEPS)), term(Discount(333_333))]
    quotas = [Quota(20)]
    found = costed(rows, *terms, quotas=quotas)
    assert costed(dice.sample(rows, len(rows)), *terms, quotas=quotas) == found
    reached = 0
    for day in sorted({row["day"] for row in rows}):
        of_day = [row for row in rows if row["day"] == day]
        tokens, searches = (sum(row[name] for row in of_day) for name in (OUT, "search_requests"))
        charged = max(0, searches - 20) * 10**10
        expected = graduated_pico_usd(STEPS, reached, tokens) + (charged * 666_667 + 500_000) // 1_000_000
        assert sum(row["cost_pico_usd"] for row in found if row["day"] == day) == expected
        reached += tokens
    assert all(0 <= row["cost_pico_usd"] <= row["list_cost_pico_usd"] for row in found)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (term(Discount(0)), "at most 100 %"),
        (term(UnitPrices({"tokens": 1})), "no unit tokens"),
        (term(UnitPrices({OUT: -1})), "at 0 or more"),
        (term(VolumeTiers(OUT, ((10, 5),))), "the last one has no end"),
        (term(VolumeTiers(OUT, ((10, 5), (10, 4), (None, 3)))), "rise step by step"),
        (term(Commitment(5), valid_from=date(2026, 1, 2)), "2026-01-02 is not the first day"),
        (term(Credit(0)), "above 0"),
        (term(Credit(5), models="gpt-*"), "leave the model at *"),
        (term(HALF, valid_to=date(2025, 1, 1)), "choose a later end"),
        (term(HALF, contract_id=" "), "the name of its contract"),
    ],
)
def test_a_term_that_means_nothing_is_refused_with_what_to_change(given: Term, sentence: str) -> None:
    with pytest.raises(TermRefused, match=sentence.replace("*", r"\*")):
        check(given)
