"""Indexes for looking at the meter ledger: by window, and what is in trouble."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The ledger is kept for ever and grows by every customer's hours; a page looks at weeks of it, and at what is in trouble."""
    op.execute(
        "create index meter_ledger_windows_idx on meter_ledger (tenant_id, window_start) "
        "include (rule_id, customer_id, state, units)"
    )
    op.execute(
        "create index meter_ledger_troubles_idx on meter_ledger (tenant_id, position) "
        "where state in ('rejected', 'too_late', 'unknown')"
    )


def downgrade() -> None:
    """Take them away."""
    op.execute("drop index meter_ledger_troubles_idx")
    op.execute("drop index meter_ledger_windows_idx")
