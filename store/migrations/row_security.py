"""How a migration shuts a new tenant table to strangers. Applied migrations rely on it: add to it, never alter it."""

from collections.abc import Sequence

from alembic import op

APP_ROLE = "metering_app"
ALL_COMMANDS = ("select", "insert", "update", "delete")
# In a sub-select the planner calls the function once per statement instead of once per row.
_OWN_ROW = "tenant_id = (select metering.current_tenant_id())"
_CLAUSES = {
    "select": f"using ({_OWN_ROW})",
    "insert": f"with check ({_OWN_ROW})",
    "update": f"using ({_OWN_ROW}) with check ({_OWN_ROW})",
    "delete": f"using ({_OWN_ROW})",
}


def guard_tenant_table(table: str, commands: Sequence[str] = ALL_COMMANDS) -> None:
    """Force row-level security on the table, with one policy and one grant for each command the application may use."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    for command in commands:
        op.execute(f"create policy {table}_{command} on {table} for {command} {_CLAUSES[command]}")
    share_table(table, commands)


def share_table(table: str, commands: Sequence[str]) -> None:
    """Let the application's role use these commands on the table."""
    op.execute(f"grant {', '.join(commands)} on {table} to {APP_ROLE}")


def run_script(script: str) -> None:
    """Run many statements as they stand; nothing in them is taken for a parameter."""
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None, "a migration runs on a live connection"
    driver_connection.execute(script)
