"""Progress bars of long work in the terminal; silent where the output is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

# What is worked on, how many rows are done, how many there will be (None while unknown).
Advance = Callable[[str, int, int | None], None]


@contextmanager
def progress_bars(console: Console, title: str) -> Iterator[Advance]:
    """A block with one bar per thing worked on; call the value it yields with (name, rows done, rows expected)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def advance(name: str, rows_done: int, rows_expected: int | None) -> None:
            if name not in bars:
                bars[name] = progress.add_task(f"{title}: {name}", total=rows_expected)
            progress.update(bars[name], completed=rows_done, total=rows_expected)

        yield advance
