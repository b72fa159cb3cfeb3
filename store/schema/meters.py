"""Stripe meters: which usage they are told, every event that was ever told, and where Stripe's sums differ from ours."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from store.schema.base import counter, moment, number, tenant_table, text_column

METER_STATES = (
    "pending",
    "sending",
    "unknown",
    "sent",
    "accepted",
    "rejected",
    "too_late",
    "canceling",
    "canceled",
    "lost",
    "replayed",
    "shadow",
)
METER_SINKS = ("stripe_v1", "stripe_v2", "file")

meter_rules = tenant_table(
    "meter_rules",
    text_column("rule_id", nullable=False),
    text_column("event_name", nullable=False),
    text_column("meter_id", nullable=False),
    Column("counted", ARRAY(text_column("counted").type), nullable=False),
    number("per", nullable=False),
    text_column("time_window", nullable=False),
    text_column("provider"),
    text_column("model"),
    text_column("feature"),
    text_column("sink", nullable=False),
    text_column("mode", nullable=False),
    # Usage before it is not told.
    moment("starts_at", nullable=False),
    moment("made_at", nullable=False),
    text_column("made_by", nullable=False),
    CheckConstraint("per > 0", name="per"),
    CheckConstraint("time_window in ('hour', 'day')", name="time_window"),
    CheckConstraint(f"sink in ({', '.join(repr(sink) for sink in METER_SINKS)})", name="sink"),
    CheckConstraint("mode in ('shadow', 'live', 'off')", name="mode"),
    key=["rule_id"],
    commands=("select", "insert", "update"),
)

meter_ledger = tenant_table(
    "meter_ledger",
    # What Stripe knows the event by, and we for ever: made of the rule, the customer, the window and how often it was told.
    text_column("identifier", nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    text_column("rule_id", nullable=False),
    text_column("customer_id", nullable=False),
    moment("window_start", nullable=False),
    number("revision", nullable=False),
    number("units", nullable=False),
    text_column("state", nullable=False),
    counter("attempts"),
    moment("made_at", nullable=False),
    # Stripe keeps an identifier for 24 hours from here.
    moment("first_sent_at"),
    moment("settled_at"),
    moment("next_attempt_at", nullable=False),
    Column("lease_token", UUID(as_uuid=True)),
    moment("lease_until"),
    text_column("last_trouble"),
    text_column("trouble_code"),
    ForeignKeyConstraint(["tenant_id", "rule_id"], ["meter_rules.tenant_id", "meter_rules.rule_id"]),
    UniqueConstraint(
        "tenant_id", "rule_id", "customer_id", "window_start", "revision", name="meter_ledger_revision_key"
    ),
    CheckConstraint("units > 0", name="units"),
    CheckConstraint("length(identifier) <= 100", name="identifier"),
    CheckConstraint(f"state in ({', '.join(repr(state) for state in METER_STATES)})", name="state"),
    Index(None, "tenant_id", "next_attempt_at", postgresql_where=text("state in ('pending', 'sending', 'canceling')")),
    Index(
        "meter_ledger_windows_idx",
        "tenant_id",
        "window_start",
        postgresql_include=["rule_id", "customer_id", "state", "units"],
    ),
    Index(
        "meter_ledger_troubles_idx",
        "tenant_id",
        "position",
        postgresql_where=text("state in ('rejected', 'too_late', 'unknown')"),
    ),
    key=["identifier"],
    commands=("select", "insert", "update"),
)

meter_drifts = tenant_table(
    "meter_drifts",
    text_column("rule_id", nullable=False),
    text_column("customer_id", nullable=False),
    Column("day", Date, nullable=False),
    number("told_units", nullable=False),
    number("stripe_units", nullable=False),
    text_column("state", nullable=False),
    text_column("sentence", nullable=False),
    moment("first_seen_at", nullable=False),
    moment("last_seen_at", nullable=False),
    ForeignKeyConstraint(["tenant_id", "rule_id"], ["meter_rules.tenant_id", "meter_rules.rule_id"]),
    CheckConstraint("state in ('seen', 'sent_again', 'reported', 'gone')", name="state"),
    key=["rule_id", "customer_id", "day"],
    commands=("select", "insert", "update"),
)
