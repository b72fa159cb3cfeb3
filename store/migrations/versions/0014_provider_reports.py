"""Reports of usage and cost by providers and gateways, restatable; and the connections they come through."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
create table usage_connections (
    tenant_id uuid not null,
    connection_id uuid not null,
    kind text not null,
    label text not null,
    counts_as text not null,
    cursors jsonb not null,
    status text not null,
    message text,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    connected_at timestamptz not null,
    disconnected_at timestamptz,
    constraint usage_connections_pkey primary key (tenant_id, connection_id),
    constraint usage_connections_counts_as_check check (counts_as in ('usage', 'bill')),
    constraint usage_connections_status_check check (status in ('new', 'ok', 'failed')),
    constraint usage_connections_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create unique index usage_connections_kind_label_key
    on usage_connections (tenant_id, kind, label);
create table provider_usage (
    tenant_id uuid not null,
    row_id bigint generated always as identity,
    connection_id uuid not null,
    stream text not null,
    day date not null,
    line_key text not null,
    provider text not null,
    model text,
    service_tier text,
    region text,
    api_key text,
    project text,
    customer_ref text,
    input_uncached_tokens bigint,
    cache_read_tokens bigint,
    cache_write_5m_tokens bigint,
    cache_write_1h_tokens bigint,
    input_audio_tokens bigint,
    output_text_tokens bigint,
    reasoning_tokens bigint,
    output_audio_tokens bigint,
    images bigint,
    seconds bigint,
    pages bigint,
    search_requests bigint,
    requests bigint,
    reported_cost_pico_usd bigint,
    recorded_at timestamptz not null,
    superseded_at timestamptz,
    constraint provider_usage_pkey primary key (tenant_id, row_id),
    constraint provider_usage_tenant_id_connection_id_fkey foreign key (tenant_id, connection_id) references usage_connections (tenant_id, connection_id),
    constraint provider_usage_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create unique index provider_usage_in_force_key
    on provider_usage (tenant_id, connection_id, stream, day, line_key)
    where superseded_at is null;
create table provider_costs (
    tenant_id uuid not null,
    row_id bigint generated always as identity,
    connection_id uuid not null,
    stream text not null,
    day date not null,
    line_key text not null,
    provider text not null,
    model text,
    service_tier text,
    project text,
    line_item text not null,
    charge_category text not null,
    unit text,
    quantity bigint,
    cost_pico_usd bigint not null,
    credit_pico_usd bigint,
    currency text not null,
    billed_pico bigint not null,
    invoice_id text,
    recorded_at timestamptz not null,
    superseded_at timestamptz,
    constraint provider_costs_pkey primary key (tenant_id, row_id),
    constraint provider_costs_charge_category_check check (charge_category in ('usage', 'credit', 'tax', 'adjustment')),
    constraint provider_costs_tenant_id_connection_id_fkey foreign key (tenant_id, connection_id) references usage_connections (tenant_id, connection_id),
    constraint provider_costs_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create unique index provider_costs_in_force_key
    on provider_costs (tenant_id, connection_id, stream, day, line_key)
    where superseded_at is null;
"""


def upgrade() -> None:
    """Make the tables; lines of a report are superseded, never deleted."""
    run_script(TABLES)
    guard_tenant_table("usage_connections", ("select", "insert", "update"))
    guard_tenant_table("provider_usage", ("select", "insert", "update"))
    guard_tenant_table("provider_costs", ("select", "insert", "update"))


def downgrade() -> None:
    """Take the tables away."""
    for table in ("provider_costs", "provider_usage", "usage_connections"):
        op.execute(f"drop table {table}")
