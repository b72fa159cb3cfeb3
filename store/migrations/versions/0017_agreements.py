"""Contract terms, prices of the tenant's own, and what corrected prices have changed."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = """
create table contract_terms (
    tenant_id uuid not null,
    term_id uuid not null,
    contract_id text not null,
    provider text not null,
    models text not null,
    service_tier text,
    kind text not null,
    rule jsonb not null,
    valid_from date not null,
    valid_to date,
    recorded_at timestamptz not null,
    recorded_by text not null,
    because text not null,
    superseded_at timestamptz,
    superseded_by text,
    superseded_because text,
    constraint contract_terms_kind_check
        check (kind in ('unit_prices', 'discount', 'volume_tiers', 'commitment', 'credit')),
    constraint contract_terms_dates_check check (valid_to is null or valid_from < valid_to),
    constraint contract_terms_pkey primary key (tenant_id, term_id),
    constraint contract_terms_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create table own_prices (
    tenant_id uuid not null,
    own_price_id uuid not null,
    position bigint generated always as identity not null,
    provider text not null,
    model text not null,
    service_tier text not null,
    unit_prices jsonb not null,
    valid_from date,
    valid_to date,
    source_url text,
    checked_on date not null,
    recorded_at timestamptz not null,
    recorded_by text not null,
    because text not null,
    superseded_at timestamptz,
    superseded_by text,
    superseded_because text,
    constraint own_prices_dates_check check (valid_from is null or valid_to is null or valid_from < valid_to),
    constraint own_prices_pkey primary key (tenant_id, own_price_id),
    constraint own_prices_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create table restatements (
    tenant_id uuid not null,
    restatement_id uuid not null,
    recorded_at timestamptz not null,
    cause text not null,
    from_price_key text,
    to_price_key text,
    provider text,
    model text,
    first_day date not null,
    last_day date not null,
    events bigint not null,
    cost_before_pico_usd numeric(38, 0),
    cost_after_pico_usd numeric(38, 0),
    principal text not null,
    constraint restatements_pkey primary key (tenant_id, restatement_id),
    constraint restatements_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create index restatements_tenant_id_recorded_at_idx on restatements (tenant_id, recorded_at);
create table priced_books (
    tenant_id uuid not null,
    fingerprint text not null,
    priced_at timestamptz not null,
    constraint priced_books_pkey primary key (tenant_id),
    constraint priced_books_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
"""
GUARDED = {
    "contract_terms": ("select", "insert", "update"),
    "own_prices": ("select", "insert", "update"),
    "restatements": ("select", "insert"),
    "priced_books": ("select", "insert", "update"),
}


def upgrade() -> None:
    """Make the tables: terms and prices are added and superseded, restatements only added."""
    run_script(TABLES)
    for table, commands in GUARDED.items():
        guard_tenant_table(table, commands)


def downgrade() -> None:
    """Take the tables away."""
    for table in reversed(GUARDED):
        op.execute(f"drop table {table}")
