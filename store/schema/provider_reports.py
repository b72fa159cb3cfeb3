"""What providers and gateways report about usage and cost, day by day, restated and never overwritten; and who is asked."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKeyConstraint, Identity, Index, text
from sqlalchemy.dialects.postgresql import UUID

from pricing.usage import BUCKETS
from store.schema.base import document, moment, number, tenant_table, text_column

IN_FORCE = text("superseded_at is null")

usage_connections = tenant_table(
    "usage_connections",
    Column("connection_id", UUID(as_uuid=True), nullable=False),
    text_column("kind", nullable=False),
    text_column("label", nullable=False),
    text_column("counts_as", nullable=False),
    # By stream: the moment up to which it has been read. Keys are never here: they come from the settings.
    document("cursors", nullable=False),
    text_column("status", nullable=False),
    text_column("message"),
    moment("last_attempt_at"),
    moment("last_success_at"),
    moment("connected_at", nullable=False),
    moment("disconnected_at"),
    CheckConstraint("counts_as in ('usage', 'bill')", name="counts_as"),
    CheckConstraint("status in ('new', 'ok', 'failed')", name="status"),
    key=("connection_id",),
    commands=("select", "insert", "update"),
)
Index(
    "usage_connections_kind_label_key",
    usage_connections.c.tenant_id,
    usage_connections.c.kind,
    usage_connections.c.label,
    unique=True,
)

# One row says one thing (`line_key`) about one day. What is told differently later supersedes it.
_ROW = ("row_id", "connection_id", "stream", "day", "line_key")

provider_usage = tenant_table(
    "provider_usage",
    Column("row_id", BigInteger, Identity(always=True), nullable=False),
    Column("connection_id", UUID(as_uuid=True), nullable=False),
    text_column("stream", nullable=False),
    Column("day", Date, nullable=False),
    text_column("line_key", nullable=False),
    text_column("provider", nullable=False),
    text_column("model"),
    text_column("service_tier"),
    text_column("region"),
    text_column("api_key"),
    text_column("project"),
    text_column("customer_ref"),
    # Null where the report does not tell a bucket apart, which is not the same as none.
    *(number(bucket) for bucket in BUCKETS),
    number("reported_cost_pico_usd"),
    moment("recorded_at", nullable=False),
    moment("superseded_at"),
    ForeignKeyConstraint(
        ["tenant_id", "connection_id"], ["usage_connections.tenant_id", "usage_connections.connection_id"]
    ),
    key=("row_id",),
    commands=("select", "insert", "update"),
)

provider_costs = tenant_table(
    "provider_costs",
    Column("row_id", BigInteger, Identity(always=True), nullable=False),
    Column("connection_id", UUID(as_uuid=True), nullable=False),
    text_column("stream", nullable=False),
    Column("day", Date, nullable=False),
    text_column("line_key", nullable=False),
    text_column("provider", nullable=False),
    text_column("model"),
    text_column("service_tier"),
    text_column("project"),
    text_column("line_item", nullable=False),
    # FOCUS' ChargeCategory, in lower case.
    text_column("charge_category", nullable=False),
    text_column("unit"),
    number("quantity"),
    number("cost_pico_usd", nullable=False),
    # What of it was given back (zero or less); the cost has it taken off already.
    number("credit_pico_usd"),
    text_column("currency", nullable=False),
    # As billed, in 10^-12 of `currency`.
    number("billed_pico", nullable=False),
    text_column("invoice_id"),
    moment("recorded_at", nullable=False),
    moment("superseded_at"),
    CheckConstraint("charge_category in ('usage', 'credit', 'tax', 'adjustment')", name="charge_category"),
    ForeignKeyConstraint(
        ["tenant_id", "connection_id"], ["usage_connections.tenant_id", "usage_connections.connection_id"]
    ),
    key=("row_id",),
    commands=("select", "insert", "update"),
)

for _table in (provider_usage, provider_costs):
    Index(
        f"{_table.name}_in_force_key",
        _table.c.tenant_id,
        *(_table.c[name] for name in _ROW[1:]),
        unique=True,
        postgresql_where=IN_FORCE,
    )
