"""Usage events that came over HTTP and wait for the lake, and the marks of those that went there lately."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# No reference to tenants: it would be looked up for each event, and costs a third of the speed. The policy lets a transaction write
# its own tenant's rows alone, and a tenant is never deleted.
TABLES = """
create table usage_intake (
    tenant_id uuid not null,
    event_id text not null,
    event text not null,
    received_at timestamptz not null,
    constraint usage_intake_pkey primary key (tenant_id, event_id)
);
create table usage_recent (
    tenant_id uuid not null,
    event_id text not null,
    mark uuid not null,
    drained_at timestamptz not null,
    constraint usage_recent_pkey primary key (tenant_id, event_id)
);
"""
NAMES = ("usage_intake", "usage_recent")


def upgrade() -> None:
    """Make the tables; an event is never changed, so that nothing may be updated."""
    run_script(TABLES)
    for table in NAMES:
        guard_tenant_table(table, ("select", "insert", "delete"))


def downgrade() -> None:
    """Take the tables away."""
    for table in reversed(NAMES):
        op.execute(f"drop table {table}")
