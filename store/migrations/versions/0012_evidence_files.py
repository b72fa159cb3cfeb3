"""The documents that were made for the bank."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
create table evidence_files (
    tenant_id uuid not null,
    file_id uuid not null,
    position bigint generated always as identity not null,
    dispute_id text not null,
    field text not null,
    name text not null,
    sha256 text not null,
    content bytea not null,
    as_of timestamptz not null,
    made_by text not null,
    made_at timestamptz not null,
    command_id uuid not null,
    stripe_file_id text,
    constraint evidence_files_pkey primary key (tenant_id, file_id),
    constraint evidence_files_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create index evidence_files_tenant_id_dispute_id_idx on evidence_files (tenant_id, dispute_id);
create index evidence_files_tenant_id_command_id_idx on evidence_files (tenant_id, command_id);
"""


def upgrade() -> None:
    """Make the table: documents are added, and learn their id at Stripe once."""
    run_script(TABLES)
    guard_tenant_table("evidence_files", ("select", "insert", "update"))


def downgrade() -> None:
    """Take the table away."""
    op.execute("drop table evidence_files")
