"""The history of the schema: Alembic's environment and one file per step, shipped with the package."""
