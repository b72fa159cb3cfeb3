"""A Stripe account read as plainly as possible: pages of JSON over HTTP, by nothing but Python's own library."""

import base64
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

Json = dict[str, Any]

KEY = "sk_test_recomputation"
PAGE = 100


@dataclass(frozen=True)
class Account:
    """What revenue and its owners are worked out from, as Stripe shows it; an invoice holds all of its lines."""

    customers: list[Json]
    invoices: list[Json]
    invoice_payments: list[Json]
    charges: list[Json]
    refunds: list[Json]
    disputes: list[Json]
    balance_transactions: list[Json]


def read_account(base_url: str) -> Account:
    """Everything of these kinds, page by page."""
    kinds = Account.__dataclass_fields__
    found = {kind: _all_pages(base_url, f"/v1/{kind}") for kind in kinds}
    for invoice in found["invoices"]:
        if invoice["lines"]["has_more"]:
            invoice["lines"]["data"] = _all_pages(base_url, f"/v1/invoices/{invoice['id']}/lines")
    return Account(**found)


def _all_pages(base_url: str, path: str) -> list[Json]:
    rows: list[Json] = []
    after = ""
    while True:
        page = _get(f"{base_url}{path}?limit={PAGE}{after}")
        rows += page["data"]
        if not page["has_more"]:
            return rows
        after = f"&starting_after={rows[-1]['id']}"


def _get(url: str) -> Json:
    secret = base64.b64encode(f"{KEY}:".encode()).decode()
    with urlopen(Request(url, headers={"Authorization": f"Basic {secret}"}), timeout=60) as answer:
        # An exchange rate is a number with a point in JSON: as a float it would not be the one that Stripe wrote.
        page: Json = json.loads(answer.read(), parse_float=Decimal)
    return page
