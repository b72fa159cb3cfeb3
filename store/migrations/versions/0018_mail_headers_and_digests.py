"""Headers of a mail's own; whom the daily mail goes to, and when."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = """
alter table outgoing_mails add column headers jsonb not null default '{}';

create table digest_settings (
    tenant_id uuid not null,
    is_on boolean not null,
    time_zone text not null,
    hour bigint not null,
    all_quiet_weekday bigint,
    least_impact_minor bigint not null,
    changed_at timestamptz not null,
    changed_by text not null,
    constraint digest_settings_pkey primary key (tenant_id),
    constraint digest_settings_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint digest_settings_hour_check check (hour between 0 and 23),
    constraint digest_settings_all_quiet_weekday_check check (all_quiet_weekday between 0 and 6),
    constraint digest_settings_least_impact_minor_check check (least_impact_minor >= 0)
);

create table digest_recipients (
    tenant_id uuid not null,
    address text not null,
    name text not null,
    role text not null,
    is_on boolean not null,
    added_at timestamptz not null,
    added_by text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    constraint digest_recipients_pkey primary key (tenant_id, address),
    constraint digest_recipients_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
"""


def upgrade() -> None:
    """Make the column and the tables; a recipient who left the list stays as one who is off."""
    run_script(TABLES)
    guard_tenant_table("digest_settings", ("select", "insert", "update"))
    guard_tenant_table("digest_recipients", ("select", "insert", "update", "delete"))


def downgrade() -> None:
    """Take the tables and the column away."""
    for table in ("digest_recipients", "digest_settings"):
        op.execute(f"drop table {table}")
    op.execute("alter table outgoing_mails drop column headers")
