"""A DuckDB connection of the house is bounded, speaks UTC, and spills where it is told."""

from pathlib import Path

from store import duck


def test_a_connection_has_the_houses_limits(tmp_path: Path) -> None:
    with duck.connect(memory_limit="500MB", spill_folder=tmp_path) as connection:
        names = ("threads", "memory_limit", "temp_directory", "TimeZone")
        found = {name: connection.sql(f"select current_setting('{name}')").fetchall()[0][0] for name in names}
    assert found == {"threads": 2, "memory_limit": "476.8 MiB", "temp_directory": str(tmp_path), "TimeZone": "UTC"}


def test_what_does_not_fit_in_memory_is_spilled(tmp_path: Path) -> None:
    """A sort of 2 M wide rows (about 400 MB) in 100 MB."""
    with duck.connect(memory_limit="100MB", spill_folder=tmp_path / "spill") as connection:
        wide = "select hash(number) as h, repeat(number::varchar, 25) as words from range(2_000_000) as r(number)"
        row = connection.sql(
            f"select count(*) from (select h, row_number() over (order by words) from ({wide}))"
        ).fetchall()
    assert row == [(2_000_000,)]
