"""What Acme Copilot sells: four plans in two currencies, a meter, coupons and the taxes it collects."""

from dataclasses import dataclass, field

from sandbox import billing
from sandbox.objects import StripeObject
from sandbox.state import State

# Graduated, per thousand tokens, in minor units: the first five million a month are free.
TOKEN_TIERS = (
    {"up_to": 5_000, "unit_amount": 0},
    {"up_to": 60_000, "unit_amount_decimal": "1.1"},
    {"up_to": "inf", "unit_amount_decimal": "0.95"},
)
METER_EVENT = "copilot_tokens"
FLAT = {"starter": (4900, 4500), "team": (3900, 3600), "scale": (19900, 18500)}
ANNUAL_SEAT = (39000, 36000)
TAXES = {
    "DE": ("MwSt.", "19", "vat"),
    "FR": ("TVA", "20", "vat"),
    "NL": ("BTW", "21", "vat"),
    "IE": ("VAT", "23", "vat"),
    "ES": ("IVA", "21", "vat"),
    "BE": ("TVA", "21", "vat"),
    "US-NY": ("Sales tax", "8.875", "sales_tax"),
    "US-WA": ("Sales tax", "10.35", "sales_tax"),
    "AU": ("GST", "10", "gst"),
}
COUPONS: tuple[StripeObject, ...] = (
    {
        "id": "LAUNCH20",
        "name": "Launch: 20 % for three months",
        "percent_off": "20",
        "duration": "repeating",
        "duration_in_months": 3,
    },
    {
        "id": "WELCOME50",
        "name": "50 off the first month",
        "amount_off": 5000,
        "currency": "usd",
        "duration": "once",
    },
    {"id": "EDU30", "name": "Education: 30 %", "percent_off": "30", "duration": "forever"},
)
# Name, description and unit of each product.
TEXTS = {
    "starter": ("Starter", "One workspace, fair use", "workspace"),
    "team": ("Team", "Everything in Starter, by the seat", "seat"),
    "scale": ("Scale", "Platform fee; tokens are metered", "workspace"),
    "scale_tokens": ("Scale tokens", "Tokens processed, per thousand", "thousand tokens"),
    "enterprise": ("Enterprise", "Agreed yearly volume, billed monthly", "workspace"),
}


@dataclass
class Catalogue:
    """Ids of what was put up for sale."""

    products: dict[str, str] = field(default_factory=dict)
    prices: dict[tuple[str, str], str] = field(default_factory=dict)
    tax_rates: dict[str, str] = field(default_factory=dict)

    def enterprise(self, state: State, monthly_minor: int, currency: str) -> str:
        """A price agreed with one enterprise customer."""
        key = (f"enterprise {monthly_minor}", currency)
        if key not in self.prices:
            self.prices[key] = _price(state, self.products["enterprise"], currency, monthly_minor, "Enterprise")["id"]
        return self.prices[key]


def open_shop(state: State) -> Catalogue:
    """Put products, prices, coupons and tax rates up."""
    shop = Catalogue()
    for plan, (name, text, unit) in TEXTS.items():
        made = billing.create_product(
            state,
            {"name": name, "description": text, "unit_label": unit, "metadata": {"plan": plan.removesuffix("_tokens")}},
        )
        shop.products[plan] = made["id"]
    meter = billing.create_meter(
        state, {"display_name": "Tokens", "event_name": METER_EVENT, "default_aggregation": {"formula": "sum"}}
    )
    for place, currency in enumerate(("usd", "eur")):
        for plan, amounts in FLAT.items():
            name = TEXTS[plan][0]
            shop.prices[plan, currency] = _price(state, shop.products[plan], currency, amounts[place], name)["id"]
        annual = _price(state, shop.products["team"], currency, ANNUAL_SEAT[place], "Team yearly", interval="year")
        shop.prices["team_annual", currency] = annual["id"]
        shop.prices["scale_tokens", currency] = _metered(state, shop.products["scale_tokens"], currency, meter)["id"]
    for coupon in COUPONS:
        billing.create_coupon(state, dict(coupon))
    for region in TAXES:
        shop.tax_rates[region] = _tax_rate(state, region)["id"]
    return shop


def _tax_rate(state: State, region: str) -> StripeObject:
    """The tax of a country, or of a part of one ("US-NY"); only Australia's is contained in the price."""
    name, percentage, kind = TAXES[region]
    country, _, part = region.partition("-")
    return billing.create_tax_rate(
        state,
        {
            "display_name": name,
            "percentage": percentage,
            "inclusive": country == "AU",
            "country": country,
            "state": part or None,
            "jurisdiction": part or country,
            "tax_type": kind,
        },
    )


def _price(
    state: State, product_id: str, currency: str, minor: int, nickname: str, interval: str = "month"
) -> StripeObject:
    return billing.create_price(
        state,
        {
            "product": product_id,
            "currency": currency,
            "unit_amount": minor,
            "nickname": nickname,
            "recurring": {"interval": interval},
        },
    )


def _metered(state: State, product_id: str, currency: str, meter: StripeObject) -> StripeObject:
    return billing.create_price(
        state,
        {
            "product": product_id,
            "currency": currency,
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": list(TOKEN_TIERS),
            "nickname": "Scale tokens",
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter["id"]},
        },
    )
