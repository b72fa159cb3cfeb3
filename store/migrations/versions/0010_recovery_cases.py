"""Failed payments: recovery cases, their tries and their steps."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
create table recovery_cases (
    tenant_id uuid not null,
    case_id uuid not null,
    invoice_id text not null,
    customer_id text,
    subscription_id text,
    amount_minor bigint not null,
    currency text not null,
    state text not null,
    owner text not null,
    decline_class text not null,
    reason text not null,
    sentence text not null,
    failed_at timestamptz not null,
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    next_attempt_at timestamptz,
    try_number bigint not null,
    tries_made bigint not null,
    network_tries_left bigint not null,
    hold_until timestamptz,
    snoozed_until timestamptz,
    policy_version text not null,
    slot_probability_ppm bigint,
    planned_mails jsonb not null,
    command_id uuid,
    written_off_at timestamptz,
    ended_at timestamptz,
    recovered_minor bigint,
    attribution text,
    constraint recovery_cases_pkey primary key (tenant_id, case_id),
    constraint recovery_cases_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint recovery_cases_tenant_id_invoice_id_key unique (tenant_id, invoice_id),
    constraint recovery_cases_state_check check (
        state in ('open', 'with_stripe', 'scheduled', 'retrying', 'waiting_for_customer', 'snoozed', 'on_hold',
            'recovered', 'lost', 'written_off', 'withdrawn')
    ),
    constraint recovery_cases_owner_check check (owner in ('stripe', 'ours')),
    constraint recovery_cases_decline_class_check check (
        decline_class in ('never', 'needs_customer', 'expired', 'later')
    ),
    constraint recovery_cases_amount_check check (amount_minor >= 0),
    constraint recovery_cases_recovered_check check ((state = 'recovered') = (recovered_minor is not null))
);
create index recovery_cases_tenant_id_state_next_attempt_at_idx
    on recovery_cases (tenant_id, state, next_attempt_at);
create index recovery_cases_tenant_id_customer_id_idx on recovery_cases (tenant_id, customer_id);
create index recovery_cases_tenant_id_subscription_id_idx on recovery_cases (tenant_id, subscription_id);

create table recovery_attempts (
    tenant_id uuid not null,
    case_id uuid not null,
    attempt_id uuid not null,
    charge_id text,
    command_id uuid,
    at timestamptz not null,
    by text not null,
    outcome text not null,
    payment_method_id text,
    brand text,
    decline_code text,
    advice_code text,
    network_decline_code text,
    network_advice_code text,
    policy_version text,
    slot_probability_ppm bigint,
    constraint recovery_attempts_pkey primary key (tenant_id, attempt_id),
    constraint recovery_attempts_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint recovery_attempts_tenant_id_charge_id_key unique (tenant_id, charge_id),
    constraint recovery_attempts_tenant_id_command_id_key unique (tenant_id, command_id),
    constraint recovery_attempts_tenant_id_case_id_fkey foreign key (tenant_id, case_id)
        references recovery_cases (tenant_id, case_id),
    constraint recovery_attempts_by_check check (by in ('stripe', 'ours', 'customer', 'manual')),
    constraint recovery_attempts_outcome_check check (outcome in ('declined', 'succeeded'))
);
create index recovery_attempts_tenant_id_case_id_idx on recovery_attempts (tenant_id, case_id);

create table recovery_steps (
    tenant_id uuid not null,
    case_id uuid not null,
    position bigint generated always as identity not null,
    step text not null,
    at timestamptz not null,
    who text not null,
    why text,
    constraint recovery_steps_pkey primary key (tenant_id, case_id, position),
    constraint recovery_steps_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint recovery_steps_tenant_id_case_id_fkey foreign key (tenant_id, case_id)
        references recovery_cases (tenant_id, case_id)
);
"""


def upgrade() -> None:
    """Make the tables; cases and tries change, steps are only added."""
    run_script(TABLES)
    for table in ("recovery_cases", "recovery_attempts"):
        guard_tenant_table(table, ("select", "insert", "update"))
    guard_tenant_table("recovery_steps", ("select", "insert"))


def downgrade() -> None:
    """Take the tables away."""
    for table in ("recovery_steps", "recovery_attempts", "recovery_cases"):
        op.execute(f"drop table {table}")
