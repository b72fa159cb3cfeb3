"""Whose usage it is: which Stripe customer the names mean that usage gives to customers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from store import audit
from store.schema import customer_mappings, stripe_customers

REFS_SCHEMA: dict[str, pl.DataType] = {"customer_ref": pl.String(), "customer_id": pl.String()}
# Under such keys people keep their own id of a customer: account_id, userId, External-ID, uuid, account … Any other key counts
# only where none of these has the name.
ID_KEY = re.compile(r"(id|ref)$|^(account|customer|org|organization|project|team|tenant|user|username|workspace)$")


@dataclass(frozen=True)
class MirroredCustomer:
    """A Stripe customer as far as names go."""

    customer_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_deleted: bool = False


def save(connection: Connection, mapping: Mapping[str, str], *, principal: str, now: datetime) -> int:
    """Keep which customer each name means (name -> `cus_…`), in the tenant's transaction; a newer word replaces an older.

    Returns how many names mean something else than before; these are in the audit log, because they move cost.
    """
    known = _mapped(connection) if mapping else {}
    changed = {ref: customer_id for ref, customer_id in sorted(mapping.items()) if known.get(ref) != customer_id}
    if not changed:
        return 0
    tenant_id = connection.scalar(select(func.current_tenant_id()))
    statement = insert(customer_mappings)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "source_ref"],
            set_={"customer_id": statement.excluded.customer_id, "created_at": statement.excluded.created_at},
        ),
        [
            {"tenant_id": tenant_id, "source_ref": ref, "customer_id": customer_id, "created_at": now}
            for ref, customer_id in changed.items()
        ],
    )
    audit.append(
        connection,
        at=now,
        principal=principal,
        action="customer_mapping:record",
        subject=f"{len(changed)} names",
        before={ref: known[ref] for ref in changed if ref in known},
        after=changed,
    )
    return len(changed)


def _mapped(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(customer_mappings.c.source_ref, customer_mappings.c.customer_id))
    return {row.source_ref: row.customer_id for row in rows}


def customer_refs(connection: Connection) -> pl.DataFrame:
    """One row for every name that means a customer of the mirror (REFS_SCHEMA), by the rule of `resolve`.

    Usage is joined to it whenever the warehouse is built: a mapping that comes later repairs history.
    """
    table = stripe_customers.c
    rows = connection.execute(select(table.id, table.metadata, table.is_deleted))
    customers = [MirroredCustomer(row.id, row.metadata or {}, row.is_deleted) for row in rows]
    refs = resolve(_mapped(connection), customers)
    return pl.DataFrame(sorted(refs.items()), schema=REFS_SCHEMA, orient="row")


def has_customers(connection: Connection) -> bool:
    """Whether any customer has been pulled from Stripe; before that, nobody can say whose usage it is."""
    return connection.scalar(select(stripe_customers.c.id).limit(1)) is not None


def resolve(mapping: Mapping[str, str], customers: Iterable[MirroredCustomer]) -> dict[str, str]:
    """Customer by name: the mapping's word, else the customer's own id, else its metadata (ID_KEY before other keys).

    In metadata a customer that still exists goes before a deleted one; a name that then stands for two means nobody. A
    name mapped to a customer that the mirror does not have means nobody either, until that customer is pulled.
    """
    known = {customer.customer_id: customer for customer in customers}
    claims: dict[str, dict[tuple[bool, bool], set[str]]] = {}
    for customer in known.values():
        for key, value in customer.metadata.items():
            rank = (ID_KEY.search(key.strip().lower()) is None, customer.is_deleted)
            claims.setdefault(value, {}).setdefault(rank, set()).add(customer.customer_id)
    by_metadata = {name: min(ranked.items())[1] for name, ranked in claims.items() if name}
    refs = {name: next(iter(ids)) for name, ids in by_metadata.items() if len(ids) == 1}
    refs |= {customer_id: customer_id for customer_id in known}
    refs |= mapping
    return {name: customer_id for name, customer_id in refs.items() if customer_id in known}
