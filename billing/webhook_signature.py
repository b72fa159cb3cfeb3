"""Whether a webhook's body was signed by Stripe, lately, with one of the endpoint's secrets. Pure; the clock is an argument."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

# Stripe's default, but both ways: its own library takes a signature from a year in the future.
TOLERANCE_SECONDS = 300
SCHEME = "v1"


def why_not_signed(header: str | None, body: bytes, secrets: Sequence[str], now: datetime) -> str | None:
    """Why this body cannot be taken for Stripe's, as a sentence without its contents; None when it can.

    `header` is `Stripe-Signature`: `t=SECONDS,v1=HEX[,v1=HEX …]`, where HEX is HMAC-SHA256 of `t.body` under a secret. While a
    secret is rolled, Stripe signs with both and `secrets` may hold both; one match is enough. Never raises.
    """
    if not header:
        return "There is no Stripe-Signature header."
    fields = [part.partition("=") for part in header.split(",")]
    said_at = [value.strip() for name, _, value in fields if name.strip() == "t"]
    signatures = [value.strip() for name, _, value in fields if name.strip() == SCHEME]
    if len(said_at) != 1 or not (said_at[0].isascii() and said_at[0].isdigit()) or len(said_at[0]) > 12:
        return "The Stripe-Signature header has no single time in it."
    off_seconds = abs(int(now.astimezone(UTC).timestamp()) - int(said_at[0]))
    if off_seconds > TOLERANCE_SECONDS:
        return f"The signature's time is {off_seconds} s from this server's, and {TOLERANCE_SECONDS} s are allowed."
    signed = said_at[0].encode() + b"." + body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets if secret]
    # Compared as bytes: the comparison of texts raises for letters beyond ASCII.
    given = [signature.encode("utf-8", "replace") for signature in signatures]
    if any(hmac.compare_digest(one, other) for one in expected for other in given):
        return None
    return "No signature in the Stripe-Signature header fits the body and the endpoint's secrets."
