"""Failed payments: one case per invoice, every try that was seen of it, and what was done about it by whom."""

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import document, moment, number, steps_table, tenant_table, text_column

RECOVERY_STATES = (
    "open",
    "with_stripe",
    "scheduled",
    "retrying",
    "waiting_for_customer",
    "snoozed",
    "on_hold",
    "recovered",
    "lost",
    "written_off",
    "withdrawn",
)
_STATES = ", ".join(repr(state) for state in RECOVERY_STATES)

recovery_cases = tenant_table(
    "recovery_cases",
    Column("case_id", UUID(as_uuid=True), nullable=False),
    text_column("invoice_id", nullable=False),
    text_column("customer_id"),
    text_column("subscription_id"),
    number("amount_minor", nullable=False),
    text_column("currency", nullable=False),
    text_column("state", nullable=False),
    text_column("owner", nullable=False),
    text_column("decline_class", nullable=False),
    # Why it stands where it stands: a word and a sentence, both of the schedule's plan.
    text_column("reason", nullable=False),
    text_column("sentence", nullable=False),
    moment("failed_at", nullable=False),
    moment("opened_at", nullable=False),
    moment("changed_at", nullable=False),
    moment("next_attempt_at"),
    # Names the next try: it goes up when one has ended, so that a second click finds the first one's command.
    number("try_number", nullable=False),
    number("tries_made", nullable=False),
    number("network_tries_left", nullable=False),
    moment("hold_until"),
    moment("snoozed_until"),
    text_column("policy_version", nullable=False),
    number("slot_probability_ppm"),
    document("planned_mails", nullable=False),
    Column("command_id", UUID(as_uuid=True)),
    moment("written_off_at"),
    moment("ended_at"),
    number("recovered_minor"),
    text_column("attribution"),
    UniqueConstraint("tenant_id", "invoice_id"),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint("owner in ('stripe', 'ours')", name="owner"),
    CheckConstraint("decline_class in ('never', 'needs_customer', 'expired', 'later')", name="decline_class"),
    CheckConstraint("amount_minor >= 0", name="amount"),
    CheckConstraint("(state = 'recovered') = (recovered_minor is not null)", name="recovered"),
    Index(None, "tenant_id", "state", "next_attempt_at"),
    Index(None, "tenant_id", "customer_id"),
    Index(None, "tenant_id", "subscription_id"),
    key=["case_id"],
    commands=("select", "insert", "update"),
)

recovery_attempts = tenant_table(
    "recovery_attempts",
    Column("case_id", UUID(as_uuid=True), nullable=False),
    Column("attempt_id", UUID(as_uuid=True), nullable=False),
    text_column("charge_id"),
    Column("command_id", UUID(as_uuid=True)),
    moment("at", nullable=False),
    text_column("by", nullable=False),
    text_column("outcome", nullable=False),
    text_column("payment_method_id"),
    text_column("brand"),
    text_column("decline_code"),
    text_column("advice_code"),
    text_column("network_decline_code"),
    text_column("network_advice_code"),
    text_column("policy_version"),
    number("slot_probability_ppm"),
    UniqueConstraint("tenant_id", "charge_id"),
    UniqueConstraint("tenant_id", "command_id"),
    ForeignKeyConstraint(["tenant_id", "case_id"], ["recovery_cases.tenant_id", "recovery_cases.case_id"]),
    CheckConstraint("by in ('stripe', 'ours', 'customer', 'manual')", name="by"),
    CheckConstraint("outcome in ('declined', 'succeeded')", name="outcome"),
    Index(None, "tenant_id", "case_id"),
    key=["attempt_id"],
    commands=("select", "insert", "update"),
)

recovery_steps = steps_table(
    "recovery_steps",
    root="recovery_cases",
    subject="case_id",
)
