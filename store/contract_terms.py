"""The tenant's contract terms: added and superseded, never overwritten, so that what was known at any moment can be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, text, update

from pricing.contracts import Commitment, Credit, Discount, Rule, Term, UnitPrices, VolumeTiers
from store.schema import contract_terms

table = contract_terms.c
_KINDS: dict[type[Rule], str] = {
    UnitPrices: "unit_prices",
    Discount: "discount",
    VolumeTiers: "volume_tiers",
    Commitment: "commitment",
    Credit: "credit",
}


@dataclass(frozen=True)
class RecordedTerm:
    """A term with who wrote it down, when and why, and when it was superseded (None: it is in force)."""

    term: Term
    recorded_at: datetime
    recorded_by: str
    because: str
    superseded_at: datetime | None


def kind_of(rule: Rule) -> str:
    """The kind of a rule as the table spells it."""
    return _KINDS[type(rule)]


def read(connection: Connection, *, known_at: datetime | None = None) -> list[Term]:
    """The terms that are known now, or that were known at a moment, by contract and date."""
    return [recorded.term for recorded in listed(connection, known_at=known_at)]


def listed(connection: Connection, *, known_at: datetime | None = None) -> list[RecordedTerm]:
    """The same with their records."""
    known: ColumnElement[bool] = table.superseded_at.is_(None)
    if known_at is not None:
        known = and_(table.recorded_at <= known_at, or_(table.superseded_at.is_(None), table.superseded_at > known_at))
    rows = connection.execute(
        select(contract_terms).where(known).order_by(table.contract_id, table.valid_from, table.kind, table.term_id)
    )
    return [_recorded(row) for row in rows]


def find(connection: Connection, term_id: UUID, *, lock: bool = False) -> RecordedTerm | None:
    """The term with this id, in force or not; held until the transaction ends with `lock`."""
    query = select(contract_terms).where(table.term_id == term_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _recorded(row)


def hold(connection: Connection) -> None:
    """Let nobody else compare and write terms of the tenant until the open transaction ends."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('contract_terms:' || current_tenant_id()::text, 0))")
    )


def add(connection: Connection, term: Term, *, by: str, because: str, now: datetime) -> None:
    """Write a term down in the tenant's open transaction."""
    connection.execute(
        insert(contract_terms).values(
            tenant_id=func.current_tenant_id(),
            term_id=UUID(term.term_id),
            contract_id=term.contract_id,
            provider=term.provider,
            models=term.models,
            service_tier=term.service_tier,
            kind=kind_of(term.rule),
            rule=rule_document(term.rule),
            valid_from=term.valid_from,
            valid_to=term.valid_to,
            recorded_at=now,
            recorded_by=by,
            because=because,
        )
    )


def supersede(connection: Connection, term_id: UUID, *, by: str, because: str, now: datetime) -> bool:
    """Let a term no longer be what is known; False when it already is not."""
    moved = connection.execute(
        update(contract_terms)
        .where(table.term_id == term_id, table.superseded_at.is_(None))
        .values(superseded_at=now, superseded_by=by, superseded_because=because)
    )
    return moved.rowcount == 1


def rule_document(rule: Rule) -> dict[str, Any]:
    """A rule as JSON; amounts in pico-USD are texts, since JSON has no integers as large."""
    match rule:
        case UnitPrices(prices):
            return {"unit_pico_usd": {bucket: str(price) for bucket, price in prices.items()}}
        case Discount(off_ppm):
            return {"off_ppm": off_ppm}
        case VolumeTiers(bucket, steps):
            return {"bucket": bucket, "steps": [[up_to, str(price)] for up_to, price in steps]}
        case Commitment(monthly, overage_ppm):
            return {"monthly_pico_usd": str(monthly), "overage_ppm": overage_ppm}
        case Credit(granted):
            return {"granted_pico_usd": str(granted)}


def _rule(kind: str, written: Mapping[str, Any]) -> Rule:
    match kind:
        case "unit_prices":
            return UnitPrices({bucket: int(price) for bucket, price in written["unit_pico_usd"].items()})
        case "discount":
            return Discount(written["off_ppm"])
        case "volume_tiers":
            return VolumeTiers(written["bucket"], tuple((up_to, int(price)) for up_to, price in written["steps"]))
        case "commitment":
            return Commitment(int(written["monthly_pico_usd"]), written["overage_ppm"])
        case "credit":
            return Credit(int(written["granted_pico_usd"]))
    raise AssertionError(f"the table's constraint knows no kind {kind}")


def _recorded(row: Row[Any]) -> RecordedTerm:
    term = Term(
        term_id=str(row.term_id),
        contract_id=row.contract_id,
        provider=row.provider,
        models=row.models,
        service_tier=row.service_tier,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        rule=_rule(row.kind, row.rule),
    )
    return RecordedTerm(term, row.recorded_at, row.recorded_by, row.because, row.superseded_at)
