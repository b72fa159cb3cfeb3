"""One bad night, told by a seed: refunds asked for while Stripe, the database, the clock and the workers misbehave."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import stripe
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from billing import commands
from billing.principals import Principal
from billing.refund_command import KIND, MARK
from billing.stripe_gateway import StripeGateway
from pipelines.send_commands import send_due
from sandbox.http.service import Exchange
from store import audit, stripe_commands
from store.database import tenant_transaction
from store.failpoints import armed
from store.stripe_commands import Command
from tests.sandbox_fixtures import SandboxServer, stripe_client

SUPPORT = Principal("sam", "support")
PAID_MINOR = 10_000
BY_HAND = "by-hand"
FAULTS = ("server_error", "server_error_after", "rate_limit", "lock_timeout", "timeout_before", "timeout_after")
# Outside of transactions another worker may come by; inside of one only the process or the database can fail.
BETWEEN = {"claimed", "looked up", "sending committed", "answer received", "result committed"}


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
    intended: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.sdk = stripe_client(self.stripe.url)
        self.gateway = StripeGateway("sk_test_sandbox", self.stripe.url, timeout_seconds=5)

    def tell(self, line: str) -> None:
        self.story.append(f"{self.now:%d %H:%M:%S} {line}")

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.state.now, UTC)


def live_through(night: Night) -> None:
    """The night itself, and the morning after: faults end, and workers run until nothing is open."""
    for number in range(2):
        night.charges.append(_paid_charge(night.sdk, number))
    night.exchanges = night.stripe.record()
    for _ in range(night.dice.randint(6, 14)):
        _mishap(night)
    _dawn(night)


def _paid_charge(sdk: stripe.StripeClient, number: int) -> str:
    given: Any = {
        "amount": PAID_MINOR,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "metadata": {"number": str(number)},
    }
    return str(sdk.v1.payment_intents.create(given).latest_charge)


def _mishap(night: Night) -> None:
    """One thing that happens, drawn by the dice."""
    deed = night.dice.choices(
        (_ask, _click_again, _break_stripe, _work, _pass_time, _refund_by_hand, _take_back, _dispute),
        (6, 2, 6, 9, 4, 1, 1, 1),
    )[0]
    deed(night)


def _ask(night: Night) -> None:
    key = f"refund_request:{len(night.intended)}"
    charge = night.dice.choice(night.charges)
    amount_minor = night.dice.choice((1, 1_000, 3_000, 6_000, PAID_MINOR))
    night.tell(f"ask to refund {amount_minor} of {charge} as {key}")
    night.intended[key] = _submit(night, key, charge, amount_minor).command_id


def _click_again(night: Night) -> None:
    if night.intended:
        key = night.dice.choice(sorted(night.intended))
        night.tell(f"click again on {key}")
        again = _submit(night, key, night.charges[0], 5)
        assert again.command_id == night.intended[key], "the second click made a second command"


def _submit(night: Night, key: str, charge: str, amount_minor: int) -> Command:
    intent = commands.Intent(KIND, key, key, charge, {"reason": "requested_by_customer"}, amount_minor, "usd")
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        return commands.submit(connection, night.tenant_id, intent, principal=SUPPORT, now=night.now)


def _take_back(night: Night) -> None:
    if night.intended:
        key = night.dice.choice(sorted(night.intended))
        with tenant_transaction(night.engine, night.tenant_id) as connection:
            done = commands.cancel(connection, night.intended[key], principal=SUPPORT, now=night.now)
        night.tell(f"take {key} back: {'done' if done else 'too late'}")


def _break_stripe(night: Night) -> None:
    kind, times = night.dice.choice(FAULTS), night.dice.randint(1, 3)
    method = night.dice.choice(("POST", "POST", "GET"))
    is_saved = kind.startswith("server_error") and night.dice.random() < 0.7
    path = "/v1/refunds" if method == "POST" else "*"
    night.tell(f"Stripe will {kind} {times} times {method} {path}{' and remember it' if is_saved else ''}")
    night.stripe.fail_next(kind, method=method, path=path, times=times, saved=is_saved)


def _pass_time(night: Night) -> None:
    seconds = night.dice.choice((7, 61, 130, 3_700, 22 * 3_600, 25 * 3_600))
    night.stripe.advance(seconds=seconds)
    night.tell(f"{seconds} s pass")


def _refund_by_hand(night: Night) -> None:
    charge = night.dice.choice(night.charges)
    try:
        by_hand: Any = {"idempotency_key": f"{BY_HAND}-{len(night.story)}"}
        night.sdk.v1.refunds.create({"charge": charge, "amount": 2_000}, by_hand)
        night.tell(f"somebody refunds 2000 of {charge} in Stripe's own pages")
    except stripe.StripeError as refused:
        night.tell(f"somebody fails to refund 2000 of {charge} by hand: {type(refused).__name__}")


def _dispute(night: Night) -> None:
    if night.dice.random() < 0.5:
        charge = night.stripe.state.objects["charge"][
            night.charges[1]
        ]  # not over HTTP, whose faults are for the workers
        if not charge["disputed"] and not charge["refunded"]:
            night.stripe.control("/disputes", {"charge": charge["id"], "reason": "fraudulent"})
            night.tell(f"the bank disputes {charge['id']}")


def _work(night: Night, *, depth: int = 0) -> None:
    """A worker's round, which may be killed, lose its database, or be met by a second worker half-way."""
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
            _work(night, depth=1)

    night.tell(f"a worker runs{f', its clock off by {skew.total_seconds():.0f} s' if skew else ''}")
    try:
        with armed(hook):
            send_due(night.engine, night.tenant_id, night.gateway, now=night.now + skew)
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


