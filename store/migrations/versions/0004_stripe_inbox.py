"""The inbox of Stripe's events, and how far the search for missed ones has come."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
create table stripe_inbox (
    tenant_id uuid not null,
    event_id text not null,
    endpoint text,
    source text not null,
    event_type text not null,
    object_kind text,
    object_id text,
    payload text not null,
    payload_sha256 text not null,
    event_created_at timestamptz,
    received_at timestamptz not null,
    state text not null,
    attempts bigint default 0 not null,
    next_attempt_at timestamptz not null,
    lease_token uuid,
    lease_until timestamptz,
    last_error text,
    handled_at timestamptz,
    dry_run_wanted_at timestamptz,
    dry_run_at timestamptz,
    dry_run jsonb,
    discarded_by text,
    discard_reason text,
    constraint stripe_inbox_pkey primary key (tenant_id, event_id),
    constraint stripe_inbox_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint stripe_inbox_state_check check (state in ('received', 'handled', 'dead', 'discarded')),
    constraint stripe_inbox_source_check check (source in ('webhook', 'backfill')),
    constraint stripe_inbox_discard_has_reason_check check ((state = 'discarded') = (discard_reason is not null))
);
create index stripe_inbox_tenant_id_next_attempt_at_idx on stripe_inbox (tenant_id, next_attempt_at)
    where state = 'received';
create index stripe_inbox_tenant_id_event_created_at_idx on stripe_inbox (tenant_id, event_created_at)
    where state = 'dead';

create table event_scans (
    tenant_id uuid not null,
    source text not null,
    complete_until timestamptz not null,
    scanned_at timestamptz not null,
    missed bigint default 0 not null,
    constraint event_scans_pkey primary key (tenant_id, source),
    constraint event_scans_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
"""


def upgrade() -> None:
    """Make both tables; what Stripe told us is never deleted by the application."""
    run_script(TABLES)
    for table in ("stripe_inbox", "event_scans"):
        guard_tenant_table(table, ("select", "insert", "update"))


def downgrade() -> None:
    """Take both tables away."""
    op.execute("drop table event_scans")
    op.execute("drop table stripe_inbox")
