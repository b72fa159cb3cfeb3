"""One bad night of disputes and failed payments, told by a seed: evidence goes out once, a card is tried once a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from billing import dead_letters, disputes, recovery_deeds
from billing.dispute_states import NoSuchMove
from billing.dispute_steps import DisputeNotAllowed
from billing.principals import Principal
from billing.recovery_deeds import RecoveryNotAllowed
from pipelines.fill_gaps import fill_gaps
from pipelines.handle_inbox import handle_due
from pipelines.retry_payments import retry_due
from pipelines.send_commands import send_due
from store import disputes as dispute_rows
from store import inbox, stripe_commands
from store import recovery_cases as recovery_rows
from store.database import Connection, tenant_transaction
from tests.journeys.night import Round, break_stripe, paid_charge, pass_time, work
from tests.journeys.night_network import NetworkNight, be_the_network, click_on, deliver_all, deliver_half, in_words
from tests.sandbox.shop import FEBRUARY, customer, price, subscribe

SAM, LEA = Principal("sam", "support"), Principal("lea", "lead")
REFUSALS = (DisputeNotAllowed, NoSuchMove, RecoveryNotAllowed)
CARDS = (
    ["insufficient_funds", "insufficient_funds", "approved"],
    ["try_again_later", "approved"],
    ["insufficient_funds"],
    ["stolen_card"],
    ["expired_card"],
)


@dataclass
class CaseNight(NetworkNight):
    """A night of one dispute, one inquiry and one failed invoice."""

    disputes: list[str] = field(default_factory=list)

    def rounds(self) -> dict[str, Round]:
        """What the workers do."""
        return {
            "sends": lambda now: send_due(self.engine, self.tenant_id, self.gateway, now=now),
            "retries payments": lambda now: retry_due(self.engine, self.tenant_id, now=now),
            "reads the inbox": lambda now: handle_due(self.engine, self.tenant_id, self.reader, now=now, threads=1),
            "looks for lost events": lambda now: fill_gaps(self.engine, self.tenant_id, self.reader, now=now),
        }


def live_through(night: CaseNight) -> None:
    """Disputes and a declined renewal, then the night, then the morning after."""
    night.breaks = "*"
    _fail_a_renewal(night)
    for status in ("needs_response", "warning_needs_response"):
        paid_charge(night)
        made = night.stripe.control("/disputes", {"charge": night.charges[-1], "status": status})
        night.disputes.append(made["id"])
    _hear_all(night)
    for _ in range(night.dice.randint(14, 26)):
        deed = night.dice.choices(
            (_write, _answer, _retry_now, _write_off, _snooze, be_the_network, _work, break_stripe, pass_time),
            (3, 6, 6, 0.3, 0.7, 4, 14, 4, 4),
        )[0]
        deed(night)
    _dawn(night)


def _fail_a_renewal(night: CaseNight) -> None:
    """A subscription whose February is declined, by a card that may come round; Stripe itself does not try again."""
    night.stripe.control("/retries", {"after_days": []})
    of = customer(night.sdk)
    made = subscribe(night.sdk, of, price(night.sdk, 4_900))
    night.stripe.control(f"/subscriptions/{made.id}/final_dunning", {"becomes": "past_due"})
    card = night.sdk.v1.payment_methods.list({"customer": of}).data[0].id
    outcomes = night.dice.choice(CARDS)
    night.stripe.control(f"/payment_methods/{card}/outcomes", {"outcomes": outcomes})
    _hear_all(night)  # Stripe lists events for thirty days, and February is further away
    night.stripe.advance(to=FEBRUARY + 3_600)
    night.tell(f"a renewal is declined; the card will say {', '.join(outcomes)}")


def _hear_all(night: CaseNight) -> None:
    deliver_all(night)
    handle_due(night.engine, night.tenant_id, night.reader, now=night.now, threads=1)


def _write(night: CaseNight) -> None:
    text = f"{night.dice.randint(1, 3)} calls a day"

    def deed(connection: Connection, now: datetime, case_id: UUID) -> None:
        texts = {"access_activity_log": text}
        disputes.write(connection, night.tenant_id, case_id, texts, principal=SAM, now=now)

    _about_a_dispute(night, f"writes “{text}”", deed)


def _answer(night: CaseNight) -> None:
    """Stage, submit or accept what was looked at, perhaps with two clicks at once."""
    name = night.dice.choices(("stage", "submit", "accept"), (3, 5, 1))[0]

    def deed(connection: Connection, now: datetime, case_id: UUID) -> None:
        draft = dispute_rows.draft(connection, case_id)
        version = draft.version if draft else 1
        if name == "accept":
            disputes.accept(connection, night.tenant_id, case_id, principal=LEA, why="not worth it", now=now)
        else:
            answer = disputes.stage if name == "stage" else disputes.submit
            answer(connection, night.tenant_id, case_id, version=version, principal=LEA, now=now)

    _about_a_dispute(night, f"clicks {name}", deed)


def _about_a_dispute(night: CaseNight, what: str, deed: Callable[[Connection, datetime, UUID], None]) -> None:
    dispute_id = night.dice.choice(night.disputes)

    def click(connection: Connection, now: datetime) -> UUID:
        case = dispute_rows.find_by_dispute(connection, dispute_id)
        assert case is not None, "it was delivered at the beginning"
        deed(connection, now, case.case_id)
        return case.case_id

    night.tell(f"somebody {what} on {dispute_id}: {in_words(click_on(night, click, REFUSALS))}")


def _about_the_invoice(night: CaseNight, what: str, deed: Callable[[Connection, datetime, Any], object]) -> None:
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        seen = recovery_rows.newest(connection)[0]  # as the page showed it before the click

    def click(connection: Connection, now: datetime) -> UUID:
        deed(connection, now, seen)
        return seen.case_id

    night.tell(f"somebody {what}: {in_words(click_on(night, click, REFUSALS))}")


def _retry_now(night: CaseNight) -> None:
    def deed(connection: Connection, now: datetime, case: Any) -> None:
        recovery_deeds.retry_now(
            connection, night.tenant_id, case.case_id, try_number=case.try_number, principal=SAM, now=now
        )

    _about_the_invoice(night, "retries the payment", deed)


def _write_off(night: CaseNight) -> None:
    def deed(connection: Connection, now: datetime, case: Any) -> None:
        recovery_deeds.write_off(connection, night.tenant_id, case.case_id, why="gone", principal=LEA, now=now)

    _about_the_invoice(night, "writes the invoice off", deed)


def _snooze(night: CaseNight) -> None:
    def deed(connection: Connection, now: datetime, case: Any) -> None:
        until = now + timedelta(days=1)
        recovery_deeds.snooze(connection, night.tenant_id, case.case_id, until=until, why=None, principal=SAM, now=now)

    _about_the_invoice(night, "snoozes the case", deed)


def _work(night: CaseNight) -> None:
    work(night, night.rounds())


def _dawn(night: CaseNight) -> None:
    """The faults end; half of what Stripe still tells is lost; a person retries dead letters; workers do the rest."""
    night.stripe.control("/faults", method="DELETE")
    night.tell("the faults end")
    for hours in (0.2, 0.2, 7, 25, 25, 25, 25, 25, 0.2):
        night.stripe.advance(seconds=int(hours * 3_600))
        deliver_half(night)
        with tenant_transaction(night.engine, night.tenant_id) as connection:
            dead_letters.retry(connection, principal=LEA, now=night.now)
        for name in ("looks for lost events", "reads the inbox", "sends"):
            night.rounds()[name](night.now)
        if _is_quiet(night):
            night.tell("nothing is under way any more")
            return
    raise AssertionError("something is still under way six days after the faults ended")


def _is_quiet(night: CaseNight) -> bool:
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        states = inbox.counts(connection)
        never_came = inbox.unknown_ids(connection, list(night.stripe.state.objects["event"]))
        return not (
            stripe_commands.count_open(connection) or never_came or states.get("received") or states.get("dead")
        )
