"""Dispute evidence: what a tenant says of its own shop, and the documents that were made for the bank."""

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import moment, tenant_table, text_column

evidence_policies = tenant_table(
    "evidence_policies",
    text_column("product_description"),
    text_column("refund_text"),
    text_column("refund_url"),
    text_column("cancellation_text"),
    text_column("cancellation_url"),
    text_column("disclosure"),
    text_column("changed_by", nullable=False),
    moment("changed_at", nullable=False),
    key=[],
    commands=("select", "insert", "update"),
)

evidence_files = tenant_table(
    "evidence_files",
    Column("file_id", UUID(as_uuid=True), nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    text_column("dispute_id", nullable=False),
    # Stripe's field of the evidence that the file goes into.
    text_column("field", nullable=False),
    text_column("name", nullable=False),
    text_column("sha256", nullable=False),
    Column("content", LargeBinary, nullable=False),
    # Of when the facts in it are.
    moment("as_of", nullable=False),
    text_column("made_by", nullable=False),
    moment("made_at", nullable=False),
    Column("command_id", UUID(as_uuid=True), nullable=False),
    text_column("stripe_file_id"),
    Index(None, "tenant_id", "dispute_id"),
    Index(None, "tenant_id", "command_id"),
    key=["file_id"],
    commands=("select", "insert", "update"),
)
