"""How far each source has been read, and how fresh it is."""

from sqlalchemy import ARRAY, Column, DateTime

from store.schema.base import counter, moment, number, tenant_table, text_column

sync_windows = tenant_table(
    "sync_windows",
    text_column("source", nullable=False),
    text_column("stream", nullable=False),
    moment("window_start", nullable=False),
    moment("window_end", nullable=False),
    text_column("cursor"),
    text_column("state", nullable=False),
    counter("rows_done"),
    key=("source", "stream", "window_start"),
)

sync_state = tenant_table(
    "sync_state",
    text_column("source", nullable=False),
    text_column("last_event_id"),
    moment("last_event_created_at"),
    moment("backfill_completed_at"),
    key=("source",),
)

source_freshness = tenant_table(
    "source_freshness",
    text_column("source", nullable=False),
    moment("last_attempt_at"),
    moment("last_success_at"),
    # The newest of them, oldest first (store.freshness.SUCCESSES_KEPT): what is usual for this source.
    Column("recent_successes", ARRAY(DateTime(timezone=True))),
    moment("latest_record_at"),
    number("rows_total"),
    text_column("status", nullable=False),
    text_column("message"),
    key=("source",),
)
