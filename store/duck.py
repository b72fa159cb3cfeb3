"""DuckDB connections in memory, bounded: two threads, UTC, a memory limit, and a folder to spill into."""

import tempfile
from pathlib import Path

import duckdb

THREADS = 2
MEMORY_LIMIT = "800MB"


def connect(*, memory_limit: str = MEMORY_LIMIT, spill_folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A new in-memory database; close it after use, and hand each thread a `.cursor()` of its own.

    `memory_limit` as DuckDB spells it ("800MB"); what does not fit is spilled into `spill_folder`, by default the system's
    temporary folder.
    """
    connection = duckdb.connect(":memory:")
    try:
        bound(connection, memory_limit=memory_limit, spill_folder=spill_folder)
    except BaseException:
        connection.close()
        raise
    return connection


def bound(
    connection: duckdb.DuckDBPyConnection, *, memory_limit: str = MEMORY_LIMIT, spill_folder: Path | None = None
) -> None:
    """Give any DuckDB connection the house's limits and time zone."""
    folder = spill_folder if spill_folder is not None else Path(tempfile.gettempdir()) / "metering-duckdb"
    connection.execute(f"set threads = {THREADS}")
    connection.execute("set memory_limit = ?", [memory_limit])
    connection.execute("set temp_directory = ?", [str(folder)])
    connection.execute("set TimeZone = 'UTC'")
    # Nothing is fetched from the network by a query: what is not built in is not there.
    connection.execute("set autoinstall_known_extensions = false")
    connection.execute("set autoload_known_extensions = false")


def kept(
    connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation, name: str
) -> duckdb.DuckDBPyRelation:
    """The relation read once into a temporary table, which is gone with the connection: for what is asked several times."""
    making = f'create or replace temporary table {name} as select * from "~read_once"'  # noqa: S608 - a name of ours
    relation.query("~read_once", making)
    return connection.table(name)
