"""Reconciliation: payouts in the mirror, the runs, and what they found."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
create table stripe_payouts (
    tenant_id uuid not null,
    id text not null,
    amount_minor bigint,
    currency text,
    status text,
    is_automatic boolean,
    failure_code text,
    balance_transaction_id text,
    arrival_at timestamptz,
    raw jsonb not null,
    created_at timestamptz,
    synced_at timestamptz not null,
    is_deleted boolean default false not null,
    constraint stripe_payouts_pkey primary key (tenant_id, id),
    constraint stripe_payouts_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);

create table reconciliation_runs (
    tenant_id uuid not null,
    run_id uuid not null,
    position bigint generated always as identity not null,
    state text not null,
    started_by text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    checked jsonb not null,
    progress jsonb not null,
    refused jsonb not null,
    trouble text,
    constraint reconciliation_runs_pkey primary key (tenant_id, run_id),
    constraint reconciliation_runs_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint reconciliation_runs_state_check check (state in ('wanted', 'running', 'finished')),
    constraint reconciliation_runs_finished_check check ((state = 'finished') = (finished_at is not null))
);
create index reconciliation_runs_tenant_id_position_idx on reconciliation_runs (tenant_id, position);

create table discrepancies (
    tenant_id uuid not null,
    discrepancy_id uuid not null,
    rule text not null,
    object_kind text not null,
    object_id text not null,
    kind text not null,
    amount_minor bigint,
    currency text,
    fields jsonb not null,
    refers_to jsonb not null,
    cause text,
    sentence text not null,
    state text not null,
    run_id uuid not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    ended_at timestamptz,
    ended_by text,
    ignore_reason text,
    repair_wanted_by text,
    repair_trouble text,
    constraint discrepancies_pkey primary key (tenant_id, discrepancy_id),
    constraint discrepancies_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint discrepancies_tenant_id_rule_object_kind_object_id_key unique (tenant_id, rule, object_kind, object_id),
    constraint discrepancies_kind_check check (kind in ('missing', 'stale', 'different', 'extra', 'unbalanced')),
    constraint discrepancies_state_check check (state in ('suspected', 'open', 'repaired', 'gone', 'ignored')),
    constraint discrepancies_ignore_has_reason_check check (state <> 'ignored' or ignore_reason is not null)
);
create index discrepancies_tenant_id_state_idx on discrepancies (tenant_id, state);
create index discrepancies_tenant_id_run_id_idx on discrepancies (tenant_id, run_id);
"""


def upgrade() -> None:
    """Make the tables; a run is kept for ever, a suspicion that came to nothing is deleted."""
    run_script(TABLES)
    guard_tenant_table("stripe_payouts")
    guard_tenant_table("reconciliation_runs", ("select", "insert", "update"))
    guard_tenant_table("discrepancies")


def downgrade() -> None:
    """Take the tables away."""
    for table in ("discrepancies", "reconciliation_runs", "stripe_payouts"):
        op.execute(f"drop table {table}")
