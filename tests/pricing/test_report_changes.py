"""What changed in a locked month: each cause is told apart, and the parts sum to the change to the cent."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.margin import cost_minor, margin_share
from pricing.money import NANO
from pricing.report_changes import CAUSES, Part, Totals, explain
from pricing.report_ledger import CostFact, Ledger, RevenueFact

DOLLAR = 10**12
SALE = RevenueFact(
    customer_id="cus_a", invoice_id="in_1", invoice_number="A-1", source_id="il_1", kind="line", currency="usd",
    amount_minor=1_000_00, rate_nano=NANO, reporting_minor=1_000_00,
)  # fmt: skip
CALLS = CostFact(
    customer_ref="acct_a", customer_id="cus_a", provider="openai", model="gpt-4o", service_tier="standard", price_key="p1",
    cost_source="catalogue", contract_id=None, events=10, quantities={"input_uncached_tokens": 1_000_000}, cost_pico_usd=300 * DOLLAR,
)  # fmt: skip


def ledger(*facts: RevenueFact | CostFact, version: str = "1", rate_nano: int = NANO) -> Ledger:
    return Ledger(
        month=date(2026, 10, 1), currency="usd", definitions_version=version, usd_rate_nano=rate_nano,
        revenue=tuple(fact for fact in facts if isinstance(fact, RevenueFact)),
        costs=tuple(fact for fact in facts if isinstance(fact, CostFact)),
    )  # fmt: skip


def totals(of: Ledger) -> Totals:
    """What a report states: the sums of its facts, cost rounded once."""
    net = sum(fact.counted_minor for fact in of.revenue)
    cost = cost_minor(sum(fact.cost_pico_usd or 0 for fact in of.costs), "usd", of.usd_rate_nano)
    return Totals(net_revenue_minor=net, cost_minor=cost, margin=margin_share(net, cost))


def changes(then: Ledger, now: Ledger) -> dict[str, Part]:
    parts = explain(then, now, totals(then), totals(now))
    return {part.cause: part for part in parts}


def amounts(then: Ledger, now: Ledger) -> dict[str, tuple[int, int]]:
    return {cause: (part.revenue_minor, part.cost_minor) for cause, part in changes(then, now).items()}


def test_nothing_changed_has_no_parts() -> None:
    assert changes(ledger(SALE, CALLS), ledger(SALE, CALLS)) == {}


def test_more_usage_at_the_same_price_is_late_usage() -> None:
    late = replace(CALLS, events=12, quantities={"input_uncached_tokens": 1_200_000}, cost_pico_usd=360 * DOLLAR)
    assert amounts(ledger(SALE, CALLS), ledger(SALE, late)) == {"late_usage": (0, 60_00)}


def test_the_same_usage_at_another_price_is_a_price_correction() -> None:
    corrected = replace(CALLS, price_key="p2", cost_pico_usd=331 * DOLLAR)
    found = changes(ledger(SALE, CALLS), ledger(SALE, corrected))["price_correction"]
    assert (found.cost_minor, found.details[0].subject) == (31_00, "openai/gpt-4o")
    # 70.0 % became (1000 - 331) / 1000 = 66.9 %: 3.1 points less.
    assert found.margin == Fraction(-31, 1000)


def test_a_price_corrected_for_half_the_month_is_no_late_usage() -> None:
    half = {"input_uncached_tokens": 500_000}
    before = replace(CALLS, quantities=half, cost_pico_usd=150 * DOLLAR)
    after = replace(before, price_key="p2", cost_pico_usd=200 * DOLLAR)
    assert amounts(ledger(SALE, CALLS), ledger(SALE, before, after)) == {"price_correction": (0, 50_00)}


def test_late_usage_and_a_price_correction_at_once_are_told_apart() -> None:
    """200,000 of 1,200,000 tokens came late: 1/6 of $420 is $70; the other $350 instead of $300 are the price's $50."""
    both = replace(CALLS, price_key="p2", quantities={"input_uncached_tokens": 1_200_000}, cost_pico_usd=420 * DOLLAR)
    assert amounts(ledger(SALE, CALLS), ledger(SALE, both)) == {
        "late_usage": (0, 70_00),
        "price_correction": (0, 50_00),
    }


def test_a_price_that_was_missing_and_is_there_now_is_a_price_correction() -> None:
    unpriced = replace(CALLS, price_key=None, cost_source=None, cost_pico_usd=None)
    assert amounts(ledger(SALE, unpriced), ledger(SALE, CALLS)) == {"price_correction": (0, 300_00)}


def test_what_a_bill_has_beyond_the_usage_is_the_bill() -> None:
    bill = CostFact(
        customer_ref=None, customer_id=None, provider="google", model=None, service_tier=None, price_key=None,
        cost_source="invoice", contract_id=None, events=0, quantities={}, cost_pico_usd=212 * DOLLAR,
    )  # fmt: skip
    found = changes(ledger(SALE, CALLS), ledger(SALE, CALLS, bill))["provider_bill"]
    assert (found.cost_minor, found.details[0].subject) == (212_00, "google")


def test_a_cost_that_the_provider_reports_replaces_ours_as_its_bill() -> None:
    reported = replace(CALLS, cost_source="reported", cost_pico_usd=290 * DOLLAR)
    assert amounts(ledger(SALE, CALLS), ledger(SALE, reported)) == {"provider_bill": (0, -10_00)}


def test_a_contract_is_a_contract_term() -> None:
    agreed = replace(CALLS, cost_source="contract", contract_id="c1", cost_pico_usd=270 * DOLLAR)
    assert amounts(ledger(SALE, CALLS), ledger(SALE, agreed)) == {"contract_term": (0, -30_00)}


