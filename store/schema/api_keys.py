"""Keys of programs: what proves each, what it may do, and how much it has sent on which day."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from store.schema.base import counter, moment, number, tenant_table, text_column

api_keys = tenant_table(
    "api_keys",
    text_column("key_id", nullable=False),
    text_column("name", nullable=False),
    # The key itself is shown once and kept nowhere.
    text_column("key_sha256", nullable=False),
    Column("scopes", ARRAY(TEXT), nullable=False),
    # Null: no limit of that kind.
    number("events_per_day"),
    number("requests_per_second"),
    moment("made_at", nullable=False),
    text_column("made_by", nullable=False),
    text_column("replaces"),
    moment("expires_at"),
    moment("last_used_at"),
    moment("revoked_at"),
    text_column("revoked_by"),
    CheckConstraint("length(key_sha256) = 64", name="key_sha256"),
    CheckConstraint("events_per_day > 0 and requests_per_second > 0", name="limits"),
    CheckConstraint("(revoked_at is null) = (revoked_by is null)", name="revoked"),
    key=("key_id",),
    commands=("select", "insert", "update"),
)

api_key_days = tenant_table(
    "api_key_days",
    text_column("key_id", nullable=False),
    Column("day", Date, nullable=False),
    counter("events"),
    ForeignKeyConstraint(["tenant_id", "key_id"], ["api_keys.tenant_id", "api_keys.key_id"]),
    key=("key_id", "day"),
    commands=("select", "insert", "update"),
)
