"""The refund queue: requests, their steps, evidence and the policy."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
create table refund_requests (
    tenant_id uuid not null,
    request_id uuid not null,
    position bigint generated always as identity not null,
    external_id text,
    source text not null,
    charge_id text not null,
    invoice_id text,
    customer_id text,
    amount_minor bigint not null,
    currency text not null,
    reason text not null,
    note text,
    state text not null,
    requested_by text not null,
    requested_at timestamptz not null,
    changed_at timestamptz not null,
    findings jsonb,
    checked_at timestamptz,
    check_trouble text,
    decided_by text,
    override_reason text,
    command_id uuid,
    refund_id text,
    outcome text,
    constraint refund_requests_pkey primary key (tenant_id, request_id),
    constraint refund_requests_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint refund_requests_tenant_id_external_id_key unique (tenant_id, external_id),
    constraint refund_requests_state_check check (
        state in ('requested', 'checked', 'evidence', 'decided', 'sent', 'settled', 'declined', 'canceled', 'failed')
    ),
    constraint refund_requests_amount_check check (amount_minor > 0),
    constraint refund_requests_source_check check (source in ('page', 'api', 'import')),
    constraint refund_requests_reason_check check (reason in ('duplicate', 'fraudulent', 'requested_by_customer'))
);
create index refund_requests_tenant_id_charge_id_idx on refund_requests (tenant_id, charge_id);
create index refund_requests_tenant_id_state_idx on refund_requests (tenant_id, state);
create index refund_requests_tenant_id_command_id_idx on refund_requests (tenant_id, command_id);
create index refund_requests_tenant_id_refund_id_idx on refund_requests (tenant_id, refund_id);

create table refund_steps (
    tenant_id uuid not null,
    request_id uuid not null,
    position bigint generated always as identity not null,
    step text not null,
    at timestamptz not null,
    who text not null,
    why text,
    constraint refund_steps_pkey primary key (tenant_id, request_id, position),
    constraint refund_steps_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint refund_steps_tenant_id_request_id_fkey foreign key (tenant_id, request_id)
        references refund_requests (tenant_id, request_id),
    constraint refund_steps_step_check check (
        step in ('requested', 'checked', 'evidence', 'decided', 'sent', 'settled', 'declined', 'canceled', 'failed')
    )
);

create table refund_evidence (
    tenant_id uuid not null,
    request_id uuid not null,
    evidence_id uuid not null,
    name text not null,
    link text,
    media_type text,
    content bytea,
    sha256 text not null,
    added_by text not null,
    added_at timestamptz not null,
    constraint refund_evidence_pkey primary key (tenant_id, request_id, evidence_id),
    constraint refund_evidence_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint refund_evidence_tenant_id_request_id_fkey foreign key (tenant_id, request_id)
        references refund_requests (tenant_id, request_id),
    constraint refund_evidence_link_or_file_check check ((link is null) <> (content is null))
);

create table refund_policies (
    tenant_id uuid not null,
    policy text not null,
    window_days bigint not null,
    limits_minor jsonb not null,
    changed_by text not null,
    changed_at timestamptz not null,
    constraint refund_policies_pkey primary key (tenant_id, policy),
    constraint refund_policies_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint refund_policies_window_days_check check (window_days >= 0)
);
"""


def upgrade() -> None:
    """Make the tables; requests change their state, their steps and evidence are only added."""
    run_script(TABLES)
    for table in ("refund_requests", "refund_policies"):
        guard_tenant_table(table, ("select", "insert", "update"))
    for table in ("refund_steps", "refund_evidence"):
        guard_tenant_table(table, ("select", "insert"))


def downgrade() -> None:
    """Take the tables away."""
    for table in ("refund_policies", "refund_evidence", "refund_steps", "refund_requests"):
        op.execute(f"drop table {table}")
