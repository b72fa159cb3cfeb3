"""Subscription schedules in the mirror: what a subscription is to become, and when."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = """
create table stripe_subscription_schedules (
    tenant_id uuid not null,
    id text not null,
    customer_id text,
    subscription_id text,
    status text,
    raw jsonb not null,
    created_at timestamptz,
    synced_at timestamptz not null,
    is_deleted boolean not null default false,
    constraint stripe_subscription_schedules_pkey primary key (tenant_id, id),
    constraint stripe_subscription_schedules_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create index stripe_subscription_schedules_tenant_id_subscription_id_idx
    on stripe_subscription_schedules (tenant_id, subscription_id);
"""


def upgrade() -> None:
    """Make the table."""
    run_script(TABLE)
    guard_tenant_table("stripe_subscription_schedules", ("select", "insert", "update", "delete"))


def downgrade() -> None:
    """Take the table away."""
    op.execute("drop table stripe_subscription_schedules")
