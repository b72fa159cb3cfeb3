"""What the server holds: the state, the answers under idempotency keys, the ordered faults, the pace, who listens."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sandbox.http.faults import Faults
from sandbox.http.idempotency import Keys
from sandbox.http.pace import Pace
from sandbox.state import State


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

    `after_change` is awaited after every request that may have changed something and after the clock moved: webhooks are
    delivered there. `on_exchange` is told every exchange under /v1.
    """

    state: State
    pace: Pace = field(default_factory=lambda: Pace(None))
    keys: Keys = field(default_factory=Keys)
    faults: Faults = field(default_factory=Faults)
    after_change: Callable[[], Awaitable[None]] | None = None
    on_exchange: Callable[[Exchange], None] | None = None

    async def changed(self) -> None:
        """Let what follows from a change happen."""
        if self.after_change is not None:
            await self.after_change()
