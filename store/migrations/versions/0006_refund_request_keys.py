"""Refund requests keep the idempotency key they came under and a hash of what they asked for."""

from alembic import op

from store.migrations.row_security import run_script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = """
alter table refund_requests add column idempotency_key text;
alter table refund_requests add column asked_sha256 text;
alter table refund_requests add constraint refund_requests_tenant_id_idempotency_key_key unique (tenant_id, idempotency_key);
"""


def upgrade() -> None:
    """Add the columns; requests from before have neither."""
    run_script(COLUMNS)


def downgrade() -> None:
    """Take the columns and their constraint away."""
    op.execute("alter table refund_requests drop column idempotency_key, drop column asked_sha256")
