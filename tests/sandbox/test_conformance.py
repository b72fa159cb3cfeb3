"""The sandbox speaks as Stripe's API description says, and our pull asks as it says: judged request by request."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
import stripe
from sqlalchemy import Engine

from pipelines import pull_stripe
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_streams import STREAMS
from sandbox.http.operations import NEEDED_FILTERS, RESOURCES
from sandbox.http.service import Exchange
from tests.sandbox.contract import Contract
from tests.sandbox_fixtures import SandboxServer

pytestmark = pytest.mark.shared

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# As many levels as Stripe allows, through every kind that names another.
EXPANDED = {
    "balance_transactions": ["data.source"],
    "charges": ["data.balance_transaction", "data.customer", "data.payment_intent.latest_charge", "data.refunds"],
    "customers": ["data.subscriptions", "data.invoice_settings.default_payment_method"],
    "disputes": ["data.charge.balance_transaction", "data.payment_intent"],
    "invoice_payments": ["data.invoice.customer", "data.payment.payment_intent"],
    "invoices": ["data.payments", "data.customer", "data.parent.subscription_details.subscription", "data.discounts"],
    "payment_intents": ["data.latest_charge.balance_transaction", "data.payment_method"],
    "payouts": ["data.balance_transaction"],
    "prices": ["data.product", "data.tiers"],
    "radar/early_fraud_warnings": ["data.charge.customer"],
    "refunds": ["data.charge.payment_intent", "data.balance_transaction"],
    "subscriptions": ["data.customer", "data.latest_invoice.payments", "data.default_payment_method", "data.discounts"],
}
# Shown on request alone, and left out where the quantity is what a meter counts.
NOT_ALWAYS = {"charge": {"refunds"}, "subscription_item": {"quantity"}, "invoice": {"payments", "confirmation_secret"}}


class Reader:
    """Reads the demo company over HTTP and keeps what was said."""

    def __init__(self, server: SandboxServer, contract: Contract) -> None:
        self._server = server
        self._contract = contract
        self.problems: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        query = urlencode(params, doseq=True)
        request = Request(f"{self._server.url}{path}?{query}", headers={"Authorization": "Bearer sk_test_reader"})
        with urlopen(request, timeout=30) as answer:
            body = answer.read()
        exchange = Exchange("GET", path, query, {}, b"", answer.status, body)
        self.problems.update(self._contract.request_problems(exchange) + self._contract.answer_problems(exchange))
        found: dict[str, Any] = json.loads(body)
        return found

    def all(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every object of a list, page after page."""
        more: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=100, **params, **more)
            self.seen.update(row["object"] for row in page["data"])
            yield from page["data"]
            if not page["has_more"]:
                return
            more = {"starting_after": page["data"][-1]["id"]}


@pytest.fixture
def reader(demo_company_server: SandboxServer, contract: Contract) -> Reader:
    return Reader(demo_company_server, contract)


def test_every_object_of_the_demo_company_is_one_of_stripe_s(reader: Reader) -> None:
    """Every list to its end, and of every kind the last object by itself."""
    subscriptions, customers = list(reader.all("/v1/subscriptions", status="all")), list(reader.all("/v1/customers"))
    needed = {"subscription": subscriptions[-1]["id"]}
    for name, resource in RESOURCES.items():
        if not resource.is_listed or name in {"subscriptions", "customers"}:
            continue
        if name == "billing/credit_balance_transactions":
            rows = [row for one in customers for row in reader.all(f"/v1/{name}", customer=one["id"])]
        elif name in NEEDED_FILTERS:
            rows = list(reader.all(f"/v1/{name}", **{NEEDED_FILTERS[name]: needed[NEEDED_FILTERS[name]]}))
        else:
            rows = list(reader.all(f"/v1/{name}"))
        for row in rows[-1:]:
            assert reader.get(f"/v1/{name}/{row['id']}") == row
            if name == "invoices":
                reader.get(f"/v1/invoices/{row['id']}/lines")
    for customer in customers[-3:]:
        reader.get(f"/v1/customers/{customer['id']}/payment_methods")
        reader.get("/v1/billing/credit_balance_summary", customer=customer["id"], **{"filter[type]": "credit_grant"})

    assert dict(reader.problems) == {}
    assert len(customers) == 60
    assert {kind for kind, number in reader.seen.items() if number} >= {
        "balance_transaction",
        "billing.credit_balance_transaction",
        "billing.credit_grant",
        "charge",
        "dispute",
        "event",
        "invoice",
        "invoice_payment",
        "invoiceitem",
        "payment_intent",
        "payment_method",
        "price",
        "refund",
        "subscription_item",
        "tax_rate",
    }


@pytest.mark.parametrize("name", EXPANDED)
def test_expanded_objects_are_stripe_s_too(reader: Reader, name: str) -> None:
    everything = {"status": "all"} if name == "subscriptions" else {}
    reader.get(f"/v1/{name}", limit=40, **{"expand[]": EXPANDED[name]}, **everything)

    assert dict(reader.problems) == {}


