"""Locked months for investors, the links that show them, and who opened which: all of it only grows."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NAMES = ("investor_snapshots", "report_links", "report_link_revocations", "report_link_views")
TABLES = """
create table investor_snapshots (
    tenant_id uuid not null,
    snapshot_id uuid not null,
    month date not null,
    revision bigint not null,
    content text not null,
    content_hash text not null,
    ledger text not null,
    ledger_hash text not null,
    definitions_version text not null,
    warehouse_version bigint not null,
    locked_at timestamptz not null,
    locked_by text not null,
    reason text not null,
    constraint investor_snapshots_pkey primary key (tenant_id, snapshot_id),
    constraint investor_snapshots_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint investor_snapshots_tenant_id_month_revision_key unique (tenant_id, month, revision),
    constraint investor_snapshots_revision_check check (revision > 0),
    constraint investor_snapshots_month_check check (extract(day from month) = 1),
    constraint investor_snapshots_hash_check check (length(content_hash) = 64 and length(ledger_hash) = 64)
);

create table report_links (
    tenant_id uuid not null,
    link_id uuid not null,
    snapshot_id uuid not null,
    token_sha256 text not null,
    password_hash text not null,
    session_key bytea not null,
    redaction text not null,
    label text not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    constraint report_links_pkey primary key (tenant_id, link_id),
    constraint report_links_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint report_links_tenant_id_snapshot_id_fkey foreign key (tenant_id, snapshot_id)
        references investor_snapshots (tenant_id, snapshot_id),
    constraint report_links_tenant_id_token_sha256_key unique (tenant_id, token_sha256),
    constraint report_links_redaction_check check (redaction in ('all', 'percentages', 'indexed')),
    constraint report_links_expires_later_check check (expires_at > created_at)
);
create index report_links_tenant_id_snapshot_id_idx on report_links (tenant_id, snapshot_id);

create table report_link_revocations (
    tenant_id uuid not null,
    link_id uuid not null,
    revoked_at timestamptz not null,
    revoked_by text not null,
    constraint report_link_revocations_pkey primary key (tenant_id, link_id),
    constraint report_link_revocations_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint report_link_revocations_tenant_id_link_id_fkey foreign key (tenant_id, link_id)
        references report_links (tenant_id, link_id)
);

create table report_link_views (
    tenant_id uuid not null,
    position bigint generated always as identity,
    link_id uuid not null,
    at timestamptz not null,
    kind text not null,
    address text,
    agent text,
    constraint report_link_views_pkey primary key (tenant_id, position),
    constraint report_link_views_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint report_link_views_tenant_id_link_id_fkey foreign key (tenant_id, link_id)
        references report_links (tenant_id, link_id),
    constraint report_link_views_kind_check
        check (kind in ('opened', 'wrong_password', 'throttled', 'page', 'pdf', 'xlsx', 'verified'))
);
create index report_link_views_tenant_id_link_id_at_idx on report_link_views (tenant_id, link_id, at);
"""


def upgrade() -> None:
    """Make the tables; besides policies and grants a trigger refuses every change, also to the owner."""
    run_script(TABLES)
    for table in NAMES:
        guard_tenant_table(table, ("select", "insert"))
        op.execute(
            f"create trigger {table}_append_only before update or delete on {table} "
            "for each row execute function metering.refuse_change()"
        )
        op.execute(
            f"create trigger {table}_no_truncate before truncate on {table} "
            "for each statement execute function metering.refuse_change()"
        )


def downgrade() -> None:
    """Take the tables away, the ones that refer to others first."""
    for table in reversed(NAMES):
        op.execute(f"drop table {table}")
