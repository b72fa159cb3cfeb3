"""What a person does about a dispute: write the evidence, stage it, submit it once, or give the money up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from billing import commands, dispute_rules, evidence_file, evidence_holdings
from billing.dispute_commands import CLOSE, STAGE, SUBMIT
from billing.dispute_rules import Deed
from billing.dispute_steps import DisputeNotAllowed, held, move, subject_of
from billing.principals import Principal
from store import audit, disputes
from store.database import Connection
from store.disputes import DisputeCase, Draft


def write(
    connection: Connection,
    tenant_id: UUID,
    case_id: UUID,
    fields: Mapping[str, str],
    *,
    principal: Principal,
    now: datetime,
) -> Draft:
    """Keep these texts as the next version of the evidence; the same texts again find the version they have.

    Empty texts are left out. Raises DisputeNotAllowed.
    """
    case = _allowed(connection, case_id, "edit", principal, now)
    kept = {name: text for name, text in fields.items() if text.strip()}
    refusal = dispute_rules.why_not_evidence(kept)
    if refusal is not None:
        raise DisputeNotAllowed(refusal)
    written, is_new = disputes.add_draft(connection, tenant_id, case, kept, by=str(principal), now=now)
    if is_new:
        audit.append(
            connection,
            at=now,
            principal=str(principal),
            action="dispute:edit",
            subject=subject_of(case_id),
            after={"dispute_id": case.dispute_id, "version": written.version, "sha256": written.sha256},
        )
    return written


def stage(
    connection: Connection, tenant_id: UUID, case_id: UUID, *, version: int, principal: Principal, now: datetime
) -> DisputeCase:
    """Lay a version of the evidence at Stripe without sending it to the bank. Raises DisputeNotAllowed."""
    case = _allowed(connection, case_id, "stage", principal, now)
    draft = _latest(connection, case, version)
    file = evidence_file.field_of(connection, case.dispute_id)
    key = ":".join(["dispute", case.dispute_id, "stage", str(case.answer_number), str(version), *file.values()])
    command = _command(
        connection, tenant_id, case, STAGE, key, _texts(connection, case, draft, now), principal=principal, now=now
    )
    return disputes.change(connection, case, now=now, command_id=command.command_id, outcome=None)


def submit(
    connection: Connection, tenant_id: UUID, case_id: UUID, *, version: int, principal: Principal, now: datetime
) -> DisputeCase:
    """Send a version of the evidence to the bank, once; the same version again while it is on its way changes nothing.

    Whoever submits takes turns at the case, and its command's intent is unique for each time that the bank asks. Raises
    DisputeNotAllowed.
    """
    case = held(connection, case_id)
    if case.state in {"submitting", "submitted"} and _is_same_answer(connection, case, version):
        return case
    case = _allowed(connection, case_id, "submit", principal, now)
    draft = _latest(connection, case, version)
    key = f"dispute:{case.dispute_id}:submit:{case.answer_number}"
    command = _command(
        connection, tenant_id, case, SUBMIT, key, _texts(connection, case, draft, now), principal=principal, now=now
    )
    why = f"Version {draft.version} of the evidence, sha256 {draft.sha256}."
    return move(
        connection,
        tenant_id,
        case,
        "submitting",
        by=str(principal),
        why=why,
        now=now,
        command_id=command.command_id,
        outcome=None,
    )


def accept(
    connection: Connection, tenant_id: UUID, case_id: UUID, *, principal: Principal, why: str, now: datetime
) -> DisputeCase:
    """Give the dispute up, with the reason; nothing brings the money back. Raises DisputeNotAllowed."""
    case = held(connection, case_id)
    if case.state in {"accepting", "accepted"}:
        return case
    case = _allowed(connection, case_id, "accept", principal, now)
    if not why.strip():
        raise DisputeNotAllowed("Say why it is accepted.")
    key = f"dispute:{case.dispute_id}:close:{case.answer_number}"
    params = {"submissions_before": case.submissions_before}
    command = _command(connection, tenant_id, case, CLOSE, key, params, principal=principal, now=now)
    return move(
        connection,
        tenant_id,
        case,
        "accepting",
        by=str(principal),
        why=why.strip(),
        now=now,
        command_id=command.command_id,
        outcome=None,
    )


def _allowed(connection: Connection, case_id: UUID, deed: Deed, principal: Principal, now: datetime) -> DisputeCase:
    case = held(connection, case_id)
    refusal = dispute_rules.why_not(deed, case, principal, now)
    if refusal is not None:
        raise DisputeNotAllowed(refusal)
    return case


def _latest(connection: Connection, case: DisputeCase, version: int) -> Draft:
    """The version that was looked at, as long as nobody has written a newer one."""
    latest = disputes.draft(connection, case.case_id)
    if latest is None:
        raise DisputeNotAllowed("There is no evidence yet: write it first.")
    if latest.version != version:
        raise DisputeNotAllowed(
            f"{latest.written_by} wrote version {latest.version} of the evidence since version {version}: look at it first."
        )
    return latest


def _is_same_answer(connection: Connection, case: DisputeCase, version: int) -> bool:
    """Whether this version is the one that is on its way, or at the bank."""
    if case.state == "submitted":
        return case.submitted_version == version
    latest = disputes.draft(connection, case.case_id)
    return latest is not None and latest.version == version


def _texts(connection: Connection, case: DisputeCase, draft: Draft, now: datetime) -> dict[str, Any]:
    """What the command carries: the texts, the document if one was made (not before Stripe has it), Visa's compelling evidence.

    Stripe keeps what was staged before, so texts that were taken out are emptied there. Raises DisputeNotAllowed.
    """
    taken_out = disputes.field_names(connection, case.case_id) - set(draft.fields)
    return {
        "evidence": {
            **dict.fromkeys(sorted(taken_out), ""),
            **draft.fields,
            **evidence_file.field_of(connection, case.dispute_id),
            **evidence_holdings.enhanced(connection, case.dispute_id, now=now),
        },
        "evidence_sha256": draft.sha256,
        "draft_version": draft.version,
        "submissions_before": case.submissions_before,
    }


def _command(
    connection: Connection,
    tenant_id: UUID,
    case: DisputeCase,
    kind: str,
    intent_key: str,
    params: Mapping[str, Any],
    *,
    principal: Principal,
    now: datetime,
) -> commands.Command:
    intent = commands.Intent(
        kind, intent_key, subject_of(case.case_id), case.dispute_id, params, case.amount_minor, case.currency
    )
    return commands.submit(connection, tenant_id, intent, principal=principal, now=now)
