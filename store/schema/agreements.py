"""What a tenant pays by its own word: contract terms and prices of its own, and what corrected prices have changed."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Identity, Index, Numeric
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import document, moment, number, tenant_table, text_column

contract_terms = tenant_table(
    "contract_terms",
    Column("term_id", UUID(as_uuid=True), nullable=False),
    text_column("contract_id", nullable=False),
    text_column("provider", nullable=False),
    # A pattern of model names; `*` stands for any letters.
    text_column("models", nullable=False),
    # Null for every tier.
    text_column("service_tier"),
    text_column("kind", nullable=False),
    document("rule", nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    moment("recorded_at", nullable=False),
    text_column("recorded_by", nullable=False),
    text_column("because", nullable=False),
    # From when on the row is no longer what is known; it is never changed otherwise, and never deleted.
    moment("superseded_at"),
    text_column("superseded_by"),
    text_column("superseded_because"),
    CheckConstraint("kind in ('unit_prices', 'discount', 'volume_tiers', 'commitment', 'credit')", name="kind"),
    CheckConstraint("valid_to is null or valid_from < valid_to", name="dates"),
    key=["term_id"],
    commands=("select", "insert", "update"),
)

own_prices = tenant_table(
    "own_prices",
    Column("own_price_id", UUID(as_uuid=True), nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    text_column("provider", nullable=False),
    text_column("model", nullable=False),
    text_column("service_tier", nullable=False),
    # Whole pico-USD per unit by bucket; a bucket without a price left out.
    document("unit_prices", nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    text_column("source_url"),
    Column("checked_on", Date, nullable=False),
    moment("recorded_at", nullable=False),
    text_column("recorded_by", nullable=False),
    text_column("because", nullable=False),
    moment("superseded_at"),
    text_column("superseded_by"),
    text_column("superseded_because"),
    CheckConstraint("valid_from is null or valid_to is null or valid_from < valid_to", name="dates"),
    key=["own_price_id"],
    commands=("select", "insert", "update"),
)

restatements = tenant_table(
    "restatements",
    Column("restatement_id", UUID(as_uuid=True), nullable=False),
    moment("recorded_at", nullable=False),
    text_column("cause", nullable=False),
    # Null where the events had no price, or have none any more.
    text_column("from_price_key"),
    text_column("to_price_key"),
    text_column("provider"),
    text_column("model"),
    # Within one calendar month, so that a month as it was known earlier can be told.
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    number("events", nullable=False),
    Column("cost_before_pico_usd", Numeric(38, 0)),
    Column("cost_after_pico_usd", Numeric(38, 0)),
    text_column("principal", nullable=False),
    key=["restatement_id"],
    commands=("select", "insert"),
)
Index(None, restatements.c.tenant_id, restatements.c.recorded_at)

priced_books = tenant_table(
    "priced_books",
    # What the price book said when all usage was last known to be priced by it.
    text_column("fingerprint", nullable=False),
    moment("priced_at", nullable=False),
    key=[],
    commands=("select", "insert", "update"),
)
