"""What the server holds: the state, the answers under idempotency keys, the ordered faults, the pace, who listens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.http.faults import Faults
from sandbox.http.idempotency import Keys
from sandbox.http.oracle import RequestLog
from sandbox.http.pace import Pace
from sandbox.providers.account import Accounts
from sandbox.state import State
from sandbox.webhooks import Webhooks


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, word for word, for whoever checks the traffic."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    sent: bytes
    status: int
    answered: bytes


@dataclass
class Service:
    """One running stand-in for Stripe.

    `webhooks` go out after every request that may have changed something and after the clock moved. `on_exchange` is told
    every exchange under /v1. `providers`, where there are any, are the accounts at the providers that the company buys from.
    """

    state: State
    pace: Pace = field(default_factory=lambda: Pace(None))
    keys: Keys = field(default_factory=Keys)
    faults: Faults = field(default_factory=Faults)
    requests: RequestLog = field(default_factory=RequestLog)
    providers: Accounts | None = None
    on_exchange: Callable[[Exchange], None] | None = None
    webhooks: Webhooks = field(init=False)

    def __post_init__(self) -> None:
        self.webhooks = Webhooks(self.state)

    async def changed(self) -> None:
        """Let what follows from a change happen."""
        await self.webhooks.deliver()
