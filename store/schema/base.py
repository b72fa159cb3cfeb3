"""The two kinds of table there are: tenant tables, which row-level security guards, and global ones, each with its reason."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.schema import SchemaItem

SCHEMA = "metering"  # found through the roles' search_path, so that no statement has to spell it
ALL_COMMANDS = ("select", "insert", "update", "delete")

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

Columns = Column[Any]


def text_column(name: str, *, nullable: bool = True) -> Columns:
    """A text column; identifiers and words as their source spells them."""
    return Column(name, Text, nullable=nullable)


def number(name: str, *, nullable: bool = True) -> Columns:
    """A 64-bit integer; the unit stands last in its name (`_minor`, `_nano`, plain counts)."""
    return Column(name, BigInteger, nullable=nullable)


def counter(name: str) -> Columns:
    """A count that starts at zero and is never unknown."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def moment(name: str, *, nullable: bool = True) -> Columns:
    """A point in time with its zone; Postgres keeps it in UTC."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def claim(name: str, *, nullable: bool = True) -> Columns:
    """A boolean whose name reads as a claim."""
    return Column(name, Boolean, nullable=nullable)


def document(name: str, *, nullable: bool = True) -> Columns:
    """A JSON document."""
    return Column(name, JSONB(none_as_null=True), nullable=nullable)


def tenant_table(
    name: str,
    *items: SchemaItem,
    key: Sequence[str],
    commands: Sequence[str] = ALL_COMMANDS,
    root: str | None = "tenants",
) -> Table:
    """A table whose every row belongs to one tenant: key and references start with tenant_id.

    `commands` are those the application's role may use; each gets its own policy. `root` is what tenant_id refers to; None for
    nothing, where a look-up per row is too dear: the policy lets the tenant of the transaction be written alone.
    """
    return Table(
        name,
        metadata,
        Column("tenant_id", UUID(as_uuid=True), nullable=False),
        *items,
        PrimaryKeyConstraint("tenant_id", *key),
        *([] if root is None else [ForeignKeyConstraint(["tenant_id"], [f"{root}.tenant_id"])]),
        info={"commands": tuple(commands)},
    )


def global_table(name: str, *items: SchemaItem, reason: str, commands: Sequence[str]) -> Table:
    """A table that all tenants share, and the reason why no row of it tells one tenant about another's affairs."""
    return Table(name, metadata, *items, info={"commands": tuple(commands), "global_reason": reason})


def steps_table(name: str, *items: SchemaItem, root: str, subject: str) -> Table:
    """The steps of the subjects that `root` holds by `subject`: which, when, who and why; written once, never changed."""
    return tenant_table(
        name,
        Column(subject, UUID(as_uuid=True), nullable=False),
        Column("position", BigInteger, Identity(always=True), nullable=False),
        text_column("step", nullable=False),
        moment("at", nullable=False),
        text_column("who", nullable=False),
        text_column("why"),
        ForeignKeyConstraint(["tenant_id", subject], [f"{root}.tenant_id", f"{root}.{subject}"]),
        *items,
        key=[subject, "position"],
        commands=("select", "insert"),
    )
