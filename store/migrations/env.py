"""Alembic's entry point: runs the steps on the connection that `store.database.migrate` hands in."""

from alembic import context

from store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
