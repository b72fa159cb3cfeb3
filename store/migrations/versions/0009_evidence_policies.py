"""What a tenant says of its own shop in dispute evidence."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
create table evidence_policies (
    tenant_id uuid not null,
    product_description text,
    refund_text text,
    refund_url text,
    cancellation_text text,
    cancellation_url text,
    disclosure text,
    changed_by text not null,
    changed_at timestamptz not null,
    constraint evidence_policies_pkey primary key (tenant_id),
    constraint evidence_policies_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
"""


def upgrade() -> None:
    """Make the table: one row per tenant, changed in place; the audit log keeps what it said before."""
    run_script(TABLES)
    guard_tenant_table("evidence_policies", ("select", "insert", "update"))


def downgrade() -> None:
    """Take the table away."""
    op.execute("drop table evidence_policies")
