"""Keeps all threads of a pull together below Stripe's rate limit, and slows all of them down when Stripe asks for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Pace:
    """Hands out evenly spaced places in time, `requests_per_second` of them, to any number of threads.

    Spacing instead of a bucket of tokens: Stripe counts short bursts too, and a burst gains a pull nothing.
    """

    requests_per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Sleep until this thread's place comes."""
        with self._lock:
            now = self.clock()
            place = max(now, self._next_at)
            self._next_at = place + 1 / self.requests_per_second
        if place > now:
            self.sleep(place - now)

    def hold_back(self, wait_seconds: float) -> None:
        """Give out no place for so long: Stripe has said that all of us together are too fast."""
        with self._lock:
            self._next_at = max(self._next_at, self.clock() + wait_seconds)
