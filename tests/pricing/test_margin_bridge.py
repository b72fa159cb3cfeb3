"""What moved the margin: a worked example, and for any two periods parts that sum to the change to the cent and to the point."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pricing.margin_bridge import PARTS, Bridge, CustomerPeriod, Period, bridge, tenths, whole_parts
from pricing.money import divide_half_away
from pricing.revenue_drivers import Billed
from tests.pricing.test_cost_drivers import SONNET, cells, model

DOLLAR = 10**12
CENTS = Fraction(1, 10**10)  # a US cent is 10^10 pico-USD
SEAT = 10**6


def period(
    customers: Mapping[str | None, CustomerPeriod],
    *,
    rate: Fraction = CENTS,
    unreconciled: int = 0,
    contracts: int = 0,
    off_minor: int = 0,
) -> Period:
    """Books whose sums follow from the customers; `off_minor` is what rounding each of several months makes of the cost."""
    net = sum(
        sum(each.reporting_minor for each in customer.streams.values()) - customer.money_back_minor
        for customer in customers.values()
    )
    pico = (
        unreconciled
        + contracts
        + sum(cell.cost_pico_usd for customer in customers.values() for cell in customer.cells.values())
    )
    cost = pico * rate
    return Period(
        customers=customers,
        unreconciled_pico_usd=unreconciled,
        contracts_pico_usd=contracts,
        minor_per_pico_usd=rate,
        net_revenue_minor=net,
        cost_minor=divide_half_away(cost.numerator, cost.denominator) + off_minor,
    )


def known(before: Period, after: Period) -> Bridge:
    found = bridge(before, after)
    assert found is not None
    return found


def parts(before: Period, after: Period) -> dict[str, int]:
    return {step.part: step.profit_minor for step in known(before, after).steps if step.profit_minor}


def plan(seats: int, each_minor: int) -> dict[str, Billed]:
    return {"plan": Billed(seats * SEAT, seats * each_minor, seats * each_minor)}


def test_the_worked_example() -> None:
    """docs/metrics.md: gross profit from 289.00 to 265.25, margin from 96.3 % to 79.4 %.

    Acme: 5 seats at 40.00 become 6 at 40.00: quantity +40.00. Its 1,000 requests at $4.50 become 2,000 on a model of five times
    the price: $45.00. Alone volume adds 4.50 and mix 18.00, the 18.00 they make together they share: 13.50 and 27.00.
    Beta leaves with 100.00 of revenue and no usage; Gamma comes with 99.00 and $4.50 of usage, and 5.00 go back to Acme. The
    provider's bill was $6.50 above the usage in the first month and $19.25 in the second.
    """
    sonnet, opus = model(1_000, 1_000, 0, 100), {bucket: 5 * price for bucket, price in SONNET.items()}
    before = period(
        {
            "acme": CustomerPeriod(plan(5, 40_00), cells={"sonnet": sonnet}),
            "beta": CustomerPeriod(plan(1, 100_00)),
            None: CustomerPeriod(),
        },
        unreconciled=650 * DOLLAR // 100,
    )
    after = period(
        {
            "acme": CustomerPeriod(plan(6, 40_00), 5_00, {"opus": model(2_000, 1_000, 0, 100, opus)}),
            "gamma": CustomerPeriod(plan(1, 99_00), cells={"sonnet": sonnet}),
            None: CustomerPeriod(),
        },
        unreconciled=1925 * DOLLAR // 100,
    )
    assert (before.net_revenue_minor, before.cost_minor) == (300_00, 4_50 + 6_50)
    assert (after.net_revenue_minor, after.cost_minor) == (334_00, 45_00 + 4_50 + 19_25)
    assert parts(before, after) == {
        "customers_gained": 99_00 - 4_50,
        "customers_lost": -100_00,
        "revenue_quantity": 40_00,
        "money_back": -5_00,
        "usage_volume": -13_50,
        "model_mix": -27_00,
        "unreconciled": -12_75,
    }
    moved = known(before, after).steps
    assert before.share is not None
    assert after.share is not None
    assert sum(step.points or 0 for step in moved) == after.share - before.share
    shown = tenths([step.points or Fraction() for step in moved], after.share - before.share)
    # Gained: 99.00 x (11.00 + 68.75) / (2 x 300.00 x 334.00) - 4.50 x (1/300.00 + 1/334.00) / 2 = 3.94 - 1.42 points.
    assert dict(zip(PARTS, shown, strict=True))["customers_gained"] == 25
    assert sum(shown) == -169


def test_a_cost_in_another_currency_moves_with_the_rate() -> None:
    """$4.50 at 0.90 euro, then at 1.00: 0.45 more for the same usage."""
    customer = {"acme": CustomerPeriod(plan(1, 40_00), cells={"s": model(1_000, 1_000, 0, 100)})}
    assert parts(period(customer, rate=CENTS * 9 / 10), period(customer)) == {"exchange_rate": -45}


def test_a_commitments_shortfall_is_the_contracts_and_not_a_gap_of_the_bill() -> None:
    """$30 were missing to a commitment, then $5 of credit came: $35 less."""
    assert parts(period({}, contracts=30 * DOLLAR), period({}, contracts=-5 * DOLLAR)) == {"commitments": 35_00}


def test_what_belongs_to_nobody_is_neither_gained_nor_lost() -> None:
    usage = {None: CustomerPeriod(cells={"s": model(1_000, 1_000, 0, 100)})}
    assert parts(period({}), period(usage)) == {"usage_volume": -4_50}


def test_unknown_revenue_has_no_bridge_and_nothing_sold_no_points() -> None:
    unknown = Period(customers={}, minor_per_pico_usd=CENTS, net_revenue_minor=None, cost_minor=0)
    assert bridge(unknown, period({})) is None
    nothing = period({"acme": CustomerPeriod(cells={"s": model(1_000, 1_000, 0, 100)})})
    assert {step.points for step in known(nothing, period({})).steps} == {None}


def test_a_remainder_goes_where_most_was_cut_off() -> None:
    """1.4 + 1.3 + 0.3 = 3: down to 1 + 1 + 0, and the one left over to 0.4."""
    assert whole_parts([Fraction(14, 10), Fraction(13, 10), Fraction(3, 10)], 3) == [2, 1, 0]
    assert whole_parts([Fraction(-14, 10), Fraction(-13, 10), Fraction(-3, 10)], -3) == [-2, -1, 0]


def test_a_part_of_nothing_gets_no_cent() -> None:
    assert whole_parts([Fraction(0), Fraction(1, 2), Fraction(0)], 2) == [0, 2, 0]


money = st.integers(-(10**7), 10**9)
billed = st.builds(Billed, st.integers(0, 10**10), money, money)
customers = st.builds(
    CustomerPeriod,
    st.dictionaries(st.sampled_from(["plan", "usage"]), billed, max_size=2),
    st.integers(0, 10**6),
    st.dictionaries(st.sampled_from(["a", "b"]), cells(), max_size=2),
)
periods = st.builds(
    lambda held, rate, unreconciled, off: period(
        held, rate=rate, unreconciled=unreconciled, contracts=-unreconciled // 3, off_minor=off
    ),
    st.dictionaries(st.sampled_from(["cus_a", "cus_b", None]), customers, max_size=3),
    st.fractions(Fraction(1, 10**11), Fraction(1, 10**9), max_denominator=10**12),
    st.integers(-(10**14), 10**14),
    st.integers(-3, 3),
)


@given(periods, periods)
def test_parts_sum_to_the_change_to_the_cent_and_to_the_point(before: Period, after: Period) -> None:
    assert before.net_revenue_minor is not None
    assert after.net_revenue_minor is not None
    assert before.cost_minor is not None
    assert after.cost_minor is not None
    found = known(before, after)
    assert [step.part for step in found.steps] == list(PARTS)
    assert sum(step.revenue_minor for step in found.steps) == after.net_revenue_minor - before.net_revenue_minor
    assert sum(step.cost_minor for step in found.steps) == after.cost_minor - before.cost_minor
    if before.share is not None and after.share is not None:
        shares = [step.points for step in found.steps if step.points is not None]
        assert sum(shares) == after.share - before.share
        change = (after.share - before.share) * 1000
        assert sum(tenths(shares, sum(shares, Fraction()))) == divide_half_away(change.numerator, change.denominator)


@given(periods, periods)
def test_the_way_back_is_the_same_to_the_cent(before: Period, after: Period) -> None:
    """Who came has left on the way back; a cent may move where two parts lost as much in rounding."""
    there = {step.part: step.profit_minor for step in known(before, after).steps}
    back = {step.part: -step.profit_minor for step in known(after, before).steps}
    turned = {"customers_gained": "customers_lost", "customers_lost": "customers_gained"}
    assert all(abs(minor - back[turned.get(part, part)]) <= 6 for part, minor in there.items())  # type: ignore[arg-type] # a Part or its opposite
    exact = {cause[:3]: cause[3:] for cause in known(before, after).causes}
    opposite = {
        (turned.get(cause.part, cause.part), *cause[1:3]): (-cause.revenue_units, -cause.cost_units)
        for cause in known(after, before).causes
    }
    assert exact == opposite


@given(st.lists(st.fractions(-1000, 1000, max_denominator=1000), min_size=1), st.integers(-3, 3))
def test_whole_parts_sum_to_any_total(shares: list[Fraction], off: int) -> None:
    total = divide_half_away(sum(shares, Fraction()).numerator, sum(shares, Fraction()).denominator) + off
    whole = whole_parts(shares, total)
    assert sum(whole) == total
    assert all(abs(part - share) < 2 + abs(off) for part, share in zip(whole, shares, strict=True))


@given(periods, periods, periods)
def test_two_bridges_one_after_the_other_reach_as_far_as_one(first: Period, second: Period, third: Period) -> None:
    steps = [sum(step.profit_minor for step in known(old, new).steps) for old, new in pairwise((first, second, third))]
    assert sum(steps) == sum(step.profit_minor for step in known(first, third).steps)
