"""Messages over HTTP in the outbox of mails, and the channels that the settings name."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHANGES = """
alter table outgoing_mails add column channel text not null default 'mail';
alter table outgoing_mails add constraint outgoing_mails_channel_check check (
    channel in ('mail', 'slack', 'webhook')
);
create table message_channels (
    tenant_id uuid not null,
    name text not null,
    kind text not null,
    host text not null,
    configured_at timestamptz not null,
    removed_at timestamptz,
    constraint message_channels_pkey primary key (tenant_id, name),
    constraint message_channels_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint message_channels_kind_check check (kind in ('slack', 'webhook'))
);
"""


def upgrade() -> None:
    """Every row that is there is a mail; a channel that is no longer named is marked, never deleted."""
    run_script(CHANGES)
    guard_tenant_table("message_channels", ("select", "insert", "update"))


def downgrade() -> None:
    """Take them away, with the messages: without their channel they would be mails to nobody."""
    op.execute("drop table message_channels")
    op.execute("delete from outgoing_mails where channel <> 'mail'")
    op.execute("alter table outgoing_mails drop column channel")
