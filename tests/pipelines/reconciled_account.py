"""An account at the Stripe stand-in with a bit of everything, mirrored, and the ways in which a copy of it can drift."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import Connection, Engine, text

from pipelines.pull_stripe import StripeConfig, sync
from pipelines.pull_stripe_client import StripeReader
from pipelines.reconcile import Report, reconcile
from store import discrepancies, reconciliation_runs
from store.database import tenant_transaction
from store.discrepancies import Known
from store.reconciliation_runs import Run
from store.stripe_rows import KINDS
from tests.sandbox_fixtures import SandboxServer, stripe_client

HOUR = 3_600
Injected = dict[tuple[str, str], str]
"""What was done to which object, and the kind of discrepancy that it must become."""


@dataclass
class Account:
    """One tenant's copy of an account, and the account."""

    engine: Engine
    tenant: UUID
    server: SandboxServer
    sdk: stripe.StripeClient

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.server.state.now, UTC)

    @property
    def config(self) -> StripeConfig:
        return StripeConfig("sk_test_sandbox", self.server.url, requests_per_second=2_000, first_wait_seconds=0.001)

    def trade(self, charges: int, buyers: int = 2) -> None:
        """Charges, half of them refunded in part, some disputed; an invoice of many lines, subscriptions, a payout."""
        card: Any = {"payment_method": "pm_card_visa", "currency": "usd", "confirm": True}
        made = [
            str(self.sdk.v1.payment_intents.create({**card, "amount": 5_000 + number}).latest_charge)
            for number in range(charges)
        ]
        for number, charge in enumerate(made):
            if number % 2:
                self.sdk.v1.refunds.create({"charge": charge, "amount": 1_000 + number})
            if number % 5 == 0:
                self.server.control("/disputes", {"charge": charge, "reason": "fraudulent"})
        dispute = self.server.control("/disputes", {"charge": made[2], "reason": "general"})
        self.server.control(f"/disputes/{dispute['id']}/resolve", {"status": "won"})
        failed = self.sdk.v1.refunds.create({"charge": made[4], "amount": 700})
        self.server.control(f"/refunds/{failed.id}/fail", {})
        self._sell(buyers)
        self.server.advance(days=3)
        self.server.control("/payouts", {})
        self.server.advance(days=3)

    def _sell(self, buyers: int) -> None:
        customer: Any = {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
        price = self.sdk.v1.prices.create(
            {
                "product_data": {"name": "Team"},
                "currency": "usd",
                "recurring": {"interval": "month"},
                "unit_amount": 4_900,
            }
        )
        for number in range(buyers):
            buyer = self.sdk.v1.customers.create({**customer, "name": f"Customer {number}"})
            self.sdk.v1.subscriptions.create({"customer": buyer.id, "items": [{"price": price.id}]})
        invoice = self.sdk.v1.invoices.create({"customer": buyer.id})
        for number in range(12):  # more than come inside it
            line: Any = {"customer": buyer.id, "invoice": invoice.id, "amount": 100 + number, "currency": "usd"}
            self.sdk.v1.invoice_items.create(line)
        self.sdk.v1.invoices.pay(invoice.id)

    def pull(self) -> None:
        sync(self.engine, self.tenant, self.config, now=self.now)

    def reconcile(self) -> Report:
        with StripeReader(self.config) as reader:
            return reconcile(self.engine, self.tenant, reader, now=self.now)

    def listed(self, *states: str) -> list[Known]:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return discrepancies.listed(connection, states=states or ("open",))

    def run(self) -> Run | None:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return reconciliation_runs.newest(connection)

    def execute(self, statement: str, **given: Any) -> None:
        with tenant_transaction(self.engine, self.tenant) as connection:
            connection.execute(text(statement), given)


def open_account(engine: Engine, tenant: UUID, server: SandboxServer) -> Account:
    """The tenant's account, still empty."""
    return Account(engine, tenant, server, stripe_client(server.url))


# What stands between the raw object and one of its columns, by kind: the columns that a hand may change.
COLUMNS = {
    "customer": "name",
    "price": "nickname",
    "subscription": "status",
    "invoice": "number",
    "invoice_payment": "status",
    "payment_intent": "status",
    "charge": "failure_code",
    "refund": "reason",
    "dispute": "reason",
    "balance_transaction": "description",
    "payout": "status",
}
AMOUNTS = {
    "charge": ("amount_refunded", "amount_refunded_minor"),
    "refund": ("amount", "amount_minor"),
    "dispute": ("amount", "amount_minor"),
    "balance_transaction": ("fee", "fee_minor"),
    "payout": ("amount", "amount_minor"),
    "payment_intent": ("amount", "amount_minor"),
    "invoice": ("total", "total_minor"),
}
# An invoice and a subscription are held by their parts, so a row of theirs cannot be lost.
LOSABLE = (
    "customer",
    "invoice_payment",
    "payment_intent",
    "charge",
    "refund",
    "dispute",
    "balance_transaction",
    "payout",
)


class Drift:
    """Does harm to one copy after another, never to the same object twice, and remembers what must be found."""

    def __init__(self, account: Account, seed: int) -> None:
        self.account = account
        self.injected: Injected = {}
        self.random = random.Random(seed)

    def _victims(self, connection: Connection, kind: str, number: int) -> list[str]:
        table = KINDS[kind].table
        ids = list(connection.scalars(text(f"select id from {table} order by id")))
        whole = [id_ for id_ in ids if (kind, id_) not in self.injected]
        return self.random.sample(whole, min(number, len(whole)))

    def each(self, kind: str, number: int, becomes: str, harm: Callable[[Connection, str, str], None]) -> None:
        """Do the same harm to so many copies of a kind (or to all that are left)."""
        with tenant_transaction(self.account.engine, self.account.tenant) as connection:
            for id_ in self._victims(connection, kind, number):
                harm(connection, KINDS[kind].table, id_)
                self.injected[(kind, id_)] = becomes

    def lose_rows(self, number: int) -> None:
        for kind in LOSABLE:
            self.each(
                kind,
                number,
                "missing",
                lambda connection, table, id_: _run(connection, f"delete from {table} where id = :id", id_),
            )

    def change_columns(self, number: int) -> None:
        for kind, column in COLUMNS.items():
            statement = f"update {{}} set {column} = 'something else' where id = :id"
            self.each(kind, number, "different", _statement(statement))

    def shift_amounts(self, number: int) -> None:
        for kind, (field, column) in AMOUNTS.items():
            statement = (
                f"update {{}} set {column} = {column} + 7, "
                f"raw = jsonb_set(raw, '{{{{{field}}}}}', to_jsonb((raw->>'{field}')::bigint + 7)) where id = :id"
            )
            self.each(kind, number, "different", _statement(statement))

    def mark_deleted(self, number: int) -> None:
        for kind in ("charge", "refund", "customer"):
            self.each(kind, number, "missing", _statement("update {} set is_deleted = true where id = :id"))

    def lose_lines(self) -> None:
        with tenant_transaction(self.account.engine, self.account.tenant) as connection:
            for part, column, kind in (
                ("stripe_invoice_lines", "invoice_id", "invoice"),
                ("stripe_subscription_items", "subscription_id", "subscription"),
            ):
                for id_ in self._victims(connection, kind, 1):
                    _run(connection, f"delete from {part} where {column} = :id", id_)
                    self.injected[(kind, id_)] = "different"

    def invent_rows(self, number: int) -> None:
        """Copies of copies, under ids that Stripe never gave."""
        with tenant_transaction(self.account.engine, self.account.tenant) as connection:
            for kind in ("charge", "refund", "customer", "balance_transaction", "dispute", "payout"):
                table = KINDS[kind].table
                for id_ in self._victims(connection, kind, number):
                    invented = f"{id_}_invented"
                    statement = (
                        f"insert into {table} select (jsonb_populate_record(row, jsonb_build_object("
                        f"'id', cast(:new as text), 'raw', jsonb_set(raw, '{{id}}', to_jsonb(cast(:new as text)))))).* "
                        f"from {table} row where id = :id"
                    )
                    connection.execute(text(statement), {"id": id_, "new": invented})
                    self.injected[(kind, invented)] = "extra"

    def change_at_stripe(self, number: int) -> None:
        """Stripe's objects move on, and no word of it comes here."""
        with tenant_transaction(self.account.engine, self.account.tenant) as connection:
            charges, customers = (self._victims(connection, kind, number) for kind in ("charge", "customer"))
        for id_ in charges:
            self.account.sdk.v1.charges.update(id_, {"metadata": {"note": "later"}})
            self.injected[("charge", id_)] = "stale"
        for id_ in customers:
            self.account.sdk.v1.customers.update(id_, {"name": "Renamed"})
            self.injected[("customer", id_)] = "stale"


def _run(connection: Connection, statement: str, id_: str) -> None:
    assert connection.execute(text(statement), {"id": id_}).rowcount >= 1


def _statement(template: str) -> Callable[[Connection, str, str], None]:
    return lambda connection, table, id_: _run(connection, template.format(table), id_)
