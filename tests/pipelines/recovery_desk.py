"""Failed payments with all that works on them, for tests: Stripe over HTTP, the pull, the gateway, the rounds of the worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import stripe
from sqlalchemy import Engine

from billing import recovery_deeds
from billing.commands import Command
from billing.principals import Principal
from billing.stripe_gateway import StripeGateway
from pipelines.retry_payments import retry_due
from pipelines.send_commands import send_due
from store import recovery_cases
from store.database import tenant_transaction
from store.recovery_cases import RecoveryCase
from store.steps import read_steps
from tests.billing.mirrored_account import mirror
from tests.sandbox.shop import FEBRUARY, customer, newest_invoice, price, subscribe
from tests.sandbox_fixtures import SandboxServer, stripe_client

HOUR = 3_600
SAM, LEA = Principal("sam", "support"), Principal("lea", "lead")


@dataclass
class RecoveryDesk:
    """One tenant's failed payments with all that works on them."""

    engine: Engine
    tenant: UUID
    server: SandboxServer
    sdk: stripe.StripeClient
    gateway: StripeGateway

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.server.state.now, UTC)

    def fail(self, *outcomes: str, stripe_retries_after_days: tuple[int, ...] = ()) -> RecoveryCase:
        """The case of a subscription whose renewal fails in that way; Stripe's retries are off unless given."""
        self.server.control("/retries", {"after_days": list(stripe_retries_after_days)})
        self.subscribe(*outcomes)
        self.pull()
        return self.of_invoice(newest_invoice(self.sdk).id)

    def subscribe(self, *outcomes: str) -> str:
        """A subscription whose card answers so from the first of February on, which has come; the mirror knows nothing of it."""
        of = customer(self.sdk)
        made = subscribe(self.sdk, of, price(self.sdk, 4_900))
        self.server.control(f"/subscriptions/{made.id}/final_dunning", {"becomes": "past_due"})
        card = self.sdk.v1.payment_methods.list({"customer": of}).data[0].id
        self.server.control(f"/payment_methods/{card}/outcomes", {"outcomes": list(outcomes)})
        self.server.advance(to=FEBRUARY + HOUR)
        return str(made.id)

    def pull(self) -> None:
        """What a pull would have brought: all that the small account holds."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            mirror(connection, self.tenant, self.gateway, self.now)

    def of_invoice(self, invoice_id: str) -> RecoveryCase:
        with tenant_transaction(self.engine, self.tenant) as connection:
            found = recovery_cases.find_by_invoice(connection, invoice_id)
        assert found is not None
        return found

    def see(self, case: RecoveryCase) -> RecoveryCase:
        return self.of_invoice(case.invoice_id)

    def wait_until(self, moment: datetime | None) -> None:
        """Let time pass up to a moment, and a minute."""
        assert moment is not None
        self.server.advance(to=int(moment.timestamp()) + 60)

    def retry_due(self) -> int:
        return retry_due(self.engine, self.tenant, now=self.now)

    def retry_now(self, case: RecoveryCase, who: Principal = SAM) -> Command:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return recovery_deeds.retry_now(
                connection, self.tenant, case.case_id, try_number=case.try_number, principal=who, now=self.now
            )

    def write_off(self, case: RecoveryCase, why: str = "gone", who: Principal = LEA) -> Command:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return recovery_deeds.write_off(connection, self.tenant, case.case_id, why=why, principal=who, now=self.now)

    def send(self) -> int:
        return send_due(self.engine, self.tenant, self.gateway, now=self.now)

    def steps(self, case: RecoveryCase) -> list[str]:
        with tenant_transaction(self.engine, self.tenant) as connection:
            return [step.step for step in read_steps(connection, "recovery", case.case_id)]

    def tries(self, case: RecoveryCase) -> list[tuple[str, str, str | None]]:
        """Who tried, how it went and what was said, oldest first."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            found = recovery_cases.attempts(connection, case.case_id)
        return [(attempt.by, attempt.outcome, attempt.decline_code) for attempt in found]

    def charges(self, case: RecoveryCase) -> list[str]:
        """How each charge of the customer went at Stripe since the first payment, oldest first."""
        found = self.sdk.v1.charges.list({"customer": str(case.customer_id), "limit": 100}).data
        return [str(charge.status) for charge in reversed(found)][1:]


@contextmanager
def open_recovery_desk(engine: Engine, tenant: UUID, server: SandboxServer) -> Iterator[RecoveryDesk]:
    """The desk, whose connections are given back at the end."""
    gateway = StripeGateway("sk_test_sandbox", server.url, timeout_seconds=5)
    yield RecoveryDesk(engine, tenant, server, stripe_client(server.url), gateway)
    gateway.close()
