"""From where on a detector alerts, and the last times that each source succeeded, which say what is usual for it."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = """
create table alert_limits (
    tenant_id uuid not null,
    detector text not null,
    subject_key text not null,
    limit_ppm bigint,
    limit_minor bigint,
    set_by text not null,
    set_at timestamptz not null,
    constraint alert_limits_one_check check ((limit_ppm is null) <> (limit_minor is null)),
    constraint alert_limits_pkey primary key (tenant_id, detector, subject_key),
    constraint alert_limits_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
alter table source_freshness add column recent_successes timestamptz[];
"""


def upgrade() -> None:
    """Make the table, and the column beside the last success."""
    run_script(TABLES)
    guard_tenant_table("alert_limits")


def downgrade() -> None:
    """Take both away."""
    op.execute("alter table source_freshness drop column recent_successes")
    op.execute("drop table alert_limits")
