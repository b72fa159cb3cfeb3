"""Many requests, one commit: what arrives while a transaction is under way is written together by the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# So that a rush makes several short transactions instead of one long one.
MOST_AT_ONCE = 200


class TooMuchWaiting(Exception):
    """More waits to be written than may wait. The same request may be sent again a little later."""


class InOneCommit(Generic[Item, Answer]):
    """Awaits the answer to an item after the commit that wrote it; nothing is answered before.

    `write` takes the items that have gathered, writes them in one transaction and returns an answer for each, in order. Without
    it each request would wait for a commit of its own, and those that notify wait for each other. When a batch fails, its items
    are written one by one, so that each is told its own trouble; after a `hopeless` one all are told the same. `weigh` says how
    much an item counts for in `most_at_once` and in `most_waiting` (None: whatever comes may wait).
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Sequence[Answer]],
        *,
        weigh: Callable[[Item], int] = lambda _: 1,
        most_at_once: int = MOST_AT_ONCE,
        most_waiting: int | None = None,
        hopeless: tuple[type[Exception], ...] = (),
    ) -> None:
        self._write, self._weigh, self._hopeless = write, weigh, hopeless
        self._most_at_once, self._most_waiting = most_at_once, most_waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._weight = 0
        self._at_work: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """The answer to this item. Raises what writing it raises, and TooMuchWaiting."""
        weight = self._weigh(item)
        if self._most_waiting is not None and self._weight + weight > self._most_waiting and self._weight:
            raise TooMuchWaiting
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._weight += weight
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            batch = self._next()
            if not await self._try(batch):
                for one in batch:
                    await self._try([one])
            self._weight -= sum(self._weigh(item) for item, _ in batch)

    def _next(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        """The first ones that wait, as many as make a transaction; at least one."""
        batch = [self._waiting.popleft()]
        weight = self._weigh(batch[0][0])
        while self._waiting and (weight := weight + self._weigh(self._waiting[0][0])) <= self._most_at_once:
            batch.append(self._waiting.popleft())
        return batch

    async def _try(self, batch: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> bool:
        """Write and answer; False when a batch of several failed for one of them, which has answered nobody then."""
        try:
            answers = await run_in_threadpool(self._write, [item for item, _ in batch])
        except Exception as trouble:  # noqa: BLE001 - it is handed on to the requests that wait for it
            if len(batch) > 1 and not isinstance(trouble, self._hopeless):
                return False
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(trouble)
            return True
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():  # its client may have gone
                waiting.set_result(answer)
        return True
