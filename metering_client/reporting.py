"""Reports usage from inside a program that calls models: buffers, sends from a thread of its own, and never gets in the way."""

import atexit
import logging
import os
import random
import threading
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

from metering_client.sending import Sender
from metering_client.usage_of import usage_of

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 60.0

_labels: ContextVar[Mapping[str, object] | None] = ContextVar("metering_labels", default=None)


@dataclass(frozen=True)
class Counts:
    """What became of the calls that were reported. Every one is in exactly one of these.

    `unread` answers had no usage; `dropped` events found the buffer full or were left when the program ended; `refused` ones the
    server will never take; `waiting` ones are still here.
    """

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    dropped: int = 0
    unread: int = 0
    waiting: int = 0


class Metering:
    """Sends usage events to the intake at `url` with a key of `metering keys create`.

    Nothing here raises into the caller or waits for the network, but `flush` and `close`. Events are sent in batches, at the latest
    `every_seconds` after they came, again and again with the same ids until the server has them; `buffered_max` wait at most.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        batch: int = 200,
        every_seconds: float = 1.0,
        buffered_max: int = 20_000,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._sender, self._clock = Sender(url, key), clock or partial(datetime.now, UTC)
        self._batch, self._every_seconds, self._buffered_max = batch, every_seconds, buffered_max
        self._first_wait_seconds = first_wait_seconds
        self._changed = threading.Condition()
        self._buffer: deque[dict[str, object]] = deque()
        self._counts = Counts()
        self._is_urgent = self._is_nudged = self._is_closed = False
        self._thread: threading.Thread | None = None
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            # Weakly: a fork begins anew what is still in use, and keeps nothing alive.
            begin = weakref.WeakMethod(self._begin_anew)

            def in_child() -> None:
                method = begin()
                if method is not None:
                    method()

            os.register_at_fork(after_in_child=in_child)

    @contextmanager
    def about(self, **labels: object) -> Iterator[None]:
        """Labels (customer_id, feature, …) of every event that is reported inside the block, by this thread or task."""
        token = _labels.set({**self.labels(), **labels})
        try:
            yield
        finally:
            _labels.reset(token)

    def labels(self) -> Mapping[str, object]:
        """Those of the blocks that are open here, for what is reported later."""
        return _labels.get() or {}

    def answer(self, answer: object, **labels: Any) -> None:
        """Report a call by what the provider answered: a body as a map, or the SDK's object. `provider` and the like are labels.

        An answer without usage is counted as `unread`.
        """
        try:
            told = usage_of(answer, provider=labels.get("provider"))
        except Exception as trouble:  # noqa: BLE001 - the caller's request goes on, whatever the answer looks like
            self._add(unread=1)
            log.warning("An answer of %s was not understood: %s", labels.get("provider", "a provider"), trouble)
            return
        self.event(**{**told, **labels})

    def event(self, **fields: object) -> None:
        """Report an event by its fields (docs/usage-import.md); id and moment are added where they are absent."""
        try:
            told = {name: value for name, value in {**self.labels(), **fields}.items() if value is not None}
            told.setdefault("event_id", str(uuid.uuid4()))
            told.setdefault("occurred_at", self._clock().isoformat())
            self._put(told)
        except Exception:
            log.exception("An event was not reported")

    def counts(self) -> Counts:
        """What has become of everything so far."""
        with self._changed:
            return replace(self._counts, waiting=len(self._buffer))

    def flush(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until nothing is left to send; False when that takes longer."""
        with self._changed:
            self._is_urgent = self._is_nudged = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._buffer, timeout_seconds)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Flush and end; done by itself when the program ends. What cannot be sent in time is dropped and counted."""
        atexit.unregister(self.close)
        if self._thread is not None:
            self.flush(timeout_seconds)
        with self._changed:
            self._is_closed = True
            left = len(self._buffer)
            self._counts = replace(self._counts, dropped=self._counts.dropped + left)
            self._buffer.clear()
            self._changed.notify_all()
        if left:
            log.warning("%d usage events could not be sent before the end and are lost", left)

    def _put(self, event: dict[str, object]) -> None:
        with self._changed:
            if self._is_closed or len(self._buffer) >= self._buffered_max:
                self._counts = replace(self._counts, dropped=self._counts.dropped + 1)
                return
            self._buffer.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="metering", daemon=True)
                self._thread.start()
            if len(self._buffer) == 1 or len(self._buffer) >= self._batch:
                self._changed.notify_all()

    def _work(self) -> None:
        """Send batch after batch; an event leaves the buffer when the server has it, or never will."""
        wait_seconds, size = self._first_wait_seconds, self._batch
        while batch := self._next(size):
            answer = self._sender.send(batch)
            match answer.verdict:
                case "later":
                    pause = answer.wait_seconds or wait_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - so that many do not come back at once
                    wait_seconds = min(LONGEST_WAIT_SECONDS, 2 * wait_seconds)
                    log.info("Usage is sent again in %.1f s: %s", pause, answer.said)
                    self._rest(pause)
                    continue
                case "too large" if size > 1 and len(batch) > 1:
                    size = len(batch) // 2
                    continue
                case "too large":
                    answer = replace(answer, refused=1)
            if answer.refused:
                log.warning("%d usage events were refused: %s", answer.refused, answer.said)
            wait_seconds, size = self._first_wait_seconds, self._batch
            self._settle(len(batch), answer.accepted, answer.duplicates, answer.refused)
        self._sender.close()

    def _next(self, size: int) -> list[dict[str, object]]:
        """The oldest events, when there are enough or some have waited long enough; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._is_closed)
            until = monotonic() + self._every_seconds
            while len(self._buffer) < self._batch and not self._is_urgent and not self._is_closed:
                if not self._changed.wait(max(0.0, until - monotonic())) and monotonic() >= until:
                    break
            return [self._buffer[place] for place in range(min(size, len(self._buffer)))]

    def _settle(self, sent: int, accepted: int, duplicates: int, refused: int) -> None:
        with self._changed:
            if self._is_closed:  # counted as dropped, whether it arrived or not
                return
            for _ in range(min(sent, len(self._buffer))):
                self._buffer.popleft()
            if not self._buffer:
                self._is_urgent = False
            self._changed.notify_all()
        self._add(accepted=accepted, duplicates=duplicates, refused=refused)

    def _rest(self, seconds: float) -> None:
        """Sleep, but not beyond the end, and less when somebody wants everything sent now."""
        with self._changed:
            self._is_nudged = False
            self._changed.wait_for(lambda: self._is_closed or self._is_nudged, seconds)

    def _begin_anew(self) -> None:
        """In a fork, which has none of its parent's threads: what the parent had in the buffer the parent sends."""
        self._changed = threading.Condition()
        self._buffer, self._counts, self._thread = deque(), Counts(), None
        self._sender.close()

    def _add(self, **more: int) -> None:
        with self._changed:
            self._counts = replace(
                self._counts, **{name: getattr(self._counts, name) + count for name, count in more.items()}
            )
