"""Doing things in the order of their dates: each act happens on the sandbox's clock, billing runs in between."""

import heapq
from collections.abc import Callable
from typing import TypeAlias

from sandbox import billing
from sandbox.state import State

Act: TypeAlias = Callable[[State], object]


class Timeline:
    """What is to happen and when. Acts after the end never do; acts of the same second keep their order."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Act]] = []
        self._count = 0

    def plan(self, at: int, act: Act) -> None:
        """Let `act` happen at `at` (unix seconds)."""
        self._count += 1
        heapq.heappush(self._waiting, (at, self._count, act))

    def play(self, state: State, until: int) -> None:
        """Let time pass up to `until`."""
        while self._waiting and self._waiting[0][0] <= until:
            at, _, act = heapq.heappop(self._waiting)
            billing.cycle(state, at)
            act(state)
        billing.cycle(state, until)
