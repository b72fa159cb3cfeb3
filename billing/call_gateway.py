"""Calls the channels over HTTP: one request per message, to an address that was looked at first, and every end is an outcome."""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx

from billing import standard_webhooks
from billing.mails import Accepted, Later, Outcome, Refused
from billing.public_addresses import AddressRefused, addresses_of
from store.channel_settings import Channel
from store.outgoing_mails import OutgoingMail

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 5.0, 10.0, 20.0
MAX_BODY_BYTES, MAX_ANSWER_BYTES = 256 * 1024, 4 * 1024
TOO_LONG = Refused(413, f"The message is larger than the {MAX_BODY_BYTES // 1024} kB that are sent.")


class Bodies(Protocol):
    """What a message is for the other side: `billing.message_bodies.MessageBodies`."""

    def body(self, message: OutgoingMail) -> bytes:
        """The JSON that is sent; the same for the same message each time."""
        ...


class CallGateway:
    """The channels of the settings. Nothing that was answered is repeated, except Slack's own word for an error."""

    def __init__(
        self,
        channels: Sequence[Channel],
        bodies: Bodies,
        *,
        may_be_private: bool = False,
        tls: ssl.SSLContext | None = None,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        self._channels = {(channel.kind, channel.name): channel for channel in channels}
        self._bodies = bodies
        self._may_be_private = may_be_private
        self._tls = tls
        self._whole_seconds = whole_seconds

    def deliver(self, mail: OutgoingMail, now: datetime, begin: Callable[[], bool]) -> Outcome | None:
        """Send one message; None when `begin`, which is called before anything could arrive, said no."""
        channel = next((each for key, each in self._channels.items() if key == (mail.channel, mail.recipient)), None)
        if channel is None:
            return Refused(404, f"The settings name no {mail.channel} channel {mail.recipient} (any more).")
        body = self._bodies.body(mail)
        if len(body) > MAX_BODY_BYTES:
            return TOO_LONG
        try:
            return asyncio.run(self._within_time(channel, str(mail.mail_id), body, now, begin))
        except TimeoutError:
            return Later(f"{channel.host} had not answered after {self._whole_seconds:.0f} s.")
        except AddressRefused as refused:
            return Refused(403, str(refused))
        except (httpx.HTTPError, OSError) as trouble:
            # The kind of trouble alone: what the library says may hold the address, which at Slack is the secret.
            return Later(f"{channel.host} cannot be reached ({type(trouble).__name__}).")

    async def _within_time(
        self, channel: Channel, webhook_id: str, body: bytes, now: datetime, begin: Callable[[], bool]
    ) -> Outcome | None:
        # The library's limits are for each read: a server that sends a byte now and then would hold the worker for hours.
        async with asyncio.timeout(self._whole_seconds):
            url = httpx.URL(channel.url)
            port = url.port or (443 if url.scheme == "https" else 80)
            addresses = await addresses_of(url.host, port, may_be_private=self._may_be_private)
            if not begin():
                return None
            headers = {"content-type": "application/json", "user-agent": "metering", "host": url.netloc.decode()}
            if channel.secrets:
                headers |= standard_webhooks.headers(webhook_id, body, channel.secrets, now)
            limits = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
            async with httpx.AsyncClient(
                verify=self._tls or True, timeout=limits, follow_redirects=False, trust_env=False
            ) as client:
                return await _post(client, channel, url, addresses, headers, body, now)


async def _post(
    client: httpx.AsyncClient,
    channel: Channel,
    url: httpx.URL,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> Outcome:
    """Ask the first address that lets us in; the certificate must be the name's, whatever the address."""
    for number, address in enumerate(addresses, start=1):
        request = client.build_request(
            "POST", url.copy_with(host=address), content=body, headers=headers, extensions={"sni_hostname": url.host}
        )
        try:
            answer = await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
            continue
        try:
            return outcome(channel, answer.status_code, answer.headers, await _start(answer), now)
        finally:
            await answer.aclose()
    raise OSError("the name stands for no address")


async def _start(answer: httpx.Response) -> bytes:
    """The answer's first bytes; the rest is not waited for."""
    held = b""
    async for part in answer.aiter_raw(MAX_ANSWER_BYTES):
        held += part
        if len(held) >= MAX_ANSWER_BYTES:
            break
    return held[:MAX_ANSWER_BYTES]


def outcome(channel: Channel, status: int, headers: Mapping[str, str], answer: bytes, now: datetime) -> Outcome:
    """What follows from an answer; pure.

    2xx is taken, 410 ends the channel, 429 and the rest are tried again; of Slack's other 4xx a second try would change nothing
    (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors). Redirects are not followed.
    """
    if 200 <= status < 300:
        return Accepted()
    said = f"{channel.host} answered {status}{_slacks_word(channel, answer)}"
    if status == 410 or (channel.kind == "slack" and status == 404):
        return Refused(status, f"{said}: it takes no more messages.", is_gone=True)
    if channel.kind == "slack" and 400 <= status < 500 and status != 429:
        return Refused(status, f"{said}.")
    if 300 <= status < 400:
        said += " (a redirect, which is not followed: set the new address)"
    return Later(f"{said}.", _asked_patience(headers.get("retry-after"), now))


def _slacks_word(channel: Channel, answer: bytes) -> str:
    word = answer[:64].decode("ascii", "replace").strip()
    return f" {word}" if channel.kind == "slack" and re.fullmatch(r"[a-z_]{3,40}", word) else ""


def _asked_patience(given: str | None, now: datetime) -> timedelta | None:
    """`Retry-After`, in seconds or as a date; None where there is none that can be read."""
    if given is None:
        return None
    if given.isascii() and given.isdigit():
        return timedelta(seconds=min(int(given[:9]), 10**8))
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(timedelta(0), (until if until.tzinfo else until.replace(tzinfo=UTC)) - now)