def test_what_stripe_s_own_examples_have_is_there(
    demo_company_server: SandboxServer, contract: Contract, shared: Path
) -> None:
    """Every member, at every depth, of the official example of each kind that the demo company has."""
    examples = json.loads((shared / "stripe" / "fixtures3.json").read_text(encoding="utf-8"))["resources"]
    kinds = {kind: found for kind, found in demo_company_server.state.objects.items() if kind in examples and found}

    absent = {
        f"{kind}.{member}"
        for kind, found in kinds.items()
        for obj in found.values()
        for member in contract.absent(obj, examples[kind])
        if member not in NOT_ALWAYS.get(kind, ())
        and not member.startswith("data.object.")  # an event's example is about an object of another kind
    }

    assert absent == set()
    assert len(kinds) >= 20


def test_our_pull_asks_only_what_stripe_understands(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, contract: Contract, engine: Engine, tenant: UUID
) -> None:
    """A backfill, changes of every followed kind, and the pull that follows them; more lines than one page inlines."""
    invoice = _a_story(sandbox_server, stripe_sdk)
    exchanges = sandbox_server.record()
    config = StripeConfig(api_key="sk_test_pull", api_base=sandbox_server.url, requests_per_second=1_000)

    pull_stripe.sync(engine, tenant, config, now=NOW)
    stripe_sdk.v1.refunds.create({"charge": stripe_sdk.v1.charges.list().data[0].id, "amount": 100})
    stripe_sdk.v1.invoices.update(invoice, {"metadata": {"note": "seen"}})
    sandbox_server.advance(days=32)
    pull_stripe.sync(engine, tenant, config, now=NOW)

    pulled = [one for one in exchanges if one.headers["authorization"].endswith("sk_test_pull")]
    assert {problem for one in exchanges for problem in contract.request_problems(one)} == set()
    assert {problem for one in exchanges for problem in contract.answer_problems(one)} == set()
    assert {one.method for one in pulled} == {"GET"}
    assert {one.headers["stripe-version"] for one in pulled} == {"2026-10-28.endive"}
    assert {one.path for one in pulled} >= {stream.path for stream in STREAMS} | {f"/v1/invoices/{invoice}/lines"}


def _a_story(server: SandboxServer, sdk: stripe.StripeClient) -> str:
    """A customer who pays 49.00 a month, and once for eleven items: the invoice of those; and one disputed payment."""
    card = "pm_card_visa"
    customer = sdk.v1.customers.create(
        {
            "name": "Ada",
            "address": {"line1": "1 Analytical Way", "country": "GB"},
            "payment_method": card,
            "invoice_settings": {"default_payment_method": card},
            "metadata": {"account_id": "acct_ada"},
        }
    )
    price = sdk.v1.prices.create(
        {
            "product_data": {"name": "Team"},
            "currency": "usd",
            "recurring": {"interval": "month"},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [{"up_to": 5, "unit_amount": 4_900}, {"up_to": "inf", "unit_amount": 3_900}],
        }
    )
    sdk.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id, "quantity": 1}]})
    rate = sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False, "country": "GB"})
    invoice = sdk.v1.invoices.create({"customer": customer.id, "default_tax_rates": [rate.id]})
    for number in range(11):
        sdk.v1.invoice_items.create(
            {"customer": customer.id, "invoice": invoice.id, "amount": 100 + number, "currency": "usd"}
        )
    sdk.v1.invoices.pay(invoice.id)
    charge = sdk.v1.charges.list().data[-1]
    server.control("/disputes", {"charge": charge.id, "reason": "fraudulent"})
    return invoice.id


def test_the_judge_sees_what_is_wrong(contract: Contract) -> None:
    """An unknown parameter, a word for a number, an unknown value; a missing member, one too many, an unknown value."""

    def asked(body: str) -> list[str]:
        return contract.request_problems(Exchange("POST", "/v1/refunds", "", {}, body.encode(), 200, b""))

    assert asked("charge=ch_1&amount=5&reason=duplicate&metadata[a]=b&expand[0]=charge") == []
    assert len(asked("charge=ch_1&amuont=5")) == 1
    assert len(asked("charge=ch_1&amount=five")) == 1
    assert len(asked("charge=ch_1&reason=whim")) == 1

    tax_rate = {
        "id": "txr_1",
        "object": "tax_rate",
        "active": True,
        "country": None,
        "created": 0,
        "description": None,
        "display_name": "VAT",
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": False,
        "jurisdiction": None,
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": None,
        "percentage": 20,
        "rate_type": "percentage",
        "state": None,
        "tax_type": "vat",
    }
    answer = Exchange("GET", "/v1/tax_rates/txr_1", "", {}, b"", 200, b"")

    def answered(**changes: Any) -> list[str]:
        body = {name: value for name, value in (tax_rate | changes).items() if value is not ...}
        return contract.answer_problems(replace(answer, answered=json.dumps(body).encode()))

    assert answered() == []
    assert len(answered(active=...)) == 1
    assert len(answered(color="red")) == 1
    assert answered(tax_type="window_tax") != []
