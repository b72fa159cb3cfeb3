"""Investor reports: locked months that never change, the links they are shown by, and everybody who opened one."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import moment, number, tenant_table, text_column

REDACTIONS = ("all", "percentages", "indexed")
VIEW_KINDS = ("opened", "wrong_password", "throttled", "page", "pdf", "xlsx", "verified")

investor_snapshots = tenant_table(
    "investor_snapshots",
    Column("snapshot_id", UUID(as_uuid=True), nullable=False),
    Column("month", Date, nullable=False),
    number("revision", nullable=False),
    # Text and not jsonb, which would not give back the bytes that the hash was taken of.
    text_column("content", nullable=False),
    text_column("content_hash", nullable=False),
    text_column("ledger", nullable=False),
    text_column("ledger_hash", nullable=False),
    text_column("definitions_version", nullable=False),
    number("warehouse_version", nullable=False),
    moment("locked_at", nullable=False),
    text_column("locked_by", nullable=False),
    text_column("reason", nullable=False),
    UniqueConstraint("tenant_id", "month", "revision"),
    CheckConstraint("revision > 0", name="revision"),
    CheckConstraint("extract(day from month) = 1", name="month"),
    CheckConstraint("length(content_hash) = 64 and length(ledger_hash) = 64", name="hash"),
    key=("snapshot_id",),
    commands=("select", "insert"),
)

report_links = tenant_table(
    "report_links",
    Column("link_id", UUID(as_uuid=True), nullable=False),
    Column("snapshot_id", UUID(as_uuid=True), nullable=False),
    # Of token and password only what proves them is kept.
    text_column("token_sha256", nullable=False),
    text_column("password_hash", nullable=False),
    # Signs the cookies of this link's readers and no others.
    Column("session_key", LargeBinary, nullable=False),
    text_column("redaction", nullable=False),
    text_column("label", nullable=False),
    moment("created_at", nullable=False),
    text_column("created_by", nullable=False),
    moment("expires_at", nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "snapshot_id"], ["investor_snapshots.tenant_id", "investor_snapshots.snapshot_id"]
    ),
    UniqueConstraint("tenant_id", "token_sha256"),
    Index(None, "tenant_id", "snapshot_id"),
    CheckConstraint(f"redaction in ({', '.join(repr(name) for name in REDACTIONS)})", name="redaction"),
    CheckConstraint("expires_at > created_at", name="expires_later"),
    key=("link_id",),
    commands=("select", "insert"),
)

report_link_revocations = tenant_table(
    "report_link_revocations",
    Column("link_id", UUID(as_uuid=True), nullable=False),
    moment("revoked_at", nullable=False),
    text_column("revoked_by", nullable=False),
    ForeignKeyConstraint(["tenant_id", "link_id"], ["report_links.tenant_id", "report_links.link_id"]),
    key=("link_id",),
    commands=("select", "insert"),
)

report_link_views = tenant_table(
    "report_link_views",
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("link_id", UUID(as_uuid=True), nullable=False),
    moment("at", nullable=False),
    text_column("kind", nullable=False),
    text_column("address"),
    text_column("agent"),
    ForeignKeyConstraint(["tenant_id", "link_id"], ["report_links.tenant_id", "report_links.link_id"]),
    Index(None, "tenant_id", "link_id", "at"),
    CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in VIEW_KINDS)})", name="kind"),
    key=("position",),
    commands=("select", "insert"),
)
