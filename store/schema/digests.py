"""The daily mail: when it goes out, and to whom."""

from sqlalchemy import CheckConstraint, Column, Date

from store.schema.base import claim, counter, moment, number, tenant_table, text_column

digest_settings = tenant_table(
    "digest_settings",
    claim("is_on", nullable=False),
    text_column("time_zone", nullable=False),
    number("hour", nullable=False),
    # Monday is 0; none means that a quiet week is passed over in silence.
    number("all_quiet_weekday"),
    number("least_impact_minor", nullable=False),
    moment("changed_at", nullable=False),
    text_column("changed_by", nullable=False),
    CheckConstraint("hour between 0 and 23", name="hour"),
    CheckConstraint("all_quiet_weekday between 0 and 6", name="all_quiet_weekday"),
    CheckConstraint("least_impact_minor >= 0", name="least_impact_minor"),
    key=[],
    commands=("select", "insert", "update"),
)

digest_recipients = tenant_table(
    "digest_recipients",
    # In lower case: nobody means two people by two spellings.
    text_column("address", nullable=False),
    text_column("name", nullable=False),
    text_column("role", nullable=False),
    claim("is_on", nullable=False),
    moment("added_at", nullable=False),
    text_column("added_by", nullable=False),
    moment("changed_at", nullable=False),
    text_column("changed_by", nullable=False),
    key=["address"],
)

# One row per local day that was decided: whoever comes second finds it, so a day has its mails once.
digest_days = tenant_table(
    "digest_days",
    Column("day", Date, nullable=False),
    moment("decided_at", nullable=False),
    text_column("outcome", nullable=False),
    Column("reported_day", Date, nullable=False),
    # Of the warehouse; null where nothing is published.
    number("version"),
    claim("is_late", nullable=False),
    counter("new"),
    counter("ongoing"),
    counter("resolved"),
    counter("recipients"),
    CheckConstraint("outcome in ('asked', 'passed_over')", name="outcome"),
    key=["day"],
    commands=("select", "insert"),
)
