"""The daily mail: when it goes out, and to whom."""

from sqlalchemy import CheckConstraint

from store.schema.base import claim, moment, number, tenant_table, text_column

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
