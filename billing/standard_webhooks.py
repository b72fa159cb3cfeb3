"""The headers of a call by the Standard Webhooks specification: id, time and signatures, one for each secret. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime


def headers(webhook_id: str, body: bytes, secrets: Sequence[bytes], now: datetime) -> dict[str, str]:
    """`webhook-signature` holds `v1,BASE64` per secret, over `id.seconds.body`: while one is rolled, either side may be first."""
    seconds = int(now.timestamp())
    signed = f"{webhook_id}.{seconds}.".encode() + body
    made = (base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in made),
    }
