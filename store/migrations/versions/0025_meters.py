"""What Stripe's meters are told: rules, the ledger of events, and differences from Stripe's sums."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = """
create table meter_rules (
    tenant_id uuid not null,
    rule_id text not null,
    event_name text not null,
    meter_id text not null,
    counted text[] not null,
    per bigint not null,
    time_window text not null,
    provider text,
    model text,
    feature text,
    sink text not null,
    mode text not null,
    starts_at timestamptz not null,
    made_at timestamptz not null,
    made_by text not null,
    constraint meter_rules_pkey primary key (tenant_id, rule_id),
    constraint meter_rules_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint meter_rules_per_check check (per > 0),
    constraint meter_rules_time_window_check check (time_window in ('hour', 'day')),
    constraint meter_rules_sink_check check (sink in ('stripe_v1', 'stripe_v2', 'file')),
    constraint meter_rules_mode_check check (mode in ('shadow', 'live', 'off'))
);
create table meter_ledger (
    tenant_id uuid not null,
    identifier text not null,
    position bigint generated always as identity,
    rule_id text not null,
    customer_id text not null,
    window_start timestamptz not null,
    revision bigint not null,
    units bigint not null,
    state text not null,
    attempts bigint not null default 0,
    made_at timestamptz not null,
    first_sent_at timestamptz,
    settled_at timestamptz,
    next_attempt_at timestamptz not null,
    lease_token uuid,
    lease_until timestamptz,
    last_trouble text,
    trouble_code text,
    constraint meter_ledger_pkey primary key (tenant_id, identifier),
    constraint meter_ledger_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint meter_ledger_tenant_id_rule_id_fkey foreign key (tenant_id, rule_id)
        references meter_rules (tenant_id, rule_id),
    constraint meter_ledger_revision_key
        unique (tenant_id, rule_id, customer_id, window_start, revision),
    constraint meter_ledger_units_check check (units > 0),
    constraint meter_ledger_identifier_check check (length(identifier) <= 100),
    constraint meter_ledger_state_check check (
        state in (
            'pending', 'sending', 'unknown', 'sent', 'accepted', 'rejected', 'too_late', 'canceling', 'canceled', 'lost',
            'replayed', 'shadow'
        )
    )
);
create index meter_ledger_tenant_id_next_attempt_at_idx on meter_ledger (tenant_id, next_attempt_at)
    where state in ('pending', 'sending', 'canceling');
create table meter_drifts (
    tenant_id uuid not null,
    rule_id text not null,
    customer_id text not null,
    day date not null,
    told_units bigint not null,
    stripe_units bigint not null,
    state text not null,
    sentence text not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    constraint meter_drifts_pkey primary key (tenant_id, rule_id, customer_id, day),
    constraint meter_drifts_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint meter_drifts_tenant_id_rule_id_fkey foreign key (tenant_id, rule_id)
        references meter_rules (tenant_id, rule_id),
    constraint meter_drifts_state_check check (state in ('seen', 'sent_again', 'reported', 'gone'))
);
"""
NAMES = ("meter_rules", "meter_ledger", "meter_drifts")


def upgrade() -> None:
    """Make the tables: nothing in the ledger is ever deleted, because Stripe forgets after a day what it was told."""
    run_script(TABLES)
    for table in NAMES:
        guard_tenant_table(table, ("select", "insert", "update"))


def downgrade() -> None:
    """Take the tables away."""
    for table in reversed(NAMES):
        op.execute(f"drop table {table}")
