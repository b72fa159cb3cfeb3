"""One bad night at the refund queue, told by a seed: people click, webhooks get lost on their way, and workers die."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from billing import dead_letters, refunds
from billing.principals import Principal
from billing.refund_states import NoSuchStep
from billing.refund_steps import RefundNotAllowed
from billing.refunds import Wanted
from pipelines.check_refunds import check_due
from pipelines.fill_gaps import fill_gaps
from pipelines.handle_inbox import handle_due
from pipelines.send_commands import send_due
from store import inbox, refund_requests, stripe_commands
from store.database import Connection, tenant_transaction
from tests.journeys.night import (
    PAID_MINOR,
    Round,
    break_stripe,
    dispute,
    paid_charge,
    pass_time,
    refund_by_hand,
    work,
)
from tests.journeys.night_network import NetworkNight, be_the_network, click_on, deliver_all, deliver_half, in_words

SAM, LEA, FAY = Principal("sam", "support"), Principal("lea", "lead"), Principal("fay", "founder")
# $50 and $90, so that a charge of $100 meets both limits.
LIMITS = {"usd": {"support": 5_000, "lead": 9_000}}
REFUSALS = (RefundNotAllowed, NoSuchStep)
# Settles at once, stays pending for days, comes back after a day.
METHODS = ("pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail")


@dataclass
class QueueNight(NetworkNight):
    """A night at the refund queue: who asked for what."""

    asked: list[UUID] = field(default_factory=list)

    def rounds(self) -> dict[str, Round]:
        """What the workers do."""
        return {
            "sends": lambda now: send_due(self.engine, self.tenant_id, self.gateway, now=now),
            "checks": lambda now: check_due(self.engine, self.tenant_id, self.reader, now=now),
            "reads the inbox": lambda now: handle_due(self.engine, self.tenant_id, self.reader, now=now, threads=1),
            "looks for lost events": lambda now: fill_gaps(self.engine, self.tenant_id, self.reader, now=now),
        }


def live_through(night: QueueNight) -> None:
    """The night itself, and the morning after: faults end, lost events stay lost, and workers run until nothing is open."""
    for method in METHODS:
        paid_charge(night, method)
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        refund_requests.write_policy(
            connection, night.tenant_id, window_days=30, limits_minor=LIMITS, by=str(FAY), now=night.now
        )
    deliver_all(night)
    handle_due(night.engine, night.tenant_id, night.reader, now=night.now, threads=1)
    for _ in range(3):
        _ask(night)
    check_due(night.engine, night.tenant_id, night.reader, now=night.now)
    night.exchanges = night.stripe.record()
    for _ in range(night.dice.randint(12, 24)):
        deed = night.dice.choices(
            (_ask, _decide, _take_back, be_the_network, _work, break_stripe, pass_time, refund_by_hand, dispute),
            (3, 9, 1, 5, 14, 4, 3, 1, 1),
        )[0]
        deed(night)
    _dawn(night)


def _ask(night: QueueNight) -> None:
    """Somebody asks for a refund, perhaps with two clicks at once."""
    charge, who = night.dice.choice(night.charges), night.dice.choice((SAM, LEA))
    amount_minor, ticket = night.dice.choice((1_000, 3_000, 6_000, PAID_MINOR)), f"ticket-{night.dice.randint(1, 6)}"

    def click(connection: Connection, now: datetime) -> UUID:
        wanted = Wanted(charge, amount_minor, "requested_by_customer", external_id=ticket)
        made, _ = refunds.request(connection, night.tenant_id, wanted, source="page", principal=who, now=now)
        return made.request_id

    found = click_on(night, click, REFUSALS)
    night.tell(f"{who} asks to refund {amount_minor} of {charge} for {ticket}: {in_words(found)}")
    night.asked += sorted({id_ for id_ in found if isinstance(id_, UUID)} - set(night.asked))


def _decide(night: QueueNight) -> None:
    """Somebody approves or declines, perhaps with two clicks at once, perhaps without being allowed to."""
    if not night.asked:
        return
    request_id, who = night.dice.choice(night.asked), night.dice.choice((SAM, LEA, FAY, FAY))
    override = night.dice.choice((None, "the customer is right"))
    approves = night.dice.random() < 0.85

    def click(connection: Connection, now: datetime) -> UUID:
        if approves:
            refunds.approve(connection, night.tenant_id, request_id, principal=who, now=now, override_reason=override)
        else:
            refunds.decline(connection, night.tenant_id, request_id, principal=who, why="no", now=now)
        return request_id

    found = click_on(night, click, REFUSALS)
    night.tell(f"{who} {'approves' if approves else 'declines'} {request_id}: {in_words(found)}")


def _take_back(night: QueueNight) -> None:
    if not night.asked:
        return
    request_id = night.dice.choice(night.asked)

    def click(connection: Connection, now: datetime) -> UUID:
        refunds.cancel(connection, night.tenant_id, request_id, principal=FAY, why="a mistake", now=now)
        return request_id

    night.tell(f"fay takes {request_id} back: {in_words(click_on(night, click, REFUSALS))}")


def _work(night: QueueNight) -> None:
    work(night, night.rounds())


def _dawn(night: QueueNight) -> None:
    """The faults end. What was lost stays lost; what is a dead letter is let go again by a person; workers do the rest."""
    night.stripe.control("/faults", method="DELETE")
    night.tell("the faults end")
    for hours in (0.2, 0.2, 7, 25, 25, 25, 25, 25, 25, 0.2):
        night.stripe.advance(seconds=int(hours * 3_600))
        deliver_half(night)
        with tenant_transaction(night.engine, night.tenant_id) as connection:
            dead_letters.retry(connection, principal=FAY, now=night.now)
        for name in ("looks for lost events", "reads the inbox", "checks", "sends"):
            night.rounds()[name](night.now)
        if _is_quiet(night):
            night.tell("nothing is open any more")
            return
    raise AssertionError("something is still open six days after the faults ended")


def _is_quiet(night: QueueNight) -> bool:
    """Whether no queue holds anything that a worker would have to do, and every refund has arrived or come back."""
    pending = [found for found in night.stripe.state.objects["refund"].values() if found["status"] == "pending"]
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        states = inbox.counts(connection)
        is_open = stripe_commands.count_open(connection) or refund_requests.to_check(connection, limit=1)
        never_came = inbox.unknown_ids(connection, list(night.stripe.state.objects["event"]))
    return not (pending or is_open or never_came or states.get("received") or states.get("dead"))
