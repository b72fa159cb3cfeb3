"""Idempotency keys: the first answer under a key is kept for a day and given again to the same request."""

from dataclasses import dataclass, field

from sandbox.errors import StripeError
from sandbox.objects import StripeObject

KEPT_SECONDS = 86_400
LONGEST_KEY = 255
# Refusals found before anything was begun are not kept; the key may be used again with better parameters.
NOT_BEGUN = {"parameter_missing", "parameter_unknown", "parameter_invalid", "parameter_invalid_integer"}


@dataclass(frozen=True)
class Saved:
    """What was asked under a key, and what was answered; `at` is the sandbox's time in unix seconds."""

    method: str
    path: str
    params: StripeObject
    status: int
    body: bytes
    request_id: str
    at: int


@dataclass
class Keys:
    """The answers kept by key, and the keys of requests that are still being worked on."""

    saved: dict[str, Saved] = field(default_factory=dict)
    in_flight: set[str] = field(default_factory=set)

    def earlier(self, key: str, method: str, path: str, params: StripeObject, now: int) -> Saved | None:
        """The answer to give again, or None when the key is new.

        Raises 400 when the key belongs to another request, 409 while its first request is still being worked on.
        """
        if len(key) > LONGEST_KEY:
            raise _misuse(f"Idempotency keys may be at most {LONGEST_KEY} characters long.")
        if key in self.in_flight:
            raise StripeError(
                status=409,
                type="invalid_request_error",
                code="idempotency_key_in_use",
                message=f"There is currently another in-progress request using this Idempotent Key (that probably means "
                f"you submitted twice, and the other request is still going through): {key}. Please try again later.",
            )
        found = self.saved.get(key)
        if found is None or found.at + KEPT_SECONDS <= now:
            return None
        if (found.method, found.path) != (method, path):
            raise _misuse(
                f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{path}' vs '{found.path}'). Try using a key other than '{key}' if you meant to execute a different "
                "request."
            )
        if found.params != params:
            raise _misuse(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
        return found


def _misuse(message: str) -> StripeError:
    return StripeError(status=400, type="idempotency_error", message=message)
