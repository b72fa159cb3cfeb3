"""Which local days' daily mails were made, and which were passed over."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLE = """
create table digest_days (
    tenant_id uuid not null,
    day date not null,
    decided_at timestamptz not null,
    outcome text not null,
    reported_day date not null,
    version bigint,
    is_late boolean not null,
    new bigint not null default 0,
    ongoing bigint not null default 0,
    resolved bigint not null default 0,
    recipients bigint not null default 0,
    constraint digest_days_pkey primary key (tenant_id, day),
    constraint digest_days_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint digest_days_outcome_check check (outcome in ('asked', 'passed_over'))
);
"""


def upgrade() -> None:
    """Make the table: a day is decided once and never again."""
    run_script(TABLE)
    guard_tenant_table("digest_days", ("select", "insert"))


def downgrade() -> None:
    """Take it away."""
    op.execute("drop table digest_days")
