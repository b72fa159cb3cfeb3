"""A refund queue with all that works on it, for tests: Stripe over HTTP, the reader, the gateway, three people."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import Engine

from billing import refunds
from billing.principals import Principal
from billing.refunds import Wanted
from billing.stripe_gateway import StripeGateway
from pipelines.check_refunds import check_due
from pipelines.pull_stripe import StripeConfig, sync
from pipelines.pull_stripe_client import StripeReader
from pipelines.send_commands import send_due
from store import refund_requests
from store.database import tenant_transaction
from store.refund_requests import RefundRequest
from store.steps import read_steps
from tests.sandbox_fixtures import SandboxServer, stripe_client

SAM, LEA, FAY = Principal("sam", "support"), Principal("lea", "lead"), Principal("fay", "founder")


@dataclass
class Desk:
    """The queue of one tenant with all that works on it."""

    engine: Engine
    tenant: UUID
    server: SandboxServer
    sdk: stripe.StripeClient
    reader: StripeReader
    gateway: StripeGateway

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.server.state.now, UTC)

    def charge(self, amount: int = 10_000, method: str = "pm_card_visa") -> str:
        """A paid charge that the mirror knows."""
        given: Any = {"amount": amount, "currency": "usd", "payment_method": method, "confirm": True}
        made = str(self.sdk.v1.payment_intents.create(given).latest_charge)
        self.pull()
        return made

    def pull(self) -> None:
        config = StripeConfig("sk_test_sandbox", self.server.url, requests_per_second=1_000)
        sync(self.engine, self.tenant, config, now=self.now)

    def ask(self, of: str, amount: int | None, who: Principal = SAM, **more: Any) -> RefundRequest:
        with tenant_transaction(self.engine, self.tenant) as connection:
            wanted = Wanted(of, amount, "requested_by_customer", **more)
            return refunds.request(connection, self.tenant, wanted, source="page", principal=who, now=self.now)[0]

    def check(self) -> int:
        return check_due(self.engine, self.tenant, self.reader, now=self.now)

    def approve(self, asked: RefundRequest, who: Principal = SAM, **more: Any) -> RefundRequest:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return refunds.approve(connection, self.tenant, asked.request_id, principal=who, now=self.now, **more)

    def send(self) -> int:
        return send_due(self.engine, self.tenant, self.gateway, now=self.now)

    def see(self, asked: RefundRequest) -> RefundRequest:
        with tenant_transaction(self.engine, self.tenant) as connection:
            found = refund_requests.find(connection, asked.request_id)
        assert found is not None
        return found

    def steps(self, asked: RefundRequest) -> list[tuple[str, str]]:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return [(step.step, step.who) for step in read_steps(connection, "refund", asked.request_id)]

    def refunded(self, charge: str) -> list[int]:
        return sorted(refund.amount for refund in self.sdk.v1.refunds.list({"charge": charge, "limit": 100}).data)


@contextmanager
def open_desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    """The desk, whose connections are given back at the end."""
    config = StripeConfig("sk_test_sandbox", sandbox_server.url, requests_per_second=1_000, first_wait_seconds=0.001)
    gateway = StripeGateway("sk_test_sandbox", sandbox_server.url, timeout_seconds=5)
    with StripeReader(config) as reader:
        yield Desk(engine, tenant, sandbox_server, stripe_client(sandbox_server.url), reader, gateway)
    gateway.close()
