"""Named places where a test may stop the program dead: around every commit and every call that moves money."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Hook = Callable[[str], None]

_hook: ContextVar[Hook | None] = ContextVar("failpoint_hook", default=None)


def reach(name: str) -> None:
    """Nothing at all, unless a test has armed this thread of work; then its hook is called with the place's name."""
    hook = _hook.get()
    if hook is not None:
        hook(name)


@contextmanager
def armed(hook: Hook) -> Iterator[None]:
    """Let the hook hear of every place that is reached inside the block, by this thread or task alone."""
    before = _hook.set(hook)
    try:
        yield
    finally:
        _hook.reset(before)
