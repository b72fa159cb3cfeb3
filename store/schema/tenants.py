"""Who there is, and what was done by whom: tenants and their append-only audit log."""

from sqlalchemy import CheckConstraint, Column, LargeBinary, Text
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import document, global_table, moment, number, tenant_table, text_column

tenant_directory = global_table(
    "tenant_directory",
    Column("tenant_id", UUID(as_uuid=True), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    reason="turns a short name into a tenant before any tenant is set; it holds nothing else",
    commands=("select", "insert"),
)

tenants = tenant_table(
    "tenants",
    text_column("name", nullable=False),
    text_column("slug", nullable=False),
    text_column("reporting_currency", nullable=False),
    moment("created_at", nullable=False),
    CheckConstraint("reporting_currency ~ '^[a-z]{3}$'", name="reporting_currency"),
    key=(),
    commands=("select", "insert", "update"),
    root="tenant_directory",
)

audit_log = tenant_table(
    "audit_log",
    number("seq", nullable=False),
    moment("at", nullable=False),
    text_column("principal", nullable=False),
    text_column("action", nullable=False),
    text_column("subject", nullable=False),
    document("before"),
    document("after"),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
    CheckConstraint("length(hash) = 32 and length(prev_hash) = 32", name="hash"),
    key=("seq",),
    commands=("select", "insert"),
)
