"""Every table of the store, by name; the migrations make them, these describe them."""

from store.schema.agreements import contract_terms, own_prices, priced_books, restatements
from store.schema.alert_limits import alert_limits
from store.schema.alerts import alert_days, alert_steps, alert_tunings, alerts, detection_runs
from store.schema.api_keys import api_key_days, api_keys
from store.schema.base import ALL_COMMANDS, SCHEMA, metadata
from store.schema.commands import sending_pauses, stripe_commands
from store.schema.digests import digest_days, digest_recipients, digest_settings
from store.schema.disputes import dispute_cases, dispute_evidence_drafts, dispute_steps
from store.schema.evidence import evidence_files, evidence_policies
from store.schema.inbox import event_scans, stripe_inbox
from store.schema.mails import mail_stops, message_channels, outgoing_mails
from store.schema.meters import meter_drifts, meter_ledger, meter_rules
from store.schema.prices import fx_rates, price_entries
from store.schema.provider_reports import provider_costs, provider_usage, usage_connections
from store.schema.reconciliation import discrepancies, reconciliation_runs
from store.schema.recovery import recovery_attempts, recovery_cases, recovery_steps
from store.schema.refunds import refund_evidence, refund_policies, refund_requests, refund_steps
from store.schema.reports import (
    investor_snapshots,
    report_link_revocations,
    report_link_views,
    report_links,
)
from store.schema.stripe_mirror import (
    stripe_balance_transactions,
    stripe_charges,
    stripe_customers,
    stripe_disputes,
    stripe_early_fraud_warnings,
    stripe_events,
    stripe_invoice_lines,
    stripe_invoice_payments,
    stripe_invoices,
    stripe_payment_intents,
    stripe_payouts,
    stripe_prices,
    stripe_products,
    stripe_refunds,
    stripe_subscription_items,
    stripe_subscription_schedules,
    stripe_subscriptions,
)
from store.schema.sync import source_freshness, sync_state, sync_windows
from store.schema.tenants import audit_log, tenant_directory, tenants
from store.schema.usage import customer_mappings, lake_files, usage_imports
from store.schema.usage_intake import usage_intake, usage_recent
from store.schema.warehouse import warehouse_versions

__all__ = [
    "ALL_COMMANDS",
    "SCHEMA",
    "alert_days",
    "alert_limits",
    "alert_steps",
    "alert_tunings",
    "alerts",
    "api_key_days",
    "api_keys",
    "audit_log",
    "contract_terms",
    "customer_mappings",
    "detection_runs",
    "digest_days",
    "digest_recipients",
    "digest_settings",
    "discrepancies",
    "dispute_cases",
    "dispute_evidence_drafts",
    "dispute_steps",
    "event_scans",
    "evidence_files",
    "evidence_policies",
    "fx_rates",
    "investor_snapshots",
    "lake_files",
    "mail_stops",
    "message_channels",
    "metadata",
    "meter_drifts",
    "meter_ledger",
    "meter_rules",
    "outgoing_mails",
    "own_prices",
    "price_entries",
    "priced_books",
    "provider_costs",
    "provider_usage",
    "reconciliation_runs",
    "recovery_attempts",
    "recovery_cases",
    "recovery_steps",
    "refund_evidence",
    "refund_policies",
    "refund_requests",
    "refund_steps",
    "report_link_revocations",
    "report_link_views",
    "report_links",
    "restatements",
    "sending_pauses",
    "source_freshness",
    "stripe_balance_transactions",
    "stripe_charges",
    "stripe_commands",
    "stripe_customers",
    "stripe_disputes",
    "stripe_early_fraud_warnings",
    "stripe_events",
    "stripe_inbox",
    "stripe_invoice_lines",
    "stripe_invoice_payments",
    "stripe_invoices",
    "stripe_payment_intents",
    "stripe_payouts",
    "stripe_prices",
    "stripe_products",
    "stripe_refunds",
    "stripe_subscription_items",
    "stripe_subscription_schedules",
    "stripe_subscriptions",
    "sync_state",
    "sync_windows",
    "tenant_directory",
    "tenants",
    "usage_connections",
    "usage_imports",
    "usage_intake",
    "usage_recent",
    "warehouse_versions",
]
