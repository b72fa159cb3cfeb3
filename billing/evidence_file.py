"""The document for the bank at Stripe: made from what is held, uploaded once through the outbox, named by its hash."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from billing import commands, dispute_rules
from billing.commands import Command, CommandKind, Intent, Raw, ReadStripe, Request, Upload
from billing.dispute_steps import DisputeNotAllowed, held, subject_of
from billing.evidence import assemble
from billing.evidence_facts import Holdings
from billing.evidence_holdings import holdings
from billing.evidence_pdf import evidence_pdf
from billing.principals import Principal
from store import disputes, evidence_files, stripe_commands
from store.database import Connection
from store.evidence_files import EvidenceFile
from store.warehouse_reads import Warehouse

FILE_CREATE = "file.create"
PURPOSE = "dispute_evidence"


@dataclass(frozen=True)
class Document:
    """The latest document of a dispute and where it is. `sentence` is Stripe's own when it was refused."""

    file: EvidenceFile
    state: Literal["uploaded", "on_its_way", "refused"]
    sentence: str | None = None


def make(
    connection: Connection,
    tenant_id: UUID,
    warehouse: Warehouse | None,
    case_id: UUID,
    *,
    principal: Principal,
    now: datetime,
) -> EvidenceFile:
    """Make the document of a dispute from what is held now and the texts last written, keep it, and have it uploaded.

    Whoever asks again while nothing has changed gets the document that is there: it is laid out anew under the earlier one's
    date and compared byte by byte. Raises DisputeNotAllowed, NoSuchDispute, EvidenceTooLong.
    """
    case = held(connection, case_id)
    refusal = dispute_rules.why_not("edit", case, principal, now)
    if refusal is not None:
        raise DisputeNotAllowed(refusal)
    evidence_files.hold_dispute(connection, case.dispute_id)
    facts = holdings(connection, warehouse, case.dispute_id, now=now)
    draft = disputes.draft(connection, case_id)
    texts = None if draft is None else draft.fields
    latest = evidence_files.latest(connection, case.dispute_id)
    if latest is not None and _says_the_same(connection, latest, facts, texts):
        return latest
    content = _laid_out(facts, texts)
    sha256 = _hash(content)
    file_id = uuid4()
    intent = Intent(FILE_CREATE, f"evidence_file:{file_id}", subject_of(case_id), None, {"sha256": sha256})
    command = commands.submit(connection, tenant_id, intent, principal=principal, now=now)
    kept = EvidenceFile(
        file_id=file_id,
        dispute_id=case.dispute_id,
        field=assemble(facts).file_field,
        name=f"evidence-{case.dispute_id}-{sha256[:16]}.pdf",
        sha256=sha256,
        as_of=facts.as_of,
        made_by=str(principal),
        made_at=now,
        command_id=command.command_id,
        stripe_file_id=None,
    )
    evidence_files.add(connection, tenant_id, kept, content)
    return kept


def document(connection: Connection, dispute_id: str) -> Document | None:
    """The latest document of a dispute, and whether Stripe has it; None when none was made."""
    latest = evidence_files.latest(connection, dispute_id)
    if latest is None:
        return None
    if latest.stripe_file_id is not None:
        return Document(latest, "uploaded")
    command = stripe_commands.find(connection, latest.command_id)
    if command is not None and command.state in {"refused", "canceled"}:
        return Document(latest, "refused", str((command.refusal or {}).get("sentence") or "The upload was taken back."))
    return Document(latest, "on_its_way")


def field_of(connection: Connection, dispute_id: str) -> dict[str, str]:
    """What a dispute's evidence says about its document: the file's id in Stripe's field; nothing when none was made.

    Raises DisputeNotAllowed while the document is on its way, or when Stripe refused it: the evidence is not sent without it.
    """
    found = document(connection, dispute_id)
    if found is None:
        return {}
    if found.state == "on_its_way":
        raise DisputeNotAllowed("The document is on its way to Stripe; the evidence goes with it once it is there.")
    if found.state == "refused":
        raise DisputeNotAllowed(f"Stripe did not take the document: {found.sentence} Make it anew.")
    return {found.file.field: str(found.file.stripe_file_id)}


def _says_the_same(
    connection: Connection, latest: EvidenceFile, facts: Holdings, texts: Mapping[str, str] | None
) -> bool:
    """Whether a document says what is held now, under its own date, and is at Stripe or may yet come there."""
    found = document(connection, latest.dispute_id)
    if found is None or found.state == "refused":
        return False
    return _hash(_laid_out(replace(facts, as_of=latest.as_of), texts)) == latest.sha256


def _laid_out(facts: Holdings, texts: Mapping[str, str] | None) -> bytes:
    """The document; with the texts as a person has edited them, where somebody has."""
    found = assemble(facts)
    return evidence_pdf(facts, found if texts is None else replace(found, fields=texts))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _request(_command: Command) -> Request:
    return Request("post", "/v1/files", {"purpose": PURPOSE})


def _upload(connection: Connection, command: Command) -> Upload:
    kept = evidence_files.of_command(connection, command.command_id)
    assert kept is not None, "the document is written down with its command"
    return Upload(kept.name, evidence_files.content_of(connection, kept.file_id))


def find_uploaded(read: ReadStripe, command: Command) -> Raw | None:
    """The file that this command has uploaded, by its name, which has the bytes' hash in it, among all files of the purpose.

    Stripe takes no metadata for files and lists the newest first.
    """
    after: dict[str, str] = {}
    while True:
        page = read("/v1/files", {"purpose": PURPOSE, "limit": 100, **after})
        for found in page["data"]:
            if str(found.get("filename") or "").endswith(f"-{command.params['sha256'][:16]}.pdf"):
                return dict(found)
        if not page["has_more"]:
            return None
        after = {"starting_after": page["data"][-1]["id"]}


def _check(_read: ReadStripe, _command: Command, _now: datetime) -> str | None:
    """Nothing stands against an upload: a file that no evidence names is seen by nobody."""
    return None


def _settle(connection: Connection, _tenant_id: UUID, command: Command, _now: datetime) -> None:
    """Stripe has the file: evidence can name it. A refusal is read from the command."""
    kept = evidence_files.of_command(connection, command.command_id)
    if kept is not None and command.state == "succeeded" and command.answer_id is not None:
        evidence_files.uploaded(connection, kept.file_id, command.answer_id)


EVIDENCE_FILE = CommandKind(FILE_CREATE, _request, find_uploaded, _check, _settle, _upload)
