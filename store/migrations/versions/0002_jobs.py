"""The job queue's tables: procrastinate's own schema as of 3.10.0, kept here so that every installation gets the same.

When procrastinate is upgraded, its migration scripts become a migration of ours; a test compares the two.
"""

from pathlib import Path

from alembic import op

from store.migrations.row_security import ALL_COMMANDS, APP_ROLE, run_script, share_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA_FILE = Path(__file__).with_name("0002_procrastinate_3_10.sql")
TABLES = ("procrastinate_workers", "procrastinate_jobs", "procrastinate_periodic_defers", "procrastinate_events")


def upgrade() -> None:
    """Make the queue and let the application's role work with it."""
    run_script(SCHEMA_FILE.read_text(encoding="utf-8"))
    for table in TABLES:
        share_table(table, ALL_COMMANDS)
    op.execute(f"grant usage on all sequences in schema metering to {APP_ROLE}")


def downgrade() -> None:
    """Take the queue away, with what was waiting in it."""
    op.execute(
        """
        do $$ declare routine text; begin
            for routine in select oid::regprocedure::text from pg_proc
                where pronamespace = 'metering'::regnamespace and proname like 'procrastinate%' loop
                execute 'drop function ' || routine || ' cascade';
            end loop;
        end $$
        """
    )
    for table in reversed(TABLES):
        op.execute(f"drop table {table} cascade")
    op.execute("drop type if exists procrastinate_job_to_defer_v1")
    op.execute("drop type procrastinate_job_status, procrastinate_job_event_type")
