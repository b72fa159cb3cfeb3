"""A night on which Stripe, the database, the clock and the workers misbehave, as the dice of a seed will have it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import stripe
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from billing.stripe_gateway import StripeGateway
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_client import StripeReader
from sandbox.http.service import Exchange
from store.failpoints import armed
from tests.sandbox_fixtures import SandboxServer, stripe_client

PAID_MINOR = 10_000
BY_HAND = "by-hand"
FAULTS = ("server_error", "server_error_after", "rate_limit", "lock_timeout", "timeout_before", "timeout_after")
# Outside of transactions another worker may come by; inside of one only the process or the database can fail.
BETWEEN = {
    "claimed",
    "looked up",
    "sending committed",
    "answer received",
    "result committed",
    "inbox claimed",
    "inbox fetched",
    "inbox committed",
    "refund charge read",
}

Round = Callable[[datetime], object]
"""What a worker does in one go, at the time that its clock shows."""


class Killed(BaseException):
    """The process is gone: nothing catches it, so the rows stay as a kill -9 leaves them."""


@dataclass
class Night:
    """A story as it goes: what was done, in order, for whoever reads a failing seed."""

    seed: int
    engine: Engine
    superuser_url: str
    tenant_id: UUID
    stripe: SandboxServer
    story: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    charges: list[str] = field(default_factory=list)
    breaks: str = "/v1/refunds"

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.sdk = stripe_client(self.stripe.url)
        self.gateway = StripeGateway("sk_test_sandbox", self.stripe.url, timeout_seconds=5)
        config = StripeConfig("sk_test_sandbox", self.stripe.url, requests_per_second=1_000, first_wait_seconds=0.001)
        self.reader = StripeReader(config)

    def tell(self, line: str) -> None:
        self.story.append(f"{self.now:%d %H:%M:%S} {line}")

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.state.now, UTC)

    def close(self) -> None:
        self.gateway.close()
        self.reader.__exit__()


def paid_charge(night: Night, method: str = "pm_card_visa") -> None:
    """One more charge that the night is about."""
    given: Any = {
        "amount": PAID_MINOR,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        "metadata": {"number": str(len(night.charges))},
    }
    night.charges.append(str(night.sdk.v1.payment_intents.create(given).latest_charge))


def break_stripe(night: Night) -> None:
    """Order a fault for the next requests."""
    kind, times = night.dice.choice(FAULTS), night.dice.randint(1, 3)
    method = night.dice.choice(("POST", "POST", "GET"))
    is_saved = kind.startswith("server_error") and night.dice.random() < 0.7
    path = night.breaks if method == "POST" else "*"
    night.tell(f"Stripe will {kind} {times} times {method} {path}{' and remember it' if is_saved else ''}")
    night.stripe.fail_next(kind, method=method, path=path, times=times, saved=is_saved)


def pass_time(night: Night) -> None:
    """A moment or a day: leases end, keys grow too old to be trusted."""
    seconds = night.dice.choice((7, 61, 130, 3_700, 22 * 3_600, 25 * 3_600))
    night.stripe.advance(seconds=seconds)
    night.tell(f"{seconds} s pass")


def refund_by_hand(night: Night) -> None:
    """Somebody gives money back without us."""
    charge = night.dice.choice(night.charges)
    try:
        by_hand: Any = {"idempotency_key": f"{BY_HAND}-{len(night.story)}"}
        night.sdk.v1.refunds.create({"charge": charge, "amount": 2_000}, by_hand)
        night.tell(f"somebody refunds 2000 of {charge} in Stripe's own pages")
    except stripe.StripeError as refused:
        night.tell(f"somebody fails to refund 2000 of {charge} by hand: {type(refused).__name__}")


def dispute(night: Night) -> None:
    """The bank takes a charge back, sometimes."""
    if night.dice.random() < 0.5:
        # Not read over HTTP, whose faults are for the workers.
        charge = night.stripe.state.objects["charge"][night.charges[1]]
        if not charge["disputed"] and not charge["refunded"]:
            night.stripe.control("/disputes", {"charge": charge["id"], "reason": "fraudulent"})
            night.tell(f"the bank disputes {charge['id']}")


def work(night: Night, rounds: dict[str, Round], *, depth: int = 0) -> None:
    """A worker's round, which may be killed, lose its database, or be met by a second worker half-way."""
    name = night.dice.choices(list(rounds), [2] + [1] * (len(rounds) - 1))[0]
    trouble = night.dice.choice(("none", "none", "kill", "database", "second worker"))
    countdown = night.dice.randint(1, 6)
    skew = timedelta(seconds=night.dice.choice((0, 0, -90, 90)))

    def hook(place: str) -> None:
        nonlocal countdown
        countdown -= 1
        if countdown or trouble == "none":
            return
        if trouble == "kill":
            night.tell(f"kill -9 at “{place}”")
            raise Killed
        if trouble == "database":
            night.tell(f"the database drops everybody at “{place}”")
            _drop_connections(night)
        elif place in BETWEEN and depth == 0:
            night.tell(f"a second worker comes by at “{place}”")
            if night.dice.random() < 0.4:
                night.stripe.advance(seconds=150)  # the first one's lease runs out under its hands
            work(night, rounds, depth=1)

    night.tell(f"a worker {name}{f', its clock off by {skew.total_seconds():.0f} s' if skew else ''}")
    try:
        with armed(hook):
            rounds[name](night.now + skew)
    except Killed:
        if depth:
            raise
    except DBAPIError:
        night.tell("the worker loses its database")


def _drop_connections(night: Night) -> None:
    with psycopg.connect(night.superuser_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid() and usename = 'metering_app'"
        )
