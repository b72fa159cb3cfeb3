"""What a price entry may be of beside model and tier: a region, and a search-context size."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns. Entries written so far are of no region and no size."""
    op.execute("alter table price_entries add column region text, add column search_context_size text")


def downgrade() -> None:
    """Take them away."""
    op.execute("alter table price_entries drop column region, drop column search_context_size")
