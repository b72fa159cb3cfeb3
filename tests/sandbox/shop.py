"""What most billing tests begin with: a customer with a card, a price, a subscription; through the official SDK."""

from typing import Any, cast

import stripe

from tests.sandbox_fixtures import EMPTY_STARTS_AT

DAY = 86_400
# Renewals of what began at 2026-01-01, and when the sandbox finalizes and collects them: an hour later.
FEBRUARY, MARCH = EMPTY_STARTS_AT + 31 * DAY, EMPTY_STARTS_AT + 59 * DAY


def customer(sdk: stripe.StripeClient, card: str | None = "pm_card_visa", **given: Any) -> str:
    """A customer whose invoices this card pays."""
    paying = {"payment_method": card, "invoice_settings": {"default_payment_method": card}} if card else {}
    return sdk.v1.customers.create(cast("Any", paying | given)).id


def price(sdk: stripe.StripeClient, unit_amount: int | None = None, **given: Any) -> str:
    """A monthly price in US dollars, unless said otherwise."""
    plain: dict[str, Any] = {"currency": "usd", "product_data": {"name": "Plan"}, "recurring": {"interval": "month"}}
    amount = {} if unit_amount is None else {"unit_amount": unit_amount}
    return sdk.v1.prices.create(cast("Any", plain | amount | given)).id


def subscribe(sdk: stripe.StripeClient, customer_id: str, *items: Any, **given: Any) -> Any:
    """A subscription to prices, each an id or an item with more to it."""
    wanted = [{"price": item} if isinstance(item, str) else item for item in items]
    return sdk.v1.subscriptions.create(cast("Any", {"customer": customer_id, "items": wanted} | given))


def meter(sdk: stripe.StripeClient, event_name: str = "tokens", formula: str = "sum") -> str:
    """A meter that counts what is reported under the event name."""
    made = sdk.v1.billing.meters.create(
        cast(
            "Any",
            {"display_name": event_name, "event_name": event_name, "default_aggregation": {"formula": formula}},
        )
    )
    return made.id


def report(sdk: stripe.StripeClient, customer_id: str, value: int, identifier: str, event_name: str = "tokens") -> None:
    """Usage of the moment."""
    sdk.v1.billing.meter_events.create(
        cast(
            "Any",
            {
                "event_name": event_name,
                "identifier": identifier,
                "payload": {"stripe_customer_id": customer_id, "value": str(value)},
            },
        )
    )


def lines(invoice: Any) -> list[tuple[str, int]]:
    """Description and amount of each line, in order."""
    return [(line.description, line.amount) for line in invoice.lines.data]


def newest_invoice(sdk: stripe.StripeClient) -> Any:
    """The invoice made last."""
    return sdk.v1.invoices.list({"limit": 1}).data[0]
