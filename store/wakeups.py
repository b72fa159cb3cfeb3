"""Sleeping until another process has committed something for us, or until a time has passed."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from store.setting_values import POSTGRES_DRIVER

Wait = Callable[[float], None]


@contextmanager
def listening(app_url: str, *channels: str) -> Iterator[Wait]:
    """A function that sleeps until one of the channels is notified, at most so many seconds.

    A notice that comes between two sleeps ends the next one at once. The connection is one of its own, outside the pool.
    """
    with _connect(app_url) as connection:
        for channel in channels:
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))

        def wait(seconds: float) -> None:
            for _ in connection.notifies(timeout=seconds, stop_after=1):
                return

        yield wait


def wake_all(app_url: str, *channels: str) -> None:
    """End every listener's sleep now. With the database away nobody can be told; they wake by themselves a little later."""
    with contextlib.suppress(psycopg.OperationalError), _connect(app_url) as connection:
        for channel in channels:
            connection.execute(sql.SQL("notify {}").format(sql.Identifier(channel)))


def _connect(app_url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(app_url.replace(POSTGRES_DRIVER, "postgresql://", 1), autocommit=True)