def _dawn(night: Night) -> None:
    """The faults end; a well-behaved worker runs by day until nothing is open."""
    night.stripe.control("/faults", method="DELETE")
    night.tell("the faults end")
    for hours in (0.1, 0.1, 1.5, 25, 25, 25, 25, 25, 25):
        night.stripe.advance(seconds=int(hours * 3_600))
        send_due(night.engine, night.tenant_id, night.gateway, now=night.now)
        with tenant_transaction(night.engine, night.tenant_id) as connection:
            if stripe_commands.count_open(connection) == 0:
                night.tell("nothing is open any more")
                return
    raise AssertionError("commands are still open six days after the faults ended")


def broken_promises(night: Night) -> list[str]:
    """Every promise that this night broke, by Stripe's own ledger; none when all is well."""
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        rows = {row.command_id: row for row in stripe_commands.newest(connection)}
        verdict = audit.verify(connection)
        lines = audit_lines(connection)
    broken = [] if verdict.intact else [verdict.message]
    made: Counter[str] = Counter()
    for charge_id in night.charges:
        refunds = night.sdk.v1.refunds.list({"charge": charge_id, "limit": 100}).data
        given_minor = sum(refund.amount for refund in refunds if refund.status != "failed")
        if given_minor > PAID_MINOR:
            broken.append(f"{charge_id}: {given_minor} given back of {PAID_MINOR}")
        made.update(_marks(refunds))
    for row in rows.values():
        broken += _broken_by(row, made[str(row.command_id)], lines[str(row.command_id)])
    keys = {_key(exchange) for exchange in night.exchanges if _is_refund(exchange)}
    ours = {f"ms-{KIND}-{row.command_id}-v{version}" for row in rows.values() for version in range(1, 30)}
    broken += [f"a refund was sent under the key {key}, which no intent stands behind" for key in keys - ours]
    return broken


def _marks(refunds: list[Any]) -> list[str]:
    return [refund.metadata[MARK] for refund in refunds if refund.metadata and MARK in refund.metadata.to_dict()]


def _broken_by(row: Command, effects: int, lines: list[str]) -> list[str]:
    expected = {"succeeded": 1, "refused": 0, "canceled": 0}.get(row.state)
    broken = []
    if effects > 1 or (expected is not None and effects != expected):
        broken.append(f"{row.intent_key} is {row.state} and has {effects} refunds at Stripe")
    outcome = {"canceled": "cancel"}.get(row.state, row.state)
    if lines != [f"stripe_command:{verb}" for verb in ("submit", outcome)]:
        broken.append(f"{row.intent_key} is {row.state} and its audit lines are {lines}")
    return broken


def audit_lines(connection: Any) -> dict[str, list[str]]:
    """The actions in the audit log by the command that they speak of, in order."""
    rows = connection.exec_driver_sql("select action, after ->> 'command_id' from audit_log order by seq").all()
    found: dict[str, list[str]] = {}
    for action, command_id in rows:
        found.setdefault(command_id, []).append(action)
    return found


def _is_refund(exchange: Exchange) -> bool:
    return exchange.method == "POST" and exchange.path == "/v1/refunds" and _key(exchange) is not None


def _key(exchange: Exchange) -> str | None:
    found = {name.lower(): value for name, value in exchange.headers.items()}.get("idempotency-key")
    return None if found is None or found.startswith(BY_HAND) else found
