"""Usage events that came over HTTP: those that wait for the lake, and what those were that went there lately."""

from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import moment, tenant_table, text_column

usage_intake = tenant_table(
    "usage_intake",
    text_column("event_id", nullable=False),
    # What `pricing.usage_sources.kept` writes: equal where the content is equal.
    text_column("event", nullable=False),
    moment("received_at", nullable=False),
    key=("event_id",),
    commands=("select", "insert", "delete"),
    root=None,
)

usage_recent = tenant_table(
    "usage_recent",
    text_column("event_id", nullable=False),
    # The MD5 of the event's text, as 128 bits: whether the same id comes with the same content.
    Column("mark", UUID(as_uuid=True), nullable=False),
    moment("drained_at", nullable=False),
    key=("event_id",),
    commands=("select", "insert", "delete"),
    root=None,
)
