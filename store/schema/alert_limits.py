"""From where on a detector alerts a tenant, where the tenant has set it: one row a detector and subject."""

from sqlalchemy import CheckConstraint

from store.schema.base import moment, number, tenant_table, text_column

alert_limits = tenant_table(
    "alert_limits",
    text_column("detector", nullable=False),
    # A subject's key (pricing.finding), a scope for all its subjects, or empty for everything.
    text_column("subject_key", nullable=False),
    # One of the two: a share in parts per million, or an amount of the reporting currency.
    number("limit_ppm"),
    number("limit_minor"),
    text_column("set_by", nullable=False),
    moment("set_at", nullable=False),
    CheckConstraint("(limit_ppm is null) <> (limit_minor is null)", name="one"),
    key=["detector", "subject_key"],
)
