"""Keys of programs, and how much each has sent on which day."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = """
create table api_keys (
    tenant_id uuid not null,
    key_id text not null,
    name text not null,
    key_sha256 text not null,
    scopes text[] not null,
    events_per_day bigint,
    requests_per_second bigint,
    made_at timestamptz not null,
    made_by text not null,
    replaces text,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    constraint api_keys_pkey primary key (tenant_id, key_id),
    constraint api_keys_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint api_keys_key_sha256_check check (length(key_sha256) = 64),
    constraint api_keys_limits_check check (events_per_day > 0 and requests_per_second > 0),
    constraint api_keys_revoked_check check ((revoked_at is null) = (revoked_by is null))
);
create table api_key_days (
    tenant_id uuid not null,
    key_id text not null,
    day date not null,
    events bigint not null default 0,
    constraint api_key_days_pkey primary key (tenant_id, key_id, day),
    constraint api_key_days_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint api_key_days_tenant_id_key_id_fkey foreign key (tenant_id, key_id) references api_keys (tenant_id, key_id)
);
"""
NAMES = ("api_keys", "api_key_days")


def upgrade() -> None:
    """Make the tables: a key is never deleted, so that a name in the audit log stays somebody."""
    run_script(TABLES)
    for table in NAMES:
        guard_tenant_table(table, ("select", "insert", "update"))


def downgrade() -> None:
    """Take the tables away."""
    for table in reversed(NAMES):
        op.execute(f"drop table {table}")
