"""The record of published and refused versions in Postgres, and the numbers that they get."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from store.schema import warehouse_versions
from store.warehouse import Pointer, Publication


def next_version(connection: Connection, current: Pointer | None) -> int:
    """The number after every one that was ever used, also by a version whose record a crash prevented."""
    recorded = connection.scalar(select(func.max(warehouse_versions.c.version))) or 0
    return max(int(recorded), current.version or 0 if current else 0) + 1


def record(connection: Connection, version: int, publication: Publication, *, now: datetime) -> None:
    """Write down what came of a version, in the tenant's open transaction."""
    connection.execute(
        insert(warehouse_versions)
        .values(
            tenant_id=func.current_tenant_id(),
            version=version,
            file_name=f"v{version}.duckdb",
            state="published" if publication.is_published else "refused",
            message=publication.message,
            row_counts=publication.row_counts,
            # JSON has no integers as large as a pico-USD sum may be: they are kept as texts.
            checks=[
                {name: value if name == "name" else str(value) for name, value in asdict(check).items()}
                for check in publication.checks
            ],
            published_at=now,
        )
        .on_conflict_do_nothing()
    )
