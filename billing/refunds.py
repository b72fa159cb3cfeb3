"""The refund queue: ask, check, put evidence beside it, decide, send, settle; each step with who, when and why, and audited."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from billing import commands, refund_rules
from billing.principals import Principal
from billing.refund_command import KIND
from billing.refund_rules import Asked, Finding, Pending, Raw, RefundPolicy
from billing.refund_states import OPEN, UNDECIDED, State, follow
from billing.refund_steps import SERVICE, RefundNotAllowed, held, known, state_of, subject_of, write_step
from store import paid_charges, refund_requests
from store.database import Connection
from store.refund_requests import Evidence, RefundRequest

LARGEST_FILE_BYTES = 5_000_000


@dataclass(frozen=True)
class Wanted:
    """A refund as somebody asks for it. `of` is a charge, payment or invoice by id, or an invoice's number; no amount means all that is left."""

    of: str
    amount_minor: int | None
    reason: str
    note: str | None = None
    external_id: str | None = None
    currency: str | None = None


def policy(connection: Connection) -> RefundPolicy:
    """The tenant's rules, or the defaults."""
    kept = refund_requests.policy(connection)
    return RefundPolicy() if kept is None else RefundPolicy(window_days=kept[0], limits_minor=kept[1])


def request(
    connection: Connection, tenant_id: UUID, wanted: Wanted, *, source: str, principal: Principal, now: datetime
) -> tuple[RefundRequest, bool]:
    """Put a request into the queue; the same external id again finds the first one. Returns it and whether it is new.

    `source` is page, api or import. Nothing is decided here beyond that the charge is known and the amount can be meant. Raises
    RefundNotAllowed.
    """
    if principal.role == "viewer":
        raise RefundNotAllowed("A viewer asks for no refunds.")
    if wanted.reason not in refund_rules.REASONS:
        raise RefundNotAllowed(f"{wanted.reason!r} is none of Stripe's reasons: {', '.join(refund_rules.REASONS)}.")
    charge = paid_charges.charge_behind(connection, wanted.of.strip())
    if charge is None:
        raise RefundNotAllowed(
            f"No paid charge is known by {wanted.of!r}: give the id of a charge, a payment or an invoice."
        )
    if wanted.currency is not None and wanted.currency.lower() != charge.currency:
        raise RefundNotAllowed(f"The charge is in {charge.currency}, not in {wanted.currency.lower()}.")
    amount_minor = charge.left_minor if wanted.amount_minor is None else wanted.amount_minor
    if not 0 < amount_minor <= charge.amount_captured_minor:
        raise RefundNotAllowed(
            f"{amount_minor} {charge.currency} (minor units) cannot be refunded of a charge of {charge.amount_captured_minor}."
        )
    made, is_new = refund_requests.add(
        connection,
        tenant_id,
        now=now,
        external_id=wanted.external_id,
        source=source,
        charge_id=charge.charge_id,
        invoice_id=charge.invoice_id,
        customer_id=charge.customer_id,
        amount_minor=amount_minor,
        currency=charge.currency,
        reason=wanted.reason,
        note=(wanted.note or "").strip() or None,
        requested_by=str(principal),
    )
    if is_new:
        write_step(connection, tenant_id, made, "requested", by=str(principal), why=made.note, now=now)
    return made, is_new


def check(
    connection: Connection, tenant_id: UUID, asked: RefundRequest, charge: Raw | None, now: datetime
) -> RefundRequest | None:
    """Hold a request against Stripe's charge as it is now; None when somebody moved the request meanwhile."""
    standing = _standing(connection, asked, charge, now)
    said = " ".join(finding.sentence for finding in standing) or "Nothing stands against it."
    checked = refund_requests.change(
        connection,
        asked,
        now=now,
        state=follow(state_of(asked), "checked"),
        findings=[asdict(finding) for finding in standing],
        checked_at=now,
        check_trouble=None,
    )
    if checked is not None:
        write_step(connection, tenant_id, checked, "checked", by=SERVICE, why=said, now=now)
    return checked


def attach(
    connection: Connection,
    tenant_id: UUID,
    request_id: UUID,
    *,
    name: str,
    link: str | None = None,
    content: bytes | None = None,
    media_type: str | None = None,
    principal: Principal,
    now: datetime,
) -> Evidence:
    """Keep a file or a link beside a request that is not decided yet. Raises RefundNotAllowed, NoSuchStep."""
    asked = held(connection, request_id)
    if (link is None) == (content is None):
        raise RefundNotAllowed("Evidence is either a file or a link.")
    if link is not None and not link.startswith(("https://", "http://")):
        raise RefundNotAllowed(f"{link!r} is no web address: it must begin with https://.")
    if content is not None and not 0 < len(content) <= LARGEST_FILE_BYTES:
        raise RefundNotAllowed(f"{name!r} has {len(content)} bytes; up to {LARGEST_FILE_BYTES} are kept, and not none.")
    if state_of(asked) != "evidence":
        follow(state_of(asked), "evidence")
        refund_requests.change(connection, asked, now=now, state="evidence")
    kept = refund_requests.add_evidence(
        connection,
        tenant_id,
        request_id,
        name=name,
        link=link,
        content=content,
        media_type=media_type,
        by=str(principal),
        now=now,
    )
    why = f"{kept.name} (sha256 {kept.sha256})"
    write_step(connection, tenant_id, asked, "evidence", by=str(principal), why=why, now=now)
    return kept


