"""Charges in FOCUS: every requirement is met, and their effective cost is the cube's to the pico-dollar."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.focus import VERSIONS, BillingAccount, charges, columns
from pricing.usage import BUCKETS
from tests.pricing.focus_rules import MANDATORY, breaches

OCTOBER = BillingAccount("tenant-1", "Acme", date(2026, 10, 1), date(2026, 11, 1))
PRICES = {"input_uncached_tokens": 2_500_000, "cache_read_tokens": 1_250_000, "output_text_tokens": 10_000_000}


def cube_row(**given: Any) -> dict[str, Any]:
    """A day's usage of one customer at 2.50 / 1.25 / 10.00 USD a million, at list price unless the test says otherwise."""
    row: dict[str, Any] = dict.fromkeys(BUCKETS, 0) | {"requests": 3, "events": 3}
    row |= {f"{bucket}_pico_usd": PRICES.get(bucket) for bucket in BUCKETS}
    row |= {"day": date(2026, 10, 31), "provider": "openai", "model": "gpt-4o", "service_tier": None}
    row |= {"customer_id": "cus_1", "customer_name": "Zoë's", "customer_ref": "acct_1", "contract_id": None}
    row |= {"price_id": 7, "price_key": "openai/gpt-4o@2026-10-01 >200000", "cost_source": "catalogue"}
    row |= given
    listed = sum(row[bucket] * price for bucket, price in PRICES.items())
    return {"list_cost_pico_usd": listed, "cost_pico_usd": listed} | row


def reported(**given: Any) -> dict[str, Any]:
    nothing = {"price_id": None, "price_key": None, "list_cost_pico_usd": None}
    return cube_row(**nothing, **dict.fromkeys(f"{bucket}_pico_usd" for bucket in BUCKETS), **given)


def test_each_unit_is_a_charge_with_quantity_price_and_cost() -> None:
    """1,000 x 0.0000025 = 0.0025 USD in, 100 x 0.00001 = 0.001 USD out."""
    found = list(charges([cube_row(input_uncached_tokens=1000, output_text_tokens=100)], OCTOBER))
    assert breaches(found) == []
    assert [
        (row["SkuMeter"], row["ConsumedQuantity"], row["ListUnitPrice"], row["EffectiveCost"]) for row in found
    ] == [
        ("Input uncached tokens", 1000, Decimal("0.0000025"), Decimal("0.0025")),
        ("Output text tokens", 100, Decimal("0.00001"), Decimal("0.001")),
    ]
    first = found[0]
    assert (first["ChargePeriodStart"], first["ChargePeriodEnd"]) == ("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z")
    assert first["Tags"] == '{"customer_id": "cus_1", "customer_name": "Zoë\'s"}'
    assert (first["ProviderName"], first["x_Model"], first["x_CustomerId"]) == ("OpenAI", "gpt-4o", "cus_1")
    # When the price began is in the entry's name, and not in what FOCUS keeps the same over time.
    assert first["SkuPriceId"] == "openai/gpt-4o >200000/input_uncached_tokens"
    assert first["x_PriceKey"] == "openai/gpt-4o@2026-10-01 >200000"


def test_a_contract_s_cost_is_spread_over_the_units_by_their_list_cost() -> None:
    """0.0035 USD at list prices, 0.0030 by contract: 0.0030 x 25/35 and 0.0030 x 10/35, to the last pico-dollar."""
    row = cube_row(input_uncached_tokens=1000, output_text_tokens=100, cost_source="contract", cost_pico_usd=3 * 10**9)
    found = list(charges([row | {"contract_id": "deal"}], OCTOBER))
    assert breaches(found) == []
    assert [row["ContractedCost"] for row in found] == [Decimal("0.002142857143"), Decimal("0.000857142857")]
    assert sum(row["ListCost"] for row in found) == Decimal("0.0035")
    assert {row["x_ContractId"] for row in found} == {"deal"}


def test_a_cost_that_is_only_reported_is_its_own_price() -> None:
    [found] = charges([reported(cost_source="reported", cost_pico_usd=41)], OCTOBER)
    assert breaches([found]) == []
    assert found["BilledCost"] == found["ListUnitPrice"] == Decimal("0.000000000041")
    assert (found["ConsumedQuantity"], found["ConsumedUnit"]) == (3, "Requests")


def test_what_a_bill_has_beside_the_usage_is_an_adjustment_of_nobody() -> None:
    bill = reported(events=0, requests=0, customer_id=None, customer_name=None, cost_source="invoice", cost_pico_usd=-5)
    [found] = charges([bill], OCTOBER)
    assert breaches([found]) == []
    assert (found["ChargeCategory"], found["EffectiveCost"], found["Tags"]) == ("Adjustment", Decimal("-5E-12"), None)


def test_prices_finer_than_a_pico_dollar_are_summed_in_a_charge_of_their_own() -> None:
    """1,000 tokens came to 3 pico-dollars more than 1,000 x 2,500,000."""
    row = cube_row(input_uncached_tokens=1000)
    more = row["cost_pico_usd"] + 3
    found = list(charges([row | {"cost_pico_usd": more, "list_cost_pico_usd": more}], OCTOBER))
    assert breaches(found) == []
    assert [(each["ChargeCategory"], each["EffectiveCost"]) for each in found] == [
        ("Usage", Decimal("0.0025")),
        ("Adjustment", Decimal("3E-12")),
    ]


quantities = st.integers(0, 10**12)
rows = st.builds(
    cube_row,
    input_uncached_tokens=quantities,
    cache_read_tokens=quantities,
    output_text_tokens=quantities,
    customer_id=st.sampled_from(["cus_1", None]),
    day=st.dates(date(2026, 10, 1), date(2026, 10, 31)),
) | st.builds(
    cube_row,
    input_uncached_tokens=quantities,
    output_text_tokens=quantities,
    cost_source=st.sampled_from(["contract", "reported"]),
    cost_pico_usd=st.integers(0, 10**24),
)
silent = st.builds(reported, cost_source=st.just("reported"), cost_pico_usd=st.integers(0, 10**24))


@given(st.lists(rows | silent, max_size=8))
def test_effective_costs_sum_to_the_cube_s_and_list_costs_to_its_list_prices(usage: list[dict[str, Any]]) -> None:
    """Whoever says the cost, nothing is lost or won on the way into charges, and no requirement is broken."""
    found = list(charges(usage, OCTOBER))
    assert breaches(found) == []
    effective = sum((row["EffectiveCost"] for row in found), Decimal(0))
    assert effective == sum((Decimal(row["cost_pico_usd"]).scaleb(-12) for row in usage), Decimal(0))
    at_list = [row["ListCost"] for row in found if row["x_PriceId"] is not None and row["ChargeCategory"] == "Usage"]
    assert sum(at_list, Decimal(0)) == sum(
        (Decimal(row["list_cost_pico_usd"]).scaleb(-12) for row in usage if row["price_id"] is not None), Decimal(0)
    )


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("1.2", {"ProviderName", "PublisherName"}),
        ("1.3", {"ProviderName", "PublisherName", "ServiceProviderName", "HostProviderName"}),
        ("1.4", {"ServiceProviderName", "HostProviderName"}),
    ],
)
def test_the_versions_differ_in_how_they_name_providers(version: str, names: set[str]) -> None:
    told = {name for name in columns(version) if name.endswith(("ProviderName", "PublisherName"))}
    assert told == names
    assert version in VERSIONS
    assert set(columns("1.2")) >= MANDATORY
