"""Which usage files came in, which lake files hold their events, and whose user ids mean which customer."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKeyConstraint, Index, Numeric
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import counter, moment, number, tenant_table, text_column

usage_imports = tenant_table(
    "usage_imports",
    Column("import_id", UUID(as_uuid=True), nullable=False),
    text_column("file_name", nullable=False),
    text_column("file_sha256", nullable=False),
    text_column("format", nullable=False),
    # The column mapping, as `theirs=ours,…`; empty for none. With another mapping the same file has other events.
    text_column("columns", nullable=False),
    text_column("state", nullable=False),
    counter("rows_done"),
    counter("accepted"),
    counter("duplicate"),
    counter("conflict"),
    counter("rejected"),
    counter("unpriced"),
    counter("ignored"),
    # How much of the reject file belongs to the rows done: what a killed import wrote beyond it is cut off.
    counter("reject_bytes"),
    moment("started_at", nullable=False),
    moment("finished_at"),
    CheckConstraint("state in ('running', 'finished')", name="state"),
    key=("import_id",),
)
Index(None, usage_imports.c.tenant_id, usage_imports.c.file_sha256)

lake_files = tenant_table(
    "lake_files",
    text_column("path", nullable=False),
    Column("import_id", UUID(as_uuid=True), nullable=False),
    Column("day", Date, nullable=False),
    number("rows", nullable=False),
    number("bytes", nullable=False),
    # Null when no event of the file has a price; exact beyond 64 bits otherwise.
    Column("cost_pico_usd", Numeric(38, 0)),
    counter("unpriced_rows"),
    moment("recorded_at", nullable=False),
    ForeignKeyConstraint(["tenant_id", "import_id"], ["usage_imports.tenant_id", "usage_imports.import_id"]),
    key=("path",),
)
Index(None, lake_files.c.tenant_id, lake_files.c.day)
Index(None, lake_files.c.tenant_id, lake_files.c.import_id)

customer_mappings = tenant_table(
    "customer_mappings",
    text_column("source_ref", nullable=False),
    text_column("customer_id", nullable=False),
    moment("created_at", nullable=False),
    key=("source_ref",),
)