def approve(
    connection: Connection,
    tenant_id: UUID,
    request_id: UUID,
    *,
    principal: Principal,
    now: datetime,
    why: str | None = None,
    override_reason: str | None = None,
) -> RefundRequest:
    """Decide that it is refunded, and write the command down in the same transaction; the worker sends it.

    Whoever decides about one charge takes turns, so the sum that is on its way never exceeds what is left. Raises
    RefundNotAllowed, NoSuchStep.
    """
    asked = known(connection, request_id)
    refund_requests.hold_charge(connection, asked.charge_id)
    asked = held(connection, request_id)
    decided = follow(state_of(asked), "decided")
    standing = [*_kept_findings(asked), *_reserved(connection, asked)]
    refusal = refund_rules.why_not_approve(
        principal,
        Asked(asked.amount_minor, asked.currency),
        asked.requested_by.rsplit(" (", 1)[0],
        standing,
        policy(connection),
        override_reason=override_reason,
    )
    if refusal is not None:
        raise RefundNotAllowed(refusal)
    subject = subject_of(request_id)
    intent = commands.Intent(
        KIND, subject, subject, asked.charge_id, {"reason": asked.reason}, asked.amount_minor, asked.currency
    )
    command = commands.submit(connection, tenant_id, intent, principal=principal, now=now)
    moved = refund_requests.change(
        connection,
        asked,
        now=now,
        state=decided,
        decided_by=str(principal),
        override_reason=(override_reason or "").strip() or None,
        command_id=command.command_id,
    )
    assert moved is not None, "the row is held"
    reasons = " ".join(filter(None, [(why or "").strip(), moved.override_reason]))
    write_step(connection, tenant_id, moved, "decided", by=str(principal), why=reasons or None, now=now)
    return moved


def decline(
    connection: Connection, tenant_id: UUID, request_id: UUID, *, principal: Principal, why: str, now: datetime
) -> RefundRequest:
    """Decide that it is not refunded, with the reason. Raises RefundNotAllowed, NoSuchStep."""
    if principal.role in {"viewer", "finance"}:
        raise RefundNotAllowed(f"A {principal.role} does not decide about refunds.")
    if not why.strip():
        raise RefundNotAllowed("Say why it is declined.")
    return _end(connection, tenant_id, request_id, "declined", by=str(principal), why=why.strip(), now=now)


def cancel(
    connection: Connection, tenant_id: UUID, request_id: UUID, *, principal: Principal, why: str | None, now: datetime
) -> RefundRequest:
    """Take a request back, even an approved one as long as it was never sent. Raises RefundNotAllowed, NoSuchStep."""
    asked = known(connection, request_id)
    if asked.requested_by != str(principal) and not principal.ranks_at_least("lead"):
        raise RefundNotAllowed(f"Only {asked.requested_by}, a lead or a founder takes this request back.")
    # The command first and the request after it, as the worker holds them when it settles one.
    is_sent = asked.command_id is not None and not commands.cancel(
        connection, asked.command_id, principal=principal, now=now
    )
    if is_sent:
        raise RefundNotAllowed("It is on its way to Stripe already and cannot be taken back.")
    return _end(connection, tenant_id, request_id, "canceled", by=str(principal), why=why, now=now)


def _standing(connection: Connection, asked: RefundRequest, charge: Raw | None, now: datetime) -> list[Finding]:
    others = [
        Pending(str(other.request_id), other.amount_minor, other.state not in UNDECIDED)
        for other in refund_requests.of_charge(connection, asked.charge_id, states=OPEN)
        if other.request_id != asked.request_id
    ]
    wanted = Asked(asked.amount_minor, asked.currency)
    return refund_rules.findings(charge, wanted, others, policy(connection), now)


def _kept_findings(asked: RefundRequest) -> list[Finding]:
    return [Finding(**finding) for finding in asked.findings or ()]  # type: ignore[arg-type]  # written by `check`


def _reserved(connection: Connection, asked: RefundRequest) -> Sequence[Finding]:
    """A stop when the charge has not enough left beside what was decided since the check; by the mirror and the queue."""
    mirrored = paid_charges.mirrored_charge(connection, asked.charge_id)
    if mirrored is None:
        return [Finding("no_charge", "stop", f"The charge {asked.charge_id} is not known here any more.")]
    captured_minor, given_back_minor = mirrored
    on_their_way_minor = sum(
        other.amount_minor
        for other in refund_requests.of_charge(connection, asked.charge_id, states=("decided", "sent", "settled"))
        if other.refund_id is None or not paid_charges.is_mirrored_refund(connection, other.refund_id)
    )
    left_minor = captured_minor - given_back_minor - on_their_way_minor
    if asked.amount_minor <= left_minor:
        return []
    said = (
        f"Of {captured_minor} {asked.currency} (minor units) {given_back_minor} are given back and {on_their_way_minor} on their way, "
        f"so {asked.amount_minor} are too much."
    )
    return [Finding("reserved", "stop", said)]


def _end(
    connection: Connection, tenant_id: UUID, request_id: UUID, step: State, *, by: str, why: str | None, now: datetime
) -> RefundRequest:
    asked = held(connection, request_id)
    moved = refund_requests.change(connection, asked, now=now, state=follow(state_of(asked), step), outcome=why)
    assert moved is not None, "the row is held"
    write_step(connection, tenant_id, moved, step, by=by, why=why, now=now)
    return moved
