"""Which versions of a tenant's warehouse were published or refused, and what was checked."""

from sqlalchemy import CheckConstraint

from store.schema.base import document, moment, number, tenant_table, text_column

warehouse_versions = tenant_table(
    "warehouse_versions",
    number("version", nullable=False),
    text_column("file_name", nullable=False),
    text_column("state", nullable=False),
    text_column("message"),
    document("row_counts", nullable=False),
    document("checks", nullable=False),
    moment("published_at", nullable=False),
    CheckConstraint("state in ('published', 'refused')", name="state"),
    key=("version",),
)
