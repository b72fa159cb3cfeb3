"""Attends to a queue of work beside the schedule: at once when something is committed for it, and every few seconds anyway."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from store.wakeups import listening, wake_all

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 2.0  # what a retry or an ended lease waits at most beyond its time
REST_AFTER_TROUBLE_SECONDS = 5.0

Round = Callable[[datetime], int]
"""Does what is due at that time and returns how much it was."""


@contextmanager
def attending(
    app_url: str, rounds: dict[str, Round], *, look_every_seconds: float = LOOK_EVERY_SECONDS
) -> Iterator[None]:
    """Run each round (by the channel that wakes it) on a thread of its own for the length of the block."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_attend, args=(app_url, channel, work, stop, look_every_seconds), name=channel)
        for channel, work in rounds.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        wake_all(app_url, *rounds)
        for thread in threads:
            thread.join()


def _attend(app_url: str, channel: str, work: Round, stop: threading.Event, look_every_seconds: float) -> None:
    """Rounds until the end; a database or a program that fails is told in the log, and the next round tries again."""
    while not stop.is_set():
        try:
            with listening(app_url, channel) as wait:
                while not stop.is_set():
                    if work(datetime.now(UTC)) == 0:
                        wait(look_every_seconds)
        except Exception:
            log.exception("round_failed", channel=channel)
            stop.wait(REST_AFTER_TROUBLE_SECONDS)
