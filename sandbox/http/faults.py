"""Faults on request: the next requests that match fail in the way that was ordered."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from sandbox.billing.params import flag, integer
from sandbox.billing.refusals import invalid
from sandbox.errors import StripeError


class Kind(StrEnum):
    """How a request fails."""

    SERVER_ERROR = "server_error"  # 500; nothing was done
    SERVER_ERROR_AFTER = "server_error_after"  # 500, though it was done
    RATE_LIMIT = "rate_limit"  # 429; nothing was done
    LOCK_TIMEOUT = "lock_timeout"  # 409; nothing was done
    TIMEOUT_BEFORE = "timeout_before"  # nothing was done, and the connection closes without an answer
    TIMEOUT_AFTER = "timeout_after"  # it was done, and the connection closes without an answer
    DELAY = "delay"  # answered as always, but late


SILENT = {Kind.TIMEOUT_BEFORE, Kind.TIMEOUT_AFTER}


@dataclass
class Fault:
    """An order for the next `times` requests whose method and path match (`*` stands for anything).

    `delay_seconds` pass before the failure shows. A `saved` 500 is kept under the request's idempotency key and
    replayed, as Stripe does with what failed half-way. `should_retry` sends Stripe's header of that name.
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    times: int = 1
    delay_seconds: float = 0
    saved: bool = False
    should_retry: bool | None = None

    def shown(self) -> dict[str, Any]:
        """The order as JSON."""
        return asdict(self)


@dataclass
class Faults:
    """The orders still open, first ordered first served."""

    waiting: list[Fault] = field(default_factory=list)

    def order(self, params: dict[str, Any]) -> Fault:
        """Take an order. Raises 400 on a kind that there is not."""
        kinds = [str(kind) for kind in Kind]
        if params.get("kind") not in kinds:
            raise invalid(f"Invalid kind: must be one of {', '.join(kinds)}", param="kind")
        made = Fault(
            kind=Kind(params["kind"]),
            method=str(params.get("method") or "*").upper(),
            path=str(params.get("path") or "*"),
            times=integer(params, "times", 1) or 1,
            delay_seconds=float(params.get("delay_seconds") or 0),
            saved=flag(params, "saved", default=False),
            should_retry=flag(params, "should_retry", default=False) if "should_retry" in params else None,
        )
        self.waiting.append(made)
        return made

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, counted off; None when none is ordered for it."""
        for fault in self.waiting:
            if fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path):
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
                return fault
        return None


def error_of(kind: Kind) -> StripeError | None:
    """What the caller is told; None where the fault is no error."""
    match kind:
        case Kind.SERVER_ERROR | Kind.SERVER_ERROR_AFTER:
            return StripeError(
                status=500,
                type="api_error",
                message="An unknown error occurred. Please try again, or contact support if it keeps happening.",
            )
        case Kind.RATE_LIMIT:
            return too_many_requests()
        case Kind.LOCK_TIMEOUT:
            return StripeError(
                status=409,
                type="invalid_request_error",
                code="lock_timeout",
                message="This object cannot be accessed right now because another API request or Stripe process is "
                "currently accessing it. If you see this error intermittently, retry the request. If you see this error "
                "frequently and are making multiple concurrent requests to a single object, make your requests serially "
                "or at a lower rate. For more details, see https://stripe.com/docs/rate-limits#object-lock-timeouts.",
            )
        case _:
            return None


def too_many_requests() -> StripeError:
    """The 429 of whoever asks too fast."""
    return StripeError(
        status=429,
        type="invalid_request_error",
        code="rate_limit",
        message="Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
    )
