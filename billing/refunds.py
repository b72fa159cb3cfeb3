"""The refund queue: ask, check, put evidence beside it, decide, send, settle; each step with who, when and why, and audited."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from billing import commands, refund_rules
from billing.principals import Principal
from billing.refund_command import KIND
from billing.refund_rules import Asked, Raw, RefundPolicy
from billing.refund_standing import found_at_check, reserved, standing_now
from billing.refund_states import State, follow
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
    idempotency_key: str | None = None

    @property
    def sha256(self) -> str:
        """What is the same for two requests that ask for the same, whatever key they come under."""
        said = [self.of.strip(), self.amount_minor, self.reason, (self.note or "").strip(), self.external_id]
        said.append((self.currency or "").lower())
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def policy(connection: Connection) -> RefundPolicy:
    """The tenant's rules, or the defaults."""
    kept = refund_requests.policy(connection)
    return RefundPolicy() if kept is None else RefundPolicy(window_days=kept[0], limits_minor=kept[1])


def request(
    connection: Connection, tenant_id: UUID, wanted: Wanted, *, source: str, principal: Principal, now: datetime
) -> tuple[RefundRequest, bool]:
    """Put a request into the queue; the same external id or idempotency key again finds the first one. Returns it and whether it is new.

    `source` is page, api or import. Nothing is decided here beyond that the charge is known and the amount can be meant. Raises
    RefundNotAllowed, also when the id or key came before with something else.
    """
    if principal.role == "viewer":
        raise RefundNotAllowed("A viewer asks for no refunds.", because="role")
    known_as = refund_requests.find_asked(connection, wanted.external_id, wanted.idempotency_key)
    if known_as is not None:  # looked for first: what was asked for once is found whatever became of the charge
        return _the_same(known_as, wanted), False
    charge, amount_minor = _meant(connection, wanted)
    made, is_new = refund_requests.add(
        connection,
        tenant_id,
        now=now,
        external_id=wanted.external_id,
        idempotency_key=wanted.idempotency_key,
        asked_sha256=wanted.sha256,
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
    if not is_new:
        return _the_same(made, wanted), False
    write_step(connection, tenant_id, made, "requested", by=str(principal), why=made.note, now=now)
    return made, True


def _meant(connection: Connection, wanted: Wanted) -> tuple[paid_charges.Charge, int]:
    """The charge that is meant and the amount in minor units. Raises RefundNotAllowed with the field that is wrong."""
    if wanted.reason not in refund_rules.REASONS:
        said = f"{wanted.reason!r} is none of Stripe's reasons: {', '.join(refund_rules.REASONS)}."
        raise RefundNotAllowed(said, because="value", field="reason")
    charge = paid_charges.charge_behind(connection, wanted.of.strip())
    if charge is None:
        said = f"No paid charge is known by {wanted.of!r}: give the id of a charge, a payment or an invoice."
        raise RefundNotAllowed(said, because="value", field="of")
    if wanted.currency is not None and wanted.currency.lower() != charge.currency:
        said = f"The charge is in {charge.currency}, not in {wanted.currency.lower()}."
        raise RefundNotAllowed(said, because="value", field="currency")
    amount_minor = charge.left_minor if wanted.amount_minor is None else wanted.amount_minor
    if not 0 < amount_minor <= charge.amount_captured_minor:
        said = f"{amount_minor} {charge.currency} (minor units) cannot be refunded of a charge of {charge.amount_captured_minor}."
        raise RefundNotAllowed(said, because="value", field="amount_minor")
    return charge, amount_minor


def _the_same(first: RefundRequest, wanted: Wanted) -> RefundRequest:
    """The first request, if it asked for the same; rows from before the hash was kept are taken at their name."""
    if first.asked_sha256 not in {None, wanted.sha256}:
        name = first.external_id or first.idempotency_key
        raise RefundNotAllowed(
            f"{name!r} stands for another refund already, request {first.request_id}: give a new one a new name."
        )
    return first


def check(
    connection: Connection, tenant_id: UUID, asked: RefundRequest, charge: Raw | None, now: datetime
) -> RefundRequest | None:
    """Hold a request against Stripe's charge as it is now; None when somebody moved the request meanwhile."""
    standing = standing_now(connection, asked, charge, policy(connection), now)
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
    if principal.role == "viewer":
        raise RefundNotAllowed("A viewer adds no evidence.", because="role")
    asked = held(connection, request_id)
    if (link is None) == (content is None):
        raise RefundNotAllowed("Evidence is either a file or a link.", because="value", field="link")
    if link is not None and not link.startswith(("https://", "http://")):
        said = f"{link!r} is no web address: it must begin with https://."
        raise RefundNotAllowed(said, because="value", field="link")
    if content is not None and not 0 < len(content) <= LARGEST_FILE_BYTES:
        said = f"{name!r} has {len(content)} bytes; up to {LARGEST_FILE_BYTES} are kept, and not none."
        raise RefundNotAllowed(said, because="value", field="content")
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
    refund_requests.hold_charge(connection, known(connection, request_id).charge_id)
    asked = held(connection, request_id)
    decided = follow(state_of(asked), "decided")
    standing = [*found_at_check(asked), *reserved(connection, asked)]
    refusal = refund_rules.why_not_approve(
        principal,
        Asked(asked.amount_minor, asked.currency),
        asked.requested_by.rsplit(" (", 1)[0],
        standing,
        policy(connection),
        override_reason=override_reason,
    )
    if refusal is not None:
        field = "override_reason" if refusal.because == "value" else None
        raise RefundNotAllowed(refusal.sentence, because=refusal.because, field=field)
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
        raise RefundNotAllowed(f"A {principal.role} does not decide about refunds.", because="role")
    if not why.strip():
        raise RefundNotAllowed("Say why it is declined.", because="value", field="why")
    return _end(connection, tenant_id, request_id, "declined", by=str(principal), why=why.strip(), now=now)


def cancel(
    connection: Connection, tenant_id: UUID, request_id: UUID, *, principal: Principal, why: str | None, now: datetime
) -> RefundRequest:
    """Take a request back, even an approved one as long as it was never sent. Raises RefundNotAllowed, NoSuchStep."""
    asked = known(connection, request_id)
    if asked.requested_by != str(principal) and not principal.ranks_at_least("lead"):
        said = f"Only {asked.requested_by}, a lead or a founder takes this request back."
        raise RefundNotAllowed(said, because="role")
    # The command first and the request after it, as the worker holds them when it settles one.
    is_sent = asked.command_id is not None and not commands.cancel(
        connection, asked.command_id, principal=principal, now=now
    )
    if is_sent:
        raise RefundNotAllowed("It is on its way to Stripe already and cannot be taken back.")
    return _end(connection, tenant_id, request_id, "canceled", by=str(principal), why=why, now=now)


def _end(
    connection: Connection, tenant_id: UUID, request_id: UUID, step: State, *, by: str, why: str | None, now: datetime
) -> RefundRequest:
    asked = held(connection, request_id)
    moved = refund_requests.change(connection, asked, now=now, state=follow(state_of(asked), step), outcome=why)
    assert moved is not None, "the row is held"
    write_step(connection, tenant_id, moved, step, by=by, why=why, now=now)
    return moved
