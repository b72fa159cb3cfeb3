"""What arrives together is written by one commit, and each is told what became of its own."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from api.one_commit import InOneCommit, TooMuchWaiting


def ask(store: InOneCommit[int, str], items: Sequence[int]) -> list[object]:
    async def all_at_once() -> list[object]:
        return list(await asyncio.gather(*(store(item) for item in items), return_exceptions=True))

    return asyncio.run(all_at_once())


def test_what_gathers_while_a_transaction_runs_is_written_by_the_next_one() -> None:
    written: list[Sequence[int]] = []
    is_writing, others_are_waiting = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> list[str]:
        written.append(items)
        is_writing.set()
        if len(written) == 1:
            others_are_waiting.wait(10)
        return [f"{item} kept" for item in items]

    store = InOneCommit(write)

    async def scene() -> list[str]:
        first = asyncio.create_task(store(1))
        await asyncio.to_thread(is_writing.wait, 10)
        rest = [asyncio.create_task(store(item)) for item in (2, 3, 4)]
        await asyncio.sleep(0)
        others_are_waiting.set()
        return list(await asyncio.gather(first, *rest))

    assert asyncio.run(scene()) == ["1 kept", "2 kept", "3 kept", "4 kept"]
    assert written == [[1], [2, 3, 4]]  # four answers, two commits


def test_one_that_cannot_be_written_takes_nobody_with_it() -> None:
    def write(items: Sequence[int]) -> list[str]:
        if 13 in items:
            raise ValueError("13 brings bad luck")
        return [f"{item} kept" for item in items]

    first, bad, last = ask(InOneCommit(write), [1, 13, 2])
    assert (first, last) == ("1 kept", "2 kept")
    with pytest.raises(ValueError, match="bad luck"):
        raise bad  # type: ignore[misc]  # gather has returned it


def test_a_client_that_has_gone_keeps_nobody_waiting() -> None:
    store = InOneCommit[int, str](lambda items: [f"{item} kept" for item in items])

    async def scene() -> str:
        gone = asyncio.create_task(store(1))
        await asyncio.sleep(0)
        gone.cancel()
        return await store(2)

    assert asyncio.run(scene()) == "2 kept"


def test_a_transaction_is_as_heavy_as_it_may_be_and_one_that_is_heavier_goes_alone() -> None:
    """Weights 3, 3, 3, 9, 1 with 6 at once: 3 is written first, then 3 + 3, 9 alone, and 1."""
    written: list[Sequence[int]] = []

    def write(items: Sequence[int]) -> list[str]:
        written.append(items)
        return [f"{item} kept" for item in items]

    answers = ask(InOneCommit(write, weigh=lambda item: item, most_at_once=6), [3, 3, 3, 9, 1])
    assert answers == ["3 kept", "3 kept", "3 kept", "9 kept", "1 kept"]
    assert written in ([[3], [3, 3], [9], [1]], [[3, 3], [3], [9], [1]])


def test_more_than_may_wait_is_refused_at_once_and_there_is_room_again_afterwards() -> None:
    store = InOneCommit[int, str](
        lambda items: [f"{item} kept" for item in items], weigh=lambda item: item, most_waiting=7
    )
    first, second, third = ask(store, [4, 3, 1])
    assert (first, second) == ("4 kept", "3 kept")
    assert isinstance(third, TooMuchWaiting)
    assert ask(store, [9]) == ["9 kept"]  # alone, one may be heavier than all that may wait


def test_after_a_hopeless_failure_nobody_is_tried_alone() -> None:
    tries: list[Sequence[int]] = []

    def write(items: Sequence[int]) -> list[str]:
        tries.append(items)
        raise ConnectionError("the database is away")

    answers = ask(InOneCommit(write, hopeless=(ConnectionError,)), [1, 2, 3])
    assert [type(answer) for answer in answers] == [ConnectionError] * 3
    assert sum(map(len, tries)) == 3
