"""The inbox: every event that Stripe told us of, once, with what became of it; and how far the search for missed ones has come."""

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import counter, document, moment, tenant_table, text_column

INBOX_STATES = ("received", "handled", "dead", "discarded")

stripe_inbox = tenant_table(
    "stripe_inbox",
    text_column("event_id", nullable=False),
    text_column("endpoint"),
    text_column("source", nullable=False),
    text_column("event_type", nullable=False),
    text_column("object_kind"),
    text_column("object_id"),
    # As it came, for the signature was over these bytes; a document could not keep every text that JSON can spell.
    text_column("payload", nullable=False),
    text_column("payload_sha256", nullable=False),
    moment("event_created_at"),
    moment("received_at", nullable=False),
    text_column("state", nullable=False),
    counter("attempts"),
    moment("next_attempt_at", nullable=False),
    Column("lease_token", UUID(as_uuid=True)),
    moment("lease_until"),
    text_column("last_error"),
    moment("handled_at"),
    # What handling it would change, asked for from the dead letters page and found out by the worker.
    moment("dry_run_wanted_at"),
    moment("dry_run_at"),
    document("dry_run"),
    text_column("discarded_by"),
    text_column("discard_reason"),
    CheckConstraint(f"state in ({', '.join(repr(state) for state in INBOX_STATES)})", name="state"),
    CheckConstraint("source in ('webhook', 'backfill')", name="source"),
    CheckConstraint("(state = 'discarded') = (discard_reason is not null)", name="discard_has_reason"),
    Index(None, "tenant_id", "next_attempt_at", postgresql_where=text("state = 'received'")),
    Index(None, "tenant_id", "event_created_at", postgresql_where=text("state = 'dead'")),
    key=["event_id"],
    commands=("select", "insert", "update"),
)

event_scans = tenant_table(
    "event_scans",
    text_column("source", nullable=False),
    moment("complete_until", nullable=False),
    moment("scanned_at", nullable=False),
    counter("missed"),
    key=["source"],
    commands=("select", "insert", "update"),
)
