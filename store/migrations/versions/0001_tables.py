"""The first tables, guarded by row-level security from their first moment."""

from pathlib import Path

from alembic import op

from store.migrations.row_security import ALL_COMMANDS, APP_ROLE, guard_tenant_table, run_script, share_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Stable and plain SQL: a volatile or plpgsql function here was measured 25 to 3,200 times slower.
CURRENT_TENANT = """
create function metering.current_tenant_id() returns uuid language sql stable parallel safe
as $$ select nullif(pg_catalog.current_setting('app.tenant_id', true), '')::uuid $$
"""

APPEND_ONLY = """
create function metering.refuse_change() returns trigger language plpgsql
as $$ begin raise exception '% only grows: % is refused', tg_table_name, tg_op using errcode = 'insufficient_privilege'; end $$;
create trigger audit_log_append_only before update or delete on audit_log
    for each row execute function metering.refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log
    for each statement execute function metering.refuse_change();
"""

COMMANDS = {
    "tenants": ("select", "insert", "update"),
    "audit_log": ("select", "insert"),
    "customer_mappings": ALL_COMMANDS,
    "fx_rates": ALL_COMMANDS,
    "lake_files": ALL_COMMANDS,
    "source_freshness": ALL_COMMANDS,
    "stripe_balance_transactions": ALL_COMMANDS,
    "stripe_charges": ALL_COMMANDS,
    "stripe_customers": ALL_COMMANDS,
    "stripe_disputes": ALL_COMMANDS,
    "stripe_events": ALL_COMMANDS,
    "stripe_invoice_lines": ALL_COMMANDS,
    "stripe_invoice_payments": ALL_COMMANDS,
    "stripe_invoices": ALL_COMMANDS,
    "stripe_payment_intents": ALL_COMMANDS,
    "stripe_prices": ALL_COMMANDS,
    "stripe_products": ALL_COMMANDS,
    "stripe_refunds": ALL_COMMANDS,
    "stripe_subscription_items": ALL_COMMANDS,
    "stripe_subscriptions": ALL_COMMANDS,
    "sync_state": ALL_COMMANDS,
    "sync_windows": ALL_COMMANDS,
    "usage_imports": ALL_COMMANDS,
    "warehouse_versions": ALL_COMMANDS,
}
GLOBAL = ("tenant_directory", "price_entries")


def upgrade() -> None:
    """Make tables, policies, grants, and the trigger that keeps the audit log append-only."""
    op.execute(f"grant usage on schema metering to {APP_ROLE}")
    op.execute(CURRENT_TENANT)
    run_script(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table, commands in COMMANDS.items():
        guard_tenant_table(table, commands)
    for table in GLOBAL:
        share_table(table, ("select", "insert"))
    share_table("alembic_version", ("select",))
    run_script(APPEND_ONLY)


def downgrade() -> None:
    """Take everything away again, newest first."""
    for table in (*COMMANDS, *GLOBAL):
        op.execute(f"drop table {table} cascade")
    op.execute("drop function metering.refuse_change()")
    op.execute("drop function metering.current_tenant_id()")
