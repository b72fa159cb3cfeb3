"""The rate limit: a bucket that holds a second's worth of requests and fills evenly."""

from dataclasses import dataclass


@dataclass
class Pace:
    """`requests_per_second` are let through on average, none are counted when it is None. Times in seconds, any zero."""

    requests_per_second: float | None
    left: float | None = None
    seen_at: float = 0

    def lets_through(self, at: float) -> bool:
        """Whether one more request may pass at this moment."""
        if self.requests_per_second is None:
            return True
        full = max(1.0, self.requests_per_second)
        left = full if self.left is None else self.left + (at - self.seen_at) * self.requests_per_second
        self.left, self.seen_at = min(full, left), at
        if self.left < 1:
            return False
        self.left -= 1
        return True
