"""The outbox of changes at Stripe, and the switch that stops them."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
create table stripe_commands (
    tenant_id uuid not null,
    command_id uuid not null,
    position bigint generated always as identity not null,
    kind text not null,
    intent_key text not null,
    subject text not null,
    object_id text,
    params jsonb not null,
    params_sha256 text not null,
    amount_minor bigint,
    currency text,
    state text not null,
    key_version bigint not null,
    attempts bigint default 0 not null,
    troubles bigint default 0 not null,
    first_sent_at timestamptz,
    next_attempt_at timestamptz not null,
    lease_token uuid,
    lease_until timestamptz,
    answer jsonb,
    answer_id text,
    refusal jsonb,
    last_trouble text,
    requested_by text not null,
    requested_at timestamptz not null,
    settled_at timestamptz,
    constraint stripe_commands_pkey primary key (tenant_id, command_id),
    constraint stripe_commands_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint stripe_commands_tenant_id_intent_key_key unique (tenant_id, intent_key),
    constraint stripe_commands_state_check check (
        state in ('waiting', 'sending', 'unknown', 'succeeded', 'refused', 'canceled', 'needs_review')
    ),
    constraint stripe_commands_money_has_currency_check check ((amount_minor is null) = (currency is null))
);
create index stripe_commands_tenant_id_next_attempt_at_idx on stripe_commands (tenant_id, next_attempt_at)
    where state in ('waiting', 'sending', 'unknown');
create index stripe_commands_tenant_id_subject_idx on stripe_commands (tenant_id, subject);
create index stripe_commands_tenant_id_object_id_idx on stripe_commands (tenant_id, object_id);

create table sending_pauses (
    tenant_id uuid not null,
    pause_id uuid not null,
    reason text not null,
    paused_by text not null,
    paused_at timestamptz not null,
    resumed_by text,
    resumed_at timestamptz,
    constraint sending_pauses_pkey primary key (tenant_id, pause_id),
    constraint sending_pauses_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
"""


def upgrade() -> None:
    """Make both tables; what was intended is never deleted."""
    run_script(TABLES)
    for table in ("stripe_commands", "sending_pauses"):
        guard_tenant_table(table, ("select", "insert", "update"))


def downgrade() -> None:
    """Take both tables away, with the record of what was sent."""
    op.execute("drop table sending_pauses")
    op.execute("drop table stripe_commands")
