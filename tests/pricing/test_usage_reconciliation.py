"""Log and bill side by side: the parts of every gap sum to it, and injected faults are told apart."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.usage_reconciliation import Billed, Cause, Logged, Variance, matched_and_compared, reconcile
from tests.pricing.injected_faults import INJECTED, Fault, Month, faulty_month, without_quantities

DOLLAR = 10**12
DAY = date(2026, 10, 5)
INPUT, OUTPUT = "input_uncached_tokens", "output_text_tokens"


def logged(
    cost: int, *, quantity: int = 1_000_000, unit: str = INPUT, day: date = DAY, model: str | None = "gpt"
) -> Logged:
    return Logged(day=day, provider="openai", model=model, unit=unit, quantity=quantity, cost_pico_usd=cost)


def billed(
    cost: int, quantity: int | None = 1_000_000, *, unit: str | None = INPUT, day: date = DAY, **given: Any
) -> Billed:
    fields: dict[str, Any] = {"model": "gpt"} | given
    return Billed(day=day, provider="openai", unit=unit, quantity=quantity, cost_pico_usd=cost, **fields)


def causes(found: Iterable[Variance]) -> dict[Cause, int]:
    sums: dict[Cause, int] = defaultdict(int)
    for each in found:
        assert sum(part.pico_usd for part in each.parts) == each.gap_pico_usd
        for part in each.parts:
            sums[part.cause] += part.pico_usd
    return dict(sums)


def days_of(count: int) -> list[date]:
    return [DAY + timedelta(days=place) for place in range(count)]


def test_what_agrees_has_no_gap() -> None:
    assert causes(reconcile([logged(3 * DOLLAR)], [billed(3 * DOLLAR)])) == {}


def test_a_dearer_price_is_price_and_more_units_are_quantity() -> None:
    """Input: 1 M at $3.00 logged, 1 M at $3.30 billed: $0.30 of price. Output: 100 k at $1.50 logged, 160 k billed: $0.90 of quantity."""
    log = [logged(3 * DOLLAR), logged(3 * DOLLAR // 2, quantity=100_000, unit=OUTPUT)]
    bill = [billed(33 * DOLLAR // 10), billed(24 * DOLLAR // 10, 160_000, unit=OUTPUT)]
    assert causes(reconcile(log, bill)) == {Cause.PRICE: 3 * DOLLAR // 10, Cause.QUANTITY: 9 * DOLLAR // 10}


def test_a_unit_that_the_log_does_not_keep_is_missing_with_or_without_a_model() -> None:
    """The case of a real bill: a quarter of it was grounded searches, which no log had."""
    for model in ("gpt", None):
        bill = [billed(3 * DOLLAR), billed(DOLLAR, 100, unit="search_requests", model=model)]
        assert causes(reconcile([logged(3 * DOLLAR)], bill)) == {Cause.MISSING_UNIT: DOLLAR}


def test_searches_that_the_log_has_by_model_are_put_together_where_the_bill_names_none() -> None:
    log = [logged(DOLLAR, quantity=100, unit="search_requests", model=model) for model in ("a", "b")]
    assert causes(reconcile(log, [billed(2 * DOLLAR, 200, unit="search_requests", model=None)])) == {}


def test_calls_past_the_log_are_missing_traffic_and_calls_logged_twice_are_duplicates() -> None:
    """Both units at 80 % of the bill, or at 200 % of it."""
    bill = [billed(3 * DOLLAR, day=day) for day in days_of(5)]
    bill += [billed(DOLLAR, 100_000, unit=OUTPUT, day=day) for day in days_of(5)]

    def log(tenths: int) -> list[Logged]:
        days = {day: tenths if day == DAY else 10 for day in days_of(5)}
        both = [logged(3 * DOLLAR * share // 10, quantity=100_000 * share, day=day) for day, share in days.items()]
        return both + [
            logged(DOLLAR * share // 10, quantity=10_000 * share, unit=OUTPUT, day=day) for day, share in days.items()
        ]

    assert causes(reconcile(log(8), bill)) == {Cause.MISSING_TRAFFIC: 8 * DOLLAR // 10}
    assert causes(reconcile(log(20), bill)) == {Cause.DUPLICATE: -4 * DOLLAR}
    assert causes(reconcile(log(0), bill)) == {Cause.MISSING_TRAFFIC: 4 * DOLLAR}


def test_a_model_that_the_log_never_saw_is_missing_traffic() -> None:
    assert causes(reconcile([logged(DOLLAR)], [billed(DOLLAR), billed(DOLLAR, model="other")])) == {
        Cause.MISSING_TRAFFIC: DOLLAR
    }


def test_what_stands_on_the_next_days_bill_is_timing_and_sums_to_nothing() -> None:
    log = [logged(3 * DOLLAR, day=day) for day in days_of(6)]
    amounts = [3, 2, 4, 3, 3, 3]
    bill = [billed(d * DOLLAR, d * 1_000_000 // 3, day=day) for d, day in zip(amounts, days_of(6), strict=True)]
    found = reconcile(log, bill)
    assert [part.cause for each in found for part in each.parts if part.cause is not Cause.TOLERANCE] == [
        Cause.TIMING
    ] * 2
    assert abs(sum(causes(found).values())) == 0


def test_a_last_day_that_is_not_whole_yet_is_timing_and_no_duplicate() -> None:
    log = [logged(3 * DOLLAR, day=day) for day in days_of(4)]
    bill = [billed(3 * DOLLAR, day=day) for day in days_of(3)] + [billed(2 * DOLLAR, 666_667, day=days_of(4)[3])]
    assert set(causes(reconcile(log, bill))) <= {Cause.TIMING, Cause.TOLERANCE}
    assert causes(reconcile(log, bill))[Cause.TIMING] < 0


def test_the_providers_own_exchange_rate_is_told_apart() -> None:
    """Billed at $3.09; at the rate of the day it is $3.00."""
    assert causes(reconcile([logged(3 * DOLLAR)], [billed(309 * DOLLAR // 100, dated_pico_usd=3 * DOLLAR)])) == {
        Cause.FX: 9 * DOLLAR // 100
    }


def test_credits_are_price_tax_is_left_out_and_usage_without_a_price_is_price() -> None:
    log = [logged(0), logged(3 * DOLLAR, model="b")]
    bill = [billed(DOLLAR), billed(3 * DOLLAR, model="b")]
    bill += [billed(-DOLLAR // 4, None, unit=None, model=None, charge_category="credit")]
    bill += [billed(DOLLAR, None, unit=None, model=None, charge_category="tax")]
    assert causes(reconcile(log, bill)) == {Cause.PRICE: DOLLAR - DOLLAR // 4}


def test_thinking_is_billed_as_output_and_snapshots_are_their_alias() -> None:
    log = [logged(DOLLAR, quantity=600, unit=OUTPUT), logged(DOLLAR, quantity=400, unit="reasoning_tokens")]
    bill = [billed(2 * DOLLAR, 1_000, unit=OUTPUT, model="gpt-2026-01-01")]
    assert causes(reconcile(log, bill, model_name=lambda _, model: str(model)[:3])) == {}


def test_only_days_that_have_a_bill_are_compared() -> None:
    log = [logged(3 * DOLLAR, day=day) for day in days_of(9)]
    found = reconcile(log, [billed(3 * DOLLAR, day=day) for day in days_of(9)[2:5]])
    assert [each.day for each in found] == days_of(9)[2:5]


def test_log_and_bill_are_matched_model_by_model() -> None:
    """The worked example: $90 and $30 logged, $100 and $20 billed: 110 of 130."""
    log = [logged(90 * DOLLAR), logged(30 * DOLLAR, model="b")]
    bill = [billed(100 * DOLLAR), billed(20 * DOLLAR, model="b")]
    assert matched_and_compared(reconcile(log, bill)) == {(date(2026, 10, 1), "openai"): (110 * DOLLAR, 130 * DOLLAR)}


CELLS = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(["a", "b", None]), st.sampled_from([INPUT, OUTPUT, "requests", None]),
        st.integers(0, 10**7), st.integers(0, 10**13),
    ), max_size=25,
)  # fmt: skip


@given(log=CELLS, bill=CELLS, dated=st.integers(0, 10**13))
def test_the_parts_of_every_cell_sum_to_its_gap_and_no_money_is_lost(
    log: list[Any], bill: list[Any], dated: int
) -> None:
    ours = [
        logged(cost, quantity=quantity, unit=unit, day=days_of(6)[day], model=model)
        for day, model, unit, quantity, cost in log
    ]
    theirs = [
        billed(cost, quantity if place % 3 else None, unit=unit, day=days_of(6)[day], model=model,
               dated_pico_usd=dated if place % 5 == 0 else None)
        for place, (day, model, unit, quantity, cost) in enumerate(bill)
    ]  # fmt: skip
    found = reconcile(ours, theirs)
    causes(found)
    priced = [line.day for line in theirs if line.cost_pico_usd]
    assert sum(each.billed_pico_usd for each in found) == sum(line.cost_pico_usd for line in theirs)
    within = [one for one in ours if priced and min(priced) <= one.day <= max(priced)]
    assert sum(each.logged_pico_usd for each in found) == sum(one.cost_pico_usd for one in within)


CASES = 300


@dataclass
class Judged:
    """How many faults were told as what they are, and as what the others."""

    table: dict[Cause, Counter[str]] = field(default_factory=lambda: {cause: Counter() for cause in INJECTED})
    right: int = 0
    amounts: int = 0
    total: int = 0

    def judge(self, month: Month, bill: list[Billed]) -> None:
        """Each fault against the causes with the most money in its cells: as many of these as it shares the cells with."""
        found = reconcile(month.logged, bill)
        for fault in month.faults:
            sums = sums_of(found, fault)
            sharing = sum(other.model == fault.model and other.cause is not Cause.FX for other in month.faults)
            told = [cause for cause, _ in sums.most_common(max(1, sharing))]
            others = [cause for cause in told if cause not in {each.cause for each in month.faults}]
            word = fault.cause.value if fault.cause in told else others[0].value if others else "nothing"
            self.table[fault.cause][word] += 1
            self.total += 1
            self.right += fault.cause in told
            self.amounts += abs(sums[fault.cause] - fault.moved_pico_usd) * 10 <= fault.moved_pico_usd

    def show(self, title: str) -> None:
        """Rows: what was injected; columns: what it was told as."""
        columns = [cause.value for cause in INJECTED] + ["nothing"]
        print(f"\n{title}\n" + " " * 16 + "".join(f"{name:>16}" for name in columns))
        for cause, row in self.table.items():
            print(f"{cause.value:<16}" + "".join(f"{row[name] or '.':>16}" for name in columns))
        share = self.right / self.total
        print(
            f"{self.right} of {self.total} faults told as what they are ({share:.1%}), {self.amounts} with their amount within a tenth"
        )


def sums_of(found: Iterable[Variance], fault: Fault) -> Counter[Cause]:
    """Money by cause in the fault's cells; the exchange rate is of every line, so it is judged apart from the others."""
    sums: Counter[Cause] = Counter()
    for each in found:
        for part in each.parts:
            is_rate = part.cause is Cause.FX
            is_of_it = is_rate if fault.cause is Cause.FX else each.model == fault.model and not is_rate
            if part.cause is not Cause.TOLERANCE and is_of_it:
                sums[part.cause] += abs(part.pico_usd)
    return sums


def test_injected_faults_are_told_apart_in_95_of_100_cases() -> None:
    """300 months with one to three faults each, always the same ones by the seed; the amounts must be right as well."""
    dice, judged, blind = random.Random(2026), Judged(), Judged()
    for _ in range(CASES):
        month = faulty_month(dice)
        judged.judge(month, month.billed)
        blind.judge(month, without_quantities(month.billed))
    judged.show("bills with quantities")
    blind.show("bills of money alone")
    assert judged.total > 500
    assert all(sum(row.values()) > 40 for row in judged.table.values())
    assert judged.right >= 0.95 * judged.total
    assert judged.amounts >= 0.9 * judged.total
    # Without quantities a dearer price and more usage look alike where they come and go together; the rest is still told.
    assert blind.right >= 0.75 * blind.total
