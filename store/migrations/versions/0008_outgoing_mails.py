"""Mails on their way out and the addresses that want none."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
create table outgoing_mails (
    tenant_id uuid not null,
    mail_id uuid not null,
    position bigint generated always as identity not null,
    mail_key text not null,
    kind text not null,
    about text not null,
    recipient text not null,
    subject text not null,
    text_body text not null,
    html_body text,
    images jsonb not null,
    state text not null,
    attempts bigint not null default 0,
    next_attempt_at timestamptz not null,
    lease_token uuid,
    lease_until timestamptz,
    last_trouble text,
    asked_by text not null,
    asked_at timestamptz not null,
    sent_at timestamptz,
    constraint outgoing_mails_pkey primary key (tenant_id, mail_id),
    constraint outgoing_mails_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint outgoing_mails_tenant_id_mail_key_key unique (tenant_id, mail_key),
    constraint outgoing_mails_state_check check (
        state in ('waiting', 'sending', 'sent', 'refused', 'unknown', 'canceled')
    )
);
create index outgoing_mails_tenant_id_state_next_attempt_at_idx on outgoing_mails (tenant_id, state, next_attempt_at);
create index outgoing_mails_tenant_id_about_idx on outgoing_mails (tenant_id, about);

create table mail_stops (
    tenant_id uuid not null,
    address text not null,
    reason text not null,
    stopped_by text not null,
    stopped_at timestamptz not null,
    constraint mail_stops_pkey primary key (tenant_id, address),
    constraint mail_stops_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
"""


def upgrade() -> None:
    """Make the tables; a mail is never deleted, a stop is when it ends."""
    run_script(TABLES)
    guard_tenant_table("outgoing_mails", ("select", "insert", "update"))
    guard_tenant_table("mail_stops", ("select", "insert", "delete"))


def downgrade() -> None:
    """Take the tables away."""
    for table in ("mail_stops", "outgoing_mails"):
        op.execute(f"drop table {table}")
