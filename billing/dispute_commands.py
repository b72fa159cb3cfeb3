"""The commands of a dispute: evidence staged, evidence submitted, the dispute accepted; how each is found again and what follows."""

from datetime import datetime
from uuid import UUID

from billing import dispute_rules
from billing.commands import Command, CommandKind, Raw, ReadStripe, Request
from billing.dispute_rules import Seen
from billing.dispute_states import State
from billing.dispute_steps import SERVICE, move
from store import disputes
from store.database import Connection
from store.disputes import DisputeCase

STAGE, SUBMIT, CLOSE = "dispute.stage", "dispute.submit", "dispute.close"
MARK = "metering_command"
GIVEN_UP = "Stripe gave no answer after many tries: look at it in Stripe, then retry the command."


def _evidence(command: Command, *, submit: bool) -> Request:
    """The frozen texts. `submit` is always written out, because Stripe takes its absence for yes."""
    params = {
        "evidence": dict(command.params["evidence"]),
        "metadata": {MARK: str(command.command_id)},
        "submit": submit,
    }
    return Request("post", f"/v1/disputes/{command.object_id}", params)


def _stage(command: Command) -> Request:
    return _evidence(command, submit=False)


def _submit(command: Command) -> Request:
    return _evidence(command, submit=True)


def _close(command: Command) -> Request:
    return Request("post", f"/v1/disputes/{command.object_id}/close", {})


def find_marked(read: ReadStripe, command: Command) -> Raw | None:
    """The dispute when this command has changed it; Stripe writes the mark in the same step as the evidence."""
    found = read(f"/v1/disputes/{command.object_id}", {})
    return found if (found.get("metadata") or {}).get(MARK) == str(command.command_id) else None


def find_closed(read: ReadStripe, command: Command) -> Raw | None:
    """The dispute when it has been given up; closing takes no mark, and a dispute is lost but once."""
    found = read(f"/v1/disputes/{command.object_id}", {})
    return found if found["status"] in {"lost", "warning_closed"} else None


def check_answerable(read: ReadStripe, command: Command, now: datetime) -> str | None:
    """Why Stripe would take no evidence now: late, answered already, decided; None when it would."""
    seen = _seen(read, command)
    if isinstance(seen, str):
        return seen
    return dispute_rules.why_no_answer(seen, command.params["submissions_before"], now)


def check_open(read: ReadStripe, command: Command, _now: datetime) -> str | None:
    """Why the dispute cannot be given up: it waits for no answer any more, or evidence went to the bank; None when it can."""
    seen = _seen(read, command)
    if isinstance(seen, str):
        return seen
    if seen.submission_count > command.params["submissions_before"]:
        return "Evidence was submitted for this dispute meanwhile, so it is not given up."
    if seen.status not in dispute_rules.UNANSWERED_STATUSES:
        return f"The dispute is {seen.status.replace('_', ' ')} at Stripe: there is nothing to give up any more."
    return None


def _seen(read: ReadStripe, command: Command) -> Seen | str:
    try:
        return dispute_rules.read_dispute(read(f"/v1/disputes/{command.object_id}", {}))
    except LookupError:
        return f"Stripe has no dispute {command.object_id}."


def settle_staged(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """Evidence lies at Stripe: the case is staged with that version, unless it has gone on meanwhile."""
    case = _case(connection, command, now)
    if case is None or command.state != "succeeded":
        return
    version = command.params["draft_version"]
    if case.state == "needs_response":
        why = f"Version {version} of the evidence lies at Stripe; the bank has not got it yet."
        move(connection, tenant_id, case, "staged", by=SERVICE, why=why, now=now, staged_version=version, outcome=None)
    else:
        disputes.change(connection, case, now=now, staged_version=version)


def settle_submitted(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """The bank has the evidence, or Stripe refused it and the case is open again."""
    case = _case(connection, command, now)
    if case is None or case.command_id != command.command_id:
        return
    if command.state == "refused":
        _reopen(connection, tenant_id, case, command, now)
    if command.state != "succeeded":
        return
    values = {
        "submitted_version": command.params["draft_version"],
        "submitted_sha256": command.params["evidence_sha256"],
        "outcome": None,
    }
    if case.state != "submitting":  # the bank's word was quicker than the answer to our command
        disputes.change(connection, case, now=now, **values)
        return
    seen = dispute_rules.read_dispute(dict(command.answer or {}))
    values |= {"status": seen.status, "submission_count": seen.submission_count}
    why = f"Version {command.params['draft_version']} of the evidence, sha256 {command.params['evidence_sha256']}."
    move(connection, tenant_id, case, "submitted", by=SERVICE, why=why, now=now, **values)


def settle_closed(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """The dispute is given up for good, or Stripe refused and the case is open again."""
    case = _case(connection, command, now)
    if case is None or case.command_id != command.command_id:
        return
    if command.state == "refused":
        _reopen(connection, tenant_id, case, command, now)
    if command.state == "succeeded" and case.state == "accepting":
        status = (command.answer or {}).get("status") or case.status
        move(connection, tenant_id, case, "accepted", by=SERVICE, why=None, now=now, status=status, outcome=None)


def _case(connection: Connection, command: Command, now: datetime) -> DisputeCase | None:
    """The command's case, held; what it came to stands beside it when it waits for a person or was refused."""
    case = disputes.find_by_dispute(connection, str(command.object_id))
    if case is None:
        return None
    if command.state == "needs_review":
        return disputes.change(connection, case, now=now, outcome=GIVEN_UP)
    if command.state == "refused":
        said = str((command.refusal or {}).get("sentence"))
        # The next try is a deed of its own, so it gets a number of its own.
        return disputes.change(connection, case, now=now, outcome=said, answer_number=case.answer_number + 1)
    return case


def _reopen(connection: Connection, tenant_id: UUID, case: DisputeCase, command: Command, now: datetime) -> None:
    """Back to where it was before the command, so that whoever looks can mend what Stripe refused."""
    if case.state not in {"submitting", "accepting"}:
        return
    before: State = "staged" if case.staged_version is not None else "needs_response"
    said = str((command.refusal or {}).get("sentence"))
    move(connection, tenant_id, case, before, by=SERVICE, why=said, now=now, command_id=None)


DISPUTE_KINDS = (
    CommandKind(STAGE, _stage, find_marked, check_answerable, settle_staged),
    CommandKind(SUBMIT, _submit, find_marked, check_answerable, settle_submitted),
    CommandKind(CLOSE, _close, find_closed, check_open, settle_closed),
)
