"""How much one caller may ask for: requests a second of a key, and wrong keys a minute from an address."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

WRONG_MAX, WRONG_WINDOW_SECONDS = 20, 60.0
# Whoever is forgotten for lack of room begins anew: a flood of addresses costs a bounded amount of memory.
ADDRESSES_MAX = 10_000


@dataclass
class Pace:
    """A key's bucket: it holds one second's requests, is filled as time passes, and each request takes one."""

    filled: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait_seconds(self, key_id: str, per_second: int, at: float) -> float:
        """0 when a request may pass at `at` (seconds of a steady clock), which is then counted; else how long to wait."""
        left, since = self.filled.get(key_id, (float(per_second), at))
        left = min(float(per_second), left + (at - since) * per_second)
        may = left >= 1
        self.filled[key_id] = (left - 1 if may else left, at)
        return 0.0 if may else (1 - left) / per_second


@dataclass
class WrongKeys:
    """The moments (seconds of a steady clock) at which each address has brought a wrong key lately."""

    moments: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def note(self, address: str, at: float) -> None:
        """One more from this address."""
        lately = self.moments.setdefault(address, deque(maxlen=WRONG_MAX))
        lately.append(at)
        self.moments.move_to_end(address)
        if len(self.moments) > ADDRESSES_MAX:
            self.moments.popitem(last=False)

    def wait_seconds(self, address: str, at: float) -> float:
        """How long the address is not listened to; 0 when it is."""
        lately = self.moments.get(address)
        if lately is None or len(lately) < WRONG_MAX:
            return 0.0
        return max(0.0, lately[0] + WRONG_WINDOW_SECONDS - at)