def test_refunds_credits_and_disputes_are_money_back() -> None:
    refund = replace(SALE, source_id="re_1", kind="refund", amount_minor=50_00, reporting_minor=50_00)
    lost = replace(SALE, source_id="dp_1", kind="dispute", amount_minor=7_00, reporting_minor=7_00)
    assert amounts(ledger(SALE, CALLS), ledger(SALE, refund, lost, CALLS)) == {"money_back": (-57_00, 0)}


def test_an_invoice_written_off_takes_its_refund_along() -> None:
    refund = replace(SALE, source_id="re_1", kind="refund", amount_minor=50_00, reporting_minor=50_00)
    other = replace(SALE, source_id="il_2", invoice_id="in_2", invoice_number="A-2")
    then, now = ledger(SALE, refund, other, CALLS), ledger(other, CALLS)
    assert amounts(then, now) == {"invoice_changed": (-1_000_00 + 50_00, 0)}


def test_another_rate_for_the_same_amount_is_the_exchange_rate() -> None:
    euros = replace(SALE, currency="eur", rate_nano=1_080_000_000, reporting_minor=1_080_00)
    again = replace(euros, rate_nano=1_100_000_000, reporting_minor=1_100_00)
    assert amounts(ledger(euros, CALLS), ledger(again, CALLS)) == {"exchange_rate": (20_00, 0)}


def test_another_rate_of_the_dollar_moves_the_cost_by_the_exchange_rate() -> None:
    then, now = ledger(SALE, CALLS), ledger(SALE, CALLS, rate_nano=900_000_000)
    assert amounts(then, now) == {"exchange_rate": (0, -30_00)}


def test_a_name_that_belongs_to_somebody_else_now_moves_no_total() -> None:
    found = changes(ledger(SALE, CALLS), ledger(SALE, replace(CALLS, customer_id="cus_b")))["customer_mapping"]
    assert (found.revenue_minor, found.cost_minor, found.margin) == (0, 0, 0)
    assert (found.details[0].subject, found.details[0].amount_minor) == ("acct_a: cus_a to cus_b", 300_00)


def test_the_same_line_counted_otherwise_under_a_new_version_is_the_definition() -> None:
    then, now = (
        ledger(SALE, CALLS),
        ledger(replace(SALE, amount_minor=900_00, reporting_minor=900_00), CALLS, version="2"),
    )
    assert amounts(then, now) == {"definition": (-100_00, 0)}


def test_a_new_figure_beyond_the_facts_is_the_definition() -> None:
    """Version 2 counts $12 of hosting that no fact of the ledger speaks of."""
    then, now = ledger(SALE, CALLS), ledger(SALE, CALLS, version="2")
    wider = replace(totals(now), cost_minor=312_00, margin=Fraction(688, 1000))
    assert [(part.cause, part.cost_minor) for part in explain(then, now, totals(then), wider)] == [
        ("definition", 12_00)
    ]


sources = st.sampled_from(["catalogue", "contract", "reported", "invoice"])
costs = st.builds(
    lambda ref, who, model, key, source, contract, events, tokens, pico: CostFact(
        customer_ref=ref, customer_id=who, provider="openai", model=model, service_tier=None, price_key=key, cost_source=source,
        contract_id=contract, events=events, quantities={"requests": tokens} if tokens else {}, cost_pico_usd=pico,
    ),
    st.sampled_from(["a", "b"]), st.sampled_from(["cus_a", None]), st.sampled_from(["m", "n"]), st.sampled_from(["p", "q"]), sources,
    st.sampled_from([None, "c"]), st.integers(0, 3), st.integers(0, 10**6), st.none() | st.integers(-(10**13), 10**15),
)  # fmt: skip
revenue = st.builds(
    lambda source, invoice, kind, minor, rate: replace(
        SALE, source_id=source, invoice_id=invoice, kind=kind, amount_minor=minor, reporting_minor=None if rate is None else minor * rate // NANO,
    ),
    st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(["in_1", "in_2"]), st.sampled_from(["line", "discount", "refund", "credit"]),
    st.integers(-(10**6), 10**7), st.sampled_from([None, NANO, 1_080_000_000]),
)  # fmt: skip
CostKey = tuple[Any, ...]


def _key(fact: CostFact) -> CostKey:
    return fact.customer_ref, fact.model, fact.price_key, fact.cost_source, fact.contract_id


ledgers = st.builds(
    lambda sold, spent, version, rate: ledger(*sold, *spent, version=version, rate_nano=rate),
    st.lists(revenue, max_size=5, unique_by=lambda fact: (fact.source_id, fact.kind)),
    st.lists(costs, max_size=6, unique_by=_key),
    st.sampled_from(["1", "2"]),
    st.sampled_from([NANO, 917_431_193]),
)


@given(ledgers, ledgers)
def test_parts_sum_to_the_change_of_revenue_cost_and_margin(then: Ledger, now: Ledger) -> None:
    before, after = totals(then), totals(now)
    parts = explain(then, now, before, after)
    assert [part.cause for part in parts] == [cause for cause in CAUSES if cause in {part.cause for part in parts}]
    assert before.net_revenue_minor is not None
    assert after.net_revenue_minor is not None
    assert before.net_revenue_minor + sum(part.revenue_minor for part in parts) == after.net_revenue_minor
    assert before.cost_minor is not None
    assert before.cost_minor + sum(part.cost_minor for part in parts) == after.cost_minor
    points = [part.margin for part in parts]
    if before.margin is not None and after.margin is not None and None not in points:
        assert before.margin + sum((point for point in points if point is not None), Fraction(0)) == after.margin
