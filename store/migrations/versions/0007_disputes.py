"""Disputes: a case each, its states, the versions of its evidence; early fraud warnings beside them."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
create table stripe_early_fraud_warnings (
    tenant_id uuid not null,
    id text not null,
    charge_id text,
    payment_intent_id text,
    fraud_type text,
    is_actionable boolean,
    raw jsonb not null,
    created_at timestamptz,
    synced_at timestamptz not null,
    is_deleted boolean not null default false,
    constraint stripe_early_fraud_warnings_pkey primary key (tenant_id, id),
    constraint stripe_early_fraud_warnings_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create index stripe_early_fraud_warnings_tenant_id_charge_id_idx on stripe_early_fraud_warnings (tenant_id, charge_id);

create table dispute_cases (
    tenant_id uuid not null,
    case_id uuid not null,
    position bigint generated always as identity not null,
    dispute_id text not null,
    charge_id text,
    state text not null,
    status text not null,
    case_type text,
    amount_minor bigint,
    currency text,
    reason text,
    network text,
    network_reason_code text,
    due_by timestamptz,
    is_answer_taken boolean not null,
    is_charge_refundable boolean,
    submission_count bigint not null default 0,
    fee_minor bigint,
    fee_currency text,
    opened_at timestamptz,
    changed_at timestamptz not null,
    answer_number bigint not null,
    submissions_before bigint not null default 0,
    staged_version bigint,
    submitted_version bigint,
    submitted_sha256 text,
    command_id uuid,
    outcome text,
    constraint dispute_cases_pkey primary key (tenant_id, case_id),
    constraint dispute_cases_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint dispute_cases_tenant_id_dispute_id_key unique (tenant_id, dispute_id),
    constraint dispute_cases_state_check check (
        state in ('needs_response', 'staged', 'submitting', 'accepting', 'submitted', 'accepted', 'expired', 'won', 'lost',
            'closed', 'prevented')
    )
);
create index dispute_cases_tenant_id_state_due_by_idx on dispute_cases (tenant_id, state, due_by);
create index dispute_cases_tenant_id_charge_id_idx on dispute_cases (tenant_id, charge_id);

create table dispute_steps (
    tenant_id uuid not null,
    case_id uuid not null,
    position bigint generated always as identity not null,
    step text not null,
    at timestamptz not null,
    who text not null,
    why text,
    constraint dispute_steps_pkey primary key (tenant_id, case_id, position),
    constraint dispute_steps_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint dispute_steps_tenant_id_case_id_fkey foreign key (tenant_id, case_id)
        references dispute_cases (tenant_id, case_id),
    constraint dispute_steps_step_check check (
        step in ('needs_response', 'staged', 'submitting', 'accepting', 'submitted', 'accepted', 'expired', 'won', 'lost',
            'closed', 'prevented')
    )
);

create table dispute_evidence_drafts (
    tenant_id uuid not null,
    case_id uuid not null,
    version bigint not null,
    fields jsonb not null,
    sha256 text not null,
    written_by text not null,
    written_at timestamptz not null,
    constraint dispute_evidence_drafts_pkey primary key (tenant_id, case_id, version),
    constraint dispute_evidence_drafts_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint dispute_evidence_drafts_tenant_id_case_id_fkey foreign key (tenant_id, case_id)
        references dispute_cases (tenant_id, case_id),
    constraint dispute_evidence_drafts_version_check check (version > 0)
);
"""


def upgrade() -> None:
    """Make the tables; cases change their state, their states and evidence are only added."""
    run_script(TABLES)
    guard_tenant_table("stripe_early_fraud_warnings", ("select", "insert", "update", "delete"))
    guard_tenant_table("dispute_cases", ("select", "insert", "update"))
    for table in ("dispute_steps", "dispute_evidence_drafts"):
        guard_tenant_table(table, ("select", "insert"))


def downgrade() -> None:
    """Take the tables away."""
    for table in ("dispute_evidence_drafts", "dispute_steps", "dispute_cases", "stripe_early_fraud_warnings"):
        op.execute(f"drop table {table}")
