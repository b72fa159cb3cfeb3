"""A pull in a process of its own that dies, as by kill -9, at the moment it is told to: before a request, after its answer, or in a commit."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from billing import observers
from pipelines import pull_stripe, pull_stripe_client, pull_stripe_pages
from pipelines.pull_stripe_client import StripeConfig, StripeReader
from store.database import open_engine

# Small pages make many moments to die at.
PAGE_LIMIT = 25


def dying_at(moment: int) -> Callable[[], None]:
    """A function that ends this process the `moment`-th time that it is called; no cleaning up runs."""
    moments = count(1)

    def reached() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def pull(app_url: str, tenant_id: UUID, stripe_url: str, now: datetime, die_at: int) -> None:
    """Pull everything; `die_at` 0 lets it live."""
    reached = dying_at(die_at)
    ask, write = StripeReader._once, observers.take_in

    def ask_and_maybe_die(self: StripeReader, path: str, parameters: Any) -> Any:
        reached()
        answer = ask(self, path, parameters)
        reached()
        return answer

    def write_and_maybe_die(*arguments: Any) -> int:
        written = write(*arguments)
        reached()  # the rows are written, and not yet committed
        return written

    pull_stripe_client.PAGE_LIMIT = PAGE_LIMIT
    StripeReader._once = ask_and_maybe_die
    pull_stripe_pages.observers.take_in = write_and_maybe_die
    config = StripeConfig(api_key="sk_test_sandbox", api_base=stripe_url, requests_per_second=500)
    engine = open_engine(app_url)
    pull_stripe.sync(engine, tenant_id, config, now=now)
    engine.dispose()
