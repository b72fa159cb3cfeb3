"""AI cost as rows of FOCUS, the FinOps Open Cost and Usage Specification: one charge for each day, customer, price and unit."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pricing.effective_cost import CostSource
from pricing.money import allocate, divide_half_away
from pricing.usage import BUCKETS, TOKEN_BUCKETS

VERSIONS = ("1.2", "1.3", "1.4")
# In the order of the specification, which is the alphabet's; our own columns behind.
_COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "Tags",
    "x_ContractId",
    "x_CostSource",
    "x_CustomerId",
    "x_CustomerRef",
    "x_Model",
    "x_PriceId",
    "x_PriceKey",
    "x_ServiceTier",
)
_SINCE_1_3 = frozenset({"HostProviderName", "ServiceProviderName"})
_UNTIL_1_3 = frozenset({"ProviderName", "PublisherName"})
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
UNIT_PRICES = ("ContractedUnitPrice", "ListUnitPrice")
QUANTITIES = ("ConsumedQuantity", "PricingQuantity")
_UNITS = dict.fromkeys(TOKEN_BUCKETS, "Tokens") | {
    "images": "Images",
    "seconds": "Seconds",
    "pages": "Pages",
    "search_requests": "Searches",
    "requests": "Requests",
}
_PROVIDERS = {
    "anthropic": "Anthropic",
    "aws": "Amazon Web Services",
    "azure": "Microsoft Azure",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "fireworks": "Fireworks AI",
    "google": "Google",
    "groq": "Groq",
    "mistral": "Mistral AI",
    "openai": "OpenAI",
    "openrouter": "OpenRouter",
    "perplexity": "Perplexity",
    "together": "Together AI",
    "x-ai": "xAI",
}
_STARTED = re.compile(r"@\d{4}-\d{2}-\d{2}")

Charge = dict[str, Any]


@dataclass(frozen=True)
class BillingAccount:
    """Whose cost it is, and the month that is exported: its first day and the first of the next."""

    account_id: str
    name: str
    first: date
    after: date


def columns(version: str) -> tuple[str, ...]:
    """The columns of a version of FOCUS (one of VERSIONS). 1.3 named the providers anew, 1.4 dropped their old names."""
    left_out = {"1.2": _SINCE_1_3, "1.3": frozenset[str](), "1.4": _UNTIL_1_3}[version]
    return tuple(name for name in _COLUMNS if name not in left_out)


def charges(usage: Iterable[Mapping[str, Any]], account: BillingAccount) -> Iterator[Charge]:
    """The charges of cube rows (store.warehouse_focus.read_usage), in USD as exact Decimals; every column of every version.

    EffectiveCost sums to the cube's cost to the pico-dollar. Rows without a cost must not be among `usage`: FOCUS has no
    word for an unknown cost, and 0 would be a claim.
    """
    for row in usage:
        common = _common(row, account)
        if row["events"] == 0:
            yield common | _adjustment(
                row["cost_pico_usd"], f"What the {row['cost_source']} has beside the usage that is known"
            )
        elif row["price_id"] is None:
            yield common | _reported(row)
        else:
            yield from (common | charge for charge in _by_unit(row))


def _by_unit(row: Mapping[str, Any]) -> Iterator[Charge]:
    """One charge for each unit that was used, and one for what prices finer than a pico-dollar add up to."""
    used = [bucket for bucket in BUCKETS if row[bucket] and row[f"{bucket}_pico_usd"] is not None]
    listed = [row[bucket] * row[f"{bucket}_pico_usd"] for bucket in used]
    fraction = row["list_cost_pico_usd"] - sum(listed)
    is_listed = row["cost_source"] == CostSource.CATALOGUE
    if is_listed:
        effective = listed
    elif used:
        weights = listed if any(listed) else [row[bucket] for bucket in used]
        effective = allocate(row["cost_pico_usd"], weights)
    for bucket, list_pico, cost_pico in zip(used, listed, effective if used else [], strict=True):
        yield _of_unit(row, bucket, list_pico, cost_pico)
    left = fraction if is_listed else (0 if used else row["cost_pico_usd"])
    if left:
        yield _adjustment(left, "Prices finer than 10^-12 USD, summed over the day's events")


def _of_unit(row: Mapping[str, Any], bucket: str, list_pico: int, cost_pico: int) -> Charge:
    quantity, unit, list_price = row[bucket], _UNITS[bucket], _usd(row[f"{bucket}_pico_usd"])
    is_contracted = row["cost_source"] == CostSource.CONTRACT
    contracted = _usd(cost_pico if is_contracted else list_pico)
    # A contracted price need not be a decimal fraction: 24 places are far more than change a pico-dollar.
    price = Decimal(f"{divide_half_away(cost_pico * 10**12, quantity)}E-24") if is_contracted else list_price
    sku = f"{row['provider']}/{row['model']}/{bucket}"
    meter = bucket.replace("_", " ")
    return {
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{row['model']}: {quantity} {meter} at {list_price:f} USD each",
        "ConsumedQuantity": Decimal(quantity),
        "ConsumedUnit": unit,
        "PricingCategory": "Standard" if row["cost_source"] != CostSource.REPORTED else "Other",
        "PricingQuantity": Decimal(quantity),
        "PricingUnit": unit,
        "ListUnitPrice": list_price,
        "ListCost": _usd(list_pico),
        "ContractedUnitPrice": price,
        "ContractedCost": contracted,
        "BilledCost": _usd(cost_pico),
        "EffectiveCost": _usd(cost_pico),
        "SkuId": sku,
        "SkuMeter": meter.capitalize(),
        # A SKU's price keeps its id when the amount changes: what it depends on stays, when it began does not.
        "SkuPriceId": f"{_STARTED.sub('', row['price_key'])}/{bucket}",
        "SkuPriceDetails": json.dumps({"Model": row["model"], "ServiceTier": row["service_tier"] or "standard"}),
    }


def _reported(row: Mapping[str, Any]) -> Charge:
    """A cost that somebody states for events without a price entry: one charge whose price is the cost itself."""
    cost, sku = _usd(row["cost_pico_usd"]), f"{row['provider']}/{row['model']}/{row['cost_source']}"
    return {
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{row['model']}: {row['events']} requests as {row['cost_source']}",
        "ConsumedQuantity": Decimal(row["events"]),
        "ConsumedUnit": "Requests",
        "PricingCategory": "Other",
        "PricingQuantity": Decimal(1),
        "PricingUnit": "Days",
        **dict.fromkeys((*COSTS, *UNIT_PRICES), cost),
        "SkuId": sku,
        "SkuMeter": "Cost without unit prices",
        "SkuPriceId": sku,
    }


def _adjustment(cost_pico: int, why: str) -> Charge:
    """A cost that has no quantity."""
    return {"ChargeCategory": "Adjustment", "ChargeDescription": why, **dict.fromkeys(COSTS, _usd(cost_pico))}


def _common(row: Mapping[str, Any], account: BillingAccount) -> Charge:
    """Every column, with what all charges of a cube row share."""
    provider = _PROVIDERS.get(str(row["provider"]).lower(), row["provider"] or "Provider not named")
    tags = {"customer_id": row["customer_id"], "customer_name": row["customer_name"]}
    named = {name: value for name, value in tags.items() if value is not None}
    return dict.fromkeys(_COLUMNS) | {
        "BillingAccountId": account.account_id,
        "BillingAccountName": account.name,
        "BillingAccountType": "Company",
        "BillingCurrency": "USD",
        "BillingPeriodStart": _midnight(account.first),
        "BillingPeriodEnd": _midnight(account.after),
        "ChargePeriodStart": _midnight(row["day"]),
        "ChargePeriodEnd": _midnight(row["day"] + timedelta(days=1)),
        "ChargeFrequency": "Usage-Based",
        **dict.fromkeys(
            ("HostProviderName", "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceProviderName"), provider
        ),
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ServiceName": f"{provider} API",
        "Tags": json.dumps(named, ensure_ascii=False) if named else None,
        "x_ContractId": row["contract_id"],
        "x_CostSource": row["cost_source"],
        "x_CustomerId": row["customer_id"],
        "x_CustomerRef": row["customer_ref"],
        "x_Model": row["model"],
        "x_PriceId": None if row["price_id"] is None else str(row["price_id"]),
        "x_PriceKey": row["price_key"],
        "x_ServiceTier": row["service_tier"],
    }


def _midnight(day: date) -> str:
    return f"{datetime.combine(day, time()):%Y-%m-%dT%H:%M:%SZ}"


def _usd(pico: int) -> Decimal:
    """Pico-USD as exact dollars."""
    return Decimal(pico).scaleb(-12)
