"""Many requests, one commit: what arrives while a transaction is under way is written together by the next one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# So that a rush makes several short transactions instead of one long one.
MOST_AT_ONCE = 200


class InOneCommit(Generic[Item, Answer]):
    """Awaits the answer to an item after the commit that wrote it; nothing is answered before.

    `write` takes the items that have gathered, writes them in one transaction and returns an answer for each, in order. Without
    it each request would wait for a commit of its own, and those that notify wait for each other. When a batch fails, its items
    are written one by one, so that each is told its own trouble.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        self._write = write
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._at_work: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """The answer to this item. Raises what writing it raises."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not await self._try(batch):
                for one in batch:
                    await self._try([one])

    async def _try(self, batch: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> bool:
        """Write and answer; False when a batch of several failed, which has answered nobody then."""
        try:
            answers = await run_in_threadpool(self._write, [item for item, _ in batch])
        except Exception as trouble:  # noqa: BLE001 - it is handed on to the request that waits for it
            if len(batch) > 1:
                return False
            if not batch[0][1].done():
                batch[0][1].set_exception(trouble)
            return True
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():  # its client may have gone
                waiting.set_result(answer)
        return True
