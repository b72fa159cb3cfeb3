"""Repairs a discrepancy: what it is about is fetched again and taken in, and looked at once more."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from billing import observers
from billing.principals import OPERATOR, Principal
from billing.reconciliation_rules import COPY, Discrepancy
from pipelines.handle_inbox import said
from pipelines.pull_stripe_client import StripePullError, StripeReader
from pipelines.pull_stripe_pages import Pull, retrieve
from pipelines.pull_stripe_streams import BY_KIND
from pipelines.reconcile_copies import beside
from pipelines.reconcile_money import (
    Contents,
    balance_money,
    charges_money,
    contents_of,
    payouts_money,
    transactions_money,
)
from store import audit, discrepancies, stripe_mirror
from store.database import DATABASE_AWAY, Connection, Engine, tenant_transaction
from store.discrepancies import Known
from store.failpoints import reach
from store.stripe_rows import Raw
from store.stripe_values import reference

AT_ONCE = 50
FOR_A_PERSON = (
    "Read again: our copy is what Stripe has, and Stripe's own numbers do not add up. A person has to look at it."
)


def repair_wanted(engine: Engine, tenant_id: UUID, reader: StripeReader, *, now: datetime) -> int:
    """Repair what people asked for; returns how many were looked at."""
    with tenant_transaction(engine, tenant_id) as connection:
        wanted = discrepancies.repairs_wanted(connection, limit=AT_ONCE)
    for known in wanted:
        repair(engine, tenant_id, reader, known, by=known.repair_wanted_by or str(OPERATOR), now=now)
    return len(wanted)


def repair_all(engine: Engine, tenant_id: UUID, reader: StripeReader, *, principal: Principal, now: datetime) -> int:
    """Repair every open discrepancy; returns how many are mended."""
    with tenant_transaction(engine, tenant_id) as connection:
        found = discrepancies.listed(connection)
    # Copies first: sums are made of them.
    ordered = sorted(found, key=lambda one: one.rule != COPY)
    return sum(repair(engine, tenant_id, reader, known, by=str(principal), now=now) for known in ordered)


def repair(engine: Engine, tenant_id: UUID, reader: StripeReader, known: Known, *, by: str, now: datetime) -> bool:
    """Fetch again what one discrepancy is about; True when it is mended, else the row says why it is not.

    What Stripe no longer has is marked as deleted in the mirror. The comparison afterwards decides, not the fetch.
    """
    pull = Pull(engine, tenant_id, reader, now, 1)
    try:
        left = _mend_copy(pull, known) if known.rule == COPY else _mend_sum(pull, known)
    except StripePullError as refusal:
        left = str(refusal)
    except DATABASE_AWAY:
        raise
    except Exception as failure:  # noqa: BLE001 - whoever acts on this kind may fail on one object; the others are repaired
        left = f"Read again, and taking it in failed: {said(failure)}"
    with tenant_transaction(engine, tenant_id) as connection:
        if not discrepancies.write_repair(connection, known, trouble=left, by=by, now=now):
            return False
        if left is None:
            audit.append(
                connection,
                at=now,
                principal=by,
                action="discrepancy:repair",
                subject=f"{known.object_kind} {known.object_id}",
                before={"rule": known.rule, "kind": known.kind, "sentence": known.sentence},
            )
    return left is None


def _mend_copy(pull: Pull, known: Known) -> str | None:
    """Take the object in as it is now; why the copy still differs, None when it does not."""
    stream = BY_KIND[known.object_kind]
    objects = _take_in(pull, known.object_kind, known.object_id)
    found, _ = beside(pull, stream, known.object_id, objects)
    return None if found is None else f"Read again, and still: {found.sentence}"


def _mend_sum(pull: Pull, known: Known) -> str | None:
    """Take in all that takes part in the sum; why it still does not add up, None when it does."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        others = list(_taking_part(connection, known))
    subject = [(known.object_kind, known.object_id)] if known.object_kind in BY_KIND else []
    for kind, id_ in {*subject, *others}:
        _take_in(pull, kind, id_)
    return FOR_A_PERSON if _still_off(pull, known) else None


def _take_in(pull: Pull, kind: str, id_: str) -> Sequence[Raw]:
    objects = retrieve(pull, BY_KIND[kind], id_)
    reach("reconcile.fetched_again")
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        observers.take_in(connection, pull.tenant_id, objects, pull.now)
    return objects


def _taking_part(connection: Connection, known: Known) -> Iterable[tuple[str, str]]:
    """The balance transactions that a sum was made of, and the charge behind a refund or a dispute."""
    yield from (("balance_transaction", id_) for id_ in known.refers_to)
    for raw in _mirrored(connection, known.object_kind, known.object_id):
        charge = reference(raw.get("charge"))
        if charge is not None:
            yield "charge", charge


def _still_off(pull: Pull, known: Known) -> bool:
    """Whether the same sum is off, counted from our copies as they are now."""
    if known.object_kind == "balance":
        sums = balance_money(pull)
    else:
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            objects = _mirrored(connection, known.object_kind, known.object_id)
        contents = contents_of(pull, objects)
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            sums = [found for _, found in _sums(connection, known, objects, contents)]
    return any((one.rule, one.object_id) == (known.rule, known.object_id) for one in sums)


def _sums(
    connection: Connection, known: Known, objects: Sequence[Raw], contents: Contents
) -> Iterable[tuple[frozenset[str], Discrepancy]]:
    match known.object_kind:
        case "payout":
            return payouts_money(connection, objects, contents)
        case "balance_transaction":
            return transactions_money(connection, objects, contents)
        case "charge":
            return charges_money(connection, objects, contents)
        case _:
            charges = [reference(raw.get("charge")) or "" for raw in objects]
            return charges_money(connection, stripe_mirror.current(connection, "charge", charges), contents)


def _mirrored(connection: Connection, kind: str, id_: str) -> list[Raw]:
    return stripe_mirror.current(connection, kind, [id_]) if kind in BY_KIND else []
