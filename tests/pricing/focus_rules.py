"""FOCUS's own requirements on charges, as a check that names each breach: required columns, nulls, periods, units, sums by invoice."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}
NEVER_NULL = MANDATORY - {"ChargeClass", "PricingQuantity", "PricingUnit"}
OF_USAGE = (
    "PricingQuantity",
    "PricingUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ListUnitPrice",
    "ContractedUnitPrice",
)
OF_A_SKU = ("SkuId", "SkuMeter", "SkuPriceId", "PricingCategory")
CATEGORIES = {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
PRICING_CATEGORIES = {"Standard", "Dynamic", "Committed", "Other"}
FREQUENCIES = {"One-Time", "Recurring", "Usage-Based"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PICO = Decimal(1).scaleb(-12)

Row = dict[str, Any]


def breaches(rows: Sequence[Row]) -> list[str]:
    """Every requirement that a row, or the rows together, do not meet; `rows` hold Decimals, texts and None."""
    found = [f"row {place}: {breach}" for place, row in enumerate(rows) for breach in _of_row(row)]
    parents: dict[str, set[str]] = {}
    for row in rows:
        if row["SkuPriceId"] is not None:
            parents.setdefault(row["SkuPriceId"], set()).add(row["SkuId"])
    found += [f"{price} has more than one SKU" for price, skus in parents.items() if len(skus) > 1]
    return found + list(_of_invoices(rows))


def _of_row(row: Row) -> Iterator[str]:
    yield from (f"{name} is missing" for name in sorted(MANDATORY - set(row)))
    yield from (f"{name} is null" for name in sorted(NEVER_NULL) if row.get(name) is None)
    if row["ChargeCategory"] not in CATEGORIES or row["ChargeClass"] not in {None, "Correction"}:
        yield "the category or class is none of the allowed"
    if row["ChargeFrequency"] not in FREQUENCIES:
        yield "the frequency is none of the allowed"
    if (row["ServiceCategory"], row["ServiceSubcategory"]) != ("AI and Machine Learning", "Generative AI"):
        yield "the service's category is another"
    is_usage = row["ChargeCategory"] == "Usage"
    for name in (*OF_USAGE, *OF_A_SKU):
        if (row[name] is not None) != is_usage:
            yield f"{name} is {row[name]} in {row['ChargeCategory']}"
    if is_usage:
        yield from _of_prices(row)
    elif row["ListCost"] != row["BilledCost"]:
        yield "without a list price the list cost is what is billed"
    yield from _of_periods(row)
    for name in ("Tags", "SkuPriceDetails"):
        if row[name] is not None and not isinstance(json.loads(row[name]), dict):
            yield f"{name} is no map"


def _of_prices(row: Row) -> Iterator[str]:
    if row["PricingCategory"] not in PRICING_CATEGORIES:
        yield "the pricing category is none of the allowed"
    if row["ConsumedQuantity"] <= 0 or row["PricingQuantity"] <= 0:
        yield "a quantity is not positive"
    if row["ListUnitPrice"] * row["PricingQuantity"] != row["ListCost"]:
        yield "list price x quantity is not the list cost"
    # A contracted price need not be a decimal fraction: it is given to 24 places.
    contracted = row["ContractedUnitPrice"] * row["PricingQuantity"]
    if contracted.quantize(PICO) != row["ContractedCost"]:
        yield "contracted price x quantity is not the contracted cost"
    if any(len(unit.split()) > 2 or not unit[0].isupper() for unit in (row["ConsumedUnit"], row["PricingUnit"])):
        yield "a unit is not written as FOCUS writes units"


def _of_periods(row: Row) -> Iterator[str]:
    names = ("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodEnd")
    if not all(MOMENT.fullmatch(row[name]) for name in names):
        yield "a moment is not written as FOCUS writes moments"
        return
    billing_start, start, end, billing_end = (datetime.fromisoformat(row[name]) for name in names)
    if not billing_start <= start < end <= billing_end:
        yield "the charge's period is not inside the billing period"


def _of_invoices(rows: Sequence[Row]) -> Iterator[str]:
    """One invoice has one issuer, one account, one currency and a sum of whole cents."""
    invoices: dict[str, list[Row]] = {}
    for row in rows:
        if row["InvoiceId"] is not None:
            invoices.setdefault(row["InvoiceId"], []).append(row)
    for invoice, held in invoices.items():
        shared = {(row["InvoiceIssuerName"], row["BillingAccountId"], row["BillingCurrency"]) for row in held}
        if len(shared) > 1:
            yield f"{invoice} has {len(shared)} issuers, accounts or currencies"
        billed = sum((row["BilledCost"] for row in held), Decimal(0))
        if billed != billed.quantize(Decimal("0.01")):
            yield f"{invoice} sums to {billed}, which nobody can pay"
