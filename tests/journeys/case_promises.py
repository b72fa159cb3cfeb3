"""What must be so after any night of disputes and failed payments, held against the sandbox's own objects."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from billing import dispute_states, recovery_states
from store import audit, inbox, stripe_commands
from store import disputes as dispute_rows
from store import recovery_cases as recovery_rows
from store.database import Connection, tenant_transaction
from store.steps import read_steps
from store.stripe_commands import Command
from tests.journeys.bad_case_nights import CaseNight

# Where a failed invoice's case may stand when Stripe says this of the invoice.
BY_STATUS = {
    "paid": {"recovered"},
    "uncollectible": {"written_off"},
    "open": set(recovery_states.IN_RECOVERY) | {"lost"},
}


def broken_promises(night: CaseNight) -> list[str]:
    """Every promise that this night broke; none when all is well."""
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        commands = stripe_commands.newest(connection, limit=1_000)
        verdict = audit.verify(connection)
        broken = [] if verdict.intact else [verdict.message]
        for dispute_id in night.disputes:
            broken += _broken_by_dispute(connection, night.stripe.state.objects["dispute"][dispute_id], commands)
        for case in recovery_rows.newest(connection):
            broken += _broken_by_invoice(connection, night, case, commands)
        never_came = inbox.unknown_ids(connection, list(night.stripe.state.objects["event"]))
        broken += [f"{sorted(never_came)} were lost"] if never_came else []
        broken += _unaudited(connection, commands)
    return broken + _strange_keys(night, commands)


def _broken_by_dispute(connection: Connection, at_stripe: Mapping[str, Any], commands: Sequence[Command]) -> list[str]:
    """The bank got the evidence once for each command that says so, and never beside giving up."""
    id_ = at_stripe["id"]
    done = Counter(one.kind for one in commands if one.object_id == id_ and one.state == "succeeded")
    broken = []
    submitted = at_stripe["evidence_details"]["submission_count"]
    if submitted != done["dispute.submit"] or submitted > 1:
        broken.append(f"{id_} was submitted {submitted} times by {done['dispute.submit']} commands")
    if done["dispute.submit"] and done["dispute.close"]:
        broken.append(f"{id_} was answered and given up")
    case = dispute_rows.find_by_dispute(connection, id_)
    if case is None:
        return [*broken, f"{id_} has no case"]
    if case.status != at_stripe["status"] or case.state in dispute_states.ON_ITS_WAY:
        broken.append(f"{id_} is {at_stripe['status']} at Stripe; here {case.state} with the status {case.status}")
    return broken + _off_the_table(id_, read_steps(connection, "dispute", case.case_id), dispute_states.MOVES)


def _broken_by_invoice(
    connection: Connection, night: CaseNight, case: recovery_rows.RecoveryCase, commands: Sequence[Command]
) -> list[str]:
    """The card was charged once for each command that says so, and the case stands where Stripe has the invoice."""
    at_stripe = night.stripe.control("/ledger")["invoices"][case.invoice_id]
    tries = [one for one in commands if one.object_id == case.invoice_id and one.kind == "invoice.pay"]
    charged = [one for one in tries if one.state == "succeeded" or (one.refusal or {}).get("decline_code")]
    attempts = [one["status"] for one in at_stripe["attempts"]]
    broken = []
    if len(attempts) != 1 + len(charged):  # the renewal's own, and ours
        said = [(one.intent_key, one.state, one.refusal) for one in tries]
        broken.append(f"{case.invoice_id} was tried {len(attempts)} times at Stripe: {attempts}; our tries are {said}")
    if attempts.count("succeeded") > 1:
        broken.append(f"{case.invoice_id} was paid {attempts.count('succeeded')} times")
    if case.state not in BY_STATUS[at_stripe["status"]]:
        broken.append(f"{case.invoice_id} is {at_stripe['status']} at Stripe, and its case is {case.state}")
    return broken + _off_the_table(
        case.invoice_id, read_steps(connection, "recovery", case.case_id), recovery_states.MOVES
    )


def _off_the_table(name: str, steps: Sequence[Any], moves: Mapping[Any, Sequence[Any]]) -> list[str]:
    taken = [step.step for step in steps if step.step in moves]  # others are deeds, such as a snooze
    wrong = [(one, other) for one, other in pairwise(taken) if other not in moves[one]]
    return [f"{name} went {taken}"] if wrong else []


def _unaudited(connection: Connection, commands: Sequence[Command]) -> list[str]:
    """Every command has one line for who asked and one for what it came to."""
    rows = connection.exec_driver_sql(
        "select after ->> 'command_id', count(*) from audit_log where action like 'stripe_command:%%' group by 1"
    ).all()
    lines = dict(rows)
    return [
        f"{one.intent_key} has {lines.get(str(one.command_id))} audit lines"
        for one in commands
        if lines.get(str(one.command_id)) != 2
    ]


def _strange_keys(night: CaseNight, commands: Sequence[Command]) -> list[str]:
    """Everything that was changed at Stripe during the night was changed by a command."""
    ours = {f"ms-{one.kind}-{one.command_id}-v{version}" for one in commands for version in range(1, 30)}
    asked = {row["idempotency_key"] for row in night.stripe.control("/requests")["requests"]}
    return [
        f"a change was asked for under the key {key}, behind which nobody stands"
        for key in asked - ours
        if key and key.startswith("ms-")
    ]
