"""Links in messages that act on an alert: signed, dated, for one action and one recipient. Pure; the clock is an argument."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args
from uuid import UUID

Verb = Literal["confirm", "expected", "planned", "not_an_issue", "snooze", "reopen", "unsubscribe"]
VERBS: tuple[Verb, ...] = get_args(Verb)
ACT_PATH, UNSUBSCRIBE_PATH = "/alerts/act", "/alerts/unsubscribe"
# The version is signed as well, so that a token of a later one is never read as one of this.
VERSION = "1"
LONGEST = 1024
NOT_OURS = "This link is not one of ours, or it was not copied whole."


@dataclass(frozen=True)
class Action:
    """What a link stands for. `alert_id` is None where the action is about the recipient alone; `expires_at` is UTC."""

    verb: Verb
    alert_id: UUID | None
    recipient: str
    expires_at: datetime


def link(
    public_url: str, secret: bytes, action: Verb, alert_id: UUID | None, recipient: str, expires_at: datetime
) -> str:
    """The address that does `action` in the recipient's name until `expires_at` (with a zone; whole seconds count).

    Asking for it changes nothing: the page behind it has the button. The same arguments make the same address.
    """
    path = UNSUBSCRIBE_PATH if action == "unsubscribe" else ACT_PATH
    return f"{public_url}{path}/{token(secret, Action(action, alert_id, recipient, expires_at))}"


def alert_links(
    public_url: str, secret: bytes, alert_id: UUID, recipient: str, expires_at: datetime
) -> dict[Verb | Literal["open"], str]:
    """The alert's page, and a link for each answer that a recipient may give."""
    answers: tuple[Verb, ...] = ("confirm", "expected", "planned", "snooze", "not_an_issue")
    return {
        "open": f"{public_url}/spikes?alert={alert_id}",
        **{verb: link(public_url, secret, verb, alert_id, recipient, expires_at) for verb in answers},
    }


def token(secret: bytes, action: Action) -> str:
    """`VERSION.BODY.SIGNATURE`, each of letters that an address holds; the signature covers the two before it as they stand."""
    fields = [
        action.verb,
        str(action.alert_id) if action.alert_id else None,
        action.recipient,
        int(action.expires_at.timestamp()),
    ]
    body = _text(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())
    signed = f"{VERSION}.{body}"
    return f"{signed}.{_signature(secret, signed)}"


def read(secret: bytes, token: str, now: datetime) -> Action | str:
    """What a token stands for, or why it stands for nothing, in a sentence for whoever followed the link. Never raises.

    The signature is compared in constant time, and as text: base64's spare bits would let a changed letter pass.
    """
    signed, _, given = token.rpartition(".")
    if len(token) > LONGEST or not token.isascii() or signed.count(".") != 1:
        return NOT_OURS
    if not hmac.compare_digest(_signature(secret, signed).encode(), given.encode()):
        return NOT_OURS
    version, _, body = signed.partition(".")
    if version != VERSION:
        return "This link is of another version of the service."
    # Ours from here on: nobody else could sign it.
    verb, alert_id, recipient, expires = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    expires_at = datetime.fromtimestamp(expires, UTC)
    if now >= expires_at:
        return f"This link ended on {expires_at:%Y-%m-%d} at {expires_at:%H:%M} UTC."
    return Action(verb, UUID(alert_id) if alert_id else None, recipient, expires_at)


def _signature(secret: bytes, signed: str) -> str:
    return _text(hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
