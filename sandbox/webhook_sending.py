"""One delivery: an event on its way to an endpoint, the signature that Stripe's libraries check, the POST that carries it."""

import hashlib
import hmac
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from sandbox.objects import StripeObject

TIMEOUT_SECONDS = 5
USER_AGENT = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"


@dataclass(order=True, frozen=True)
class Delivery:
    """An event on its way to one endpoint, `due` by the sandbox's clock. `body` is what the event was when it happened."""

    due: int
    number: int
    event_id: str = field(compare=False)
    created: int = field(compare=False)
    type: str = field(compare=False)
    endpoint_id: str = field(compare=False)
    body: bytes = field(compare=False)
    is_copy: bool = field(compare=False)
    attempts: int = field(default=0, compare=False)

    def shown(self) -> StripeObject:
        """What the control plane tells about it."""
        return {
            "due": self.due,
            "event": self.event_id,
            "type": self.type,
            "endpoint": self.endpoint_id,
            "attempts": self.attempts,
        }


def signature(secret: str, body: bytes, at: int) -> str:
    """The header `Stripe-Signature`: when it was signed (unix seconds), and HMAC-SHA256 over time, dot and body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def post(url: str, body: bytes, signed: str) -> int | None:
    """The status that the endpoint answers; None when nobody answers in time. A redirection is not followed."""
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signed,
        "User-Agent": USER_AGENT,
    }
    try:
        parts = urlsplit(url)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    except ValueError:
        # An address that is none, a port that is no number: nobody can answer there.
        return None
    try:
        connection.request("POST", f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}", body, headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
