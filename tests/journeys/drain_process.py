"""A drain in a process of its own that goes round and round, in small parts, until somebody ends it; the database may be away."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pipelines.drain_usage import drain
from store.database import DATABASE_AWAY, open_engine

PART_ROWS = 150


def drain_for_ever(app_url: str, home: Path, tenant_id: UUID) -> None:
    """Drain, rest a moment, and again."""
    rest = threading.Event()
    engine = open_engine(app_url)
    while True:
        try:
            drain(engine, home, tenant_id, now=datetime.now(UTC), part_rows=PART_ROWS)
        except DATABASE_AWAY:
            engine.dispose()
        rest.wait(0.02)
