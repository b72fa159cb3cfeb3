"""Where messages go over HTTP: the channels that the settings name, with their addresses and secrets, which stay out of the database."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

ChannelKind = Literal["slack", "webhook"]
SLACK = "slack"
SHAPE = "must look like name=https://host/path,whsec_…, with more secrets after commas while one is rolled and ; between webhooks"
SECRET_BYTES = range(24, 65)


@dataclass(frozen=True)
class Channel:
    """One place that is called. Slack's address is itself a secret; `secrets` sign what a webhook is sent, the newest first."""

    kind: ChannelKind
    name: str
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def host(self) -> str:
        """The part of the address that may be shown."""
        return urlsplit(self.url).hostname or ""


def slack_channel(url: str) -> Channel:
    """Slack's incoming webhook. Raises ValueError, without the address."""
    _check_address(url)
    return Channel("slack", SLACK, url)


def webhook_channels(given: str) -> tuple[Channel, ...]:
    """`name=URL,whsec_…[,whsec_…][;name=…]`, with commas and semicolons inside an address written as %2C and %3B. Raises ValueError."""
    channels = tuple(_webhook(part.strip()) for part in given.split(";") if part.strip())
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names) or SLACK in names:
        raise ValueError("must give each webhook a name of its own, and none the name slack")
    return channels


def _webhook(part: str) -> Channel:
    name, _, rest = part.partition("=")
    url, *secrets = (each.strip() for each in rest.split(","))
    if not re.fullmatch(r"[a-z0-9-]{1,63}", name.strip()) or not secrets:
        raise ValueError(SHAPE)
    _check_address(url)
    return Channel("webhook", name.strip(), url, tuple(_secret(each) for each in secrets))


def _secret(given: str) -> bytes:
    """A secret of the Standard Webhooks specification: `whsec_` and 24 to 64 bytes in base64."""
    try:
        secret = base64.b64decode(given.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        secret = b""
    if not given.startswith("whsec_") or len(secret) not in SECRET_BYTES:
        raise ValueError(
            "must have secrets of whsec_ and 24 to 64 bytes in base64 (whsec_ before what `openssl rand -base64 32` says)"
        )
    return secret


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError(SHAPE) from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or not url.isascii() or re.search(r"\s", url):
        raise ValueError("must have addresses that begin with https:// and name a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must have addresses without a password and without #")
