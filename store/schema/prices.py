"""What things cost and what currencies are worth: public price entries and each tenant's exchange rates."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Integer

from store.schema.base import document, global_table, moment, number, tenant_table, text_column

price_entries = global_table(
    "price_entries",
    Column("price_id", BigInteger, primary_key=True, autoincrement=False),
    text_column("price_key", nullable=False),
    text_column("provider", nullable=False),
    text_column("model", nullable=False),
    text_column("service_tier", nullable=False),
    text_column("region"),
    text_column("search_context_size"),
    number("above_input_tokens"),
    number("up_to_input_tokens"),
    moment("valid_from"),
    moment("valid_to"),
    Column("tod_from_minute", Integer),
    Column("tod_to_minute", Integer),
    # By bucket, a bucket without a price left out: whole pico-USD per unit, and what they leave out in 1/3600 pico-USD.
    document("unit_prices", nullable=False),
    document("remainders", nullable=False),
    text_column("source", nullable=False),
    text_column("source_url"),
    Column("checked_on", Date),
    moment("recorded_at", nullable=False),
    reason="public list prices, the same for everybody; an entry is never changed, its id is the hash of its content",
    commands=("select", "insert"),
)

fx_rates = tenant_table(
    "fx_rates",
    text_column("base", nullable=False),
    text_column("quote", nullable=False),
    Column("rate_date", Date, nullable=False),
    number("rate_nano", nullable=False),
    text_column("source", nullable=False),
    moment("recorded_at", nullable=False),
    CheckConstraint("base ~ '^[a-z]{3}$' and quote ~ '^[a-z]{3}$'", name="currency"),
    CheckConstraint("rate_nano > 0", name="rate"),
    key=("base", "quote", "rate_date"),
)
