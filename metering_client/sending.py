"""One batch of events over HTTP, and what its answer means for whoever keeps the batch."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Literal
from urllib.parse import urlsplit

PATH = "/v1/usage"
TIMEOUT_SECONDS = 10.0
PACKED_FROM_BYTES = 1_024
# What cannot become right by sending it again.
_NEVER = frozenset({400, 409, 415, 422})
_TOO_LARGE = 413

Verdict = Literal["kept", "refused", "too large", "later"]


@dataclass(frozen=True)
class Answer:
    """What became of a batch: `kept` or `refused` for good, `too large` for one request, or to be sent again `later` as it is.

    Of a batch that was kept, `accepted` events were new and `duplicates` known; `refused` ones will never be taken. `wait_seconds`
    is what the server asks for, None where it asks for nothing.
    """

    verdict: Verdict
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    wait_seconds: float | None = None
    said: str = ""


class Sender:
    """A connection that is kept open; for one thread."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} must look like https://metering.example.com")
        self._is_secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/") + PATH
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._open: HTTPConnection | None = None

    def send(self, events: Sequence[dict[str, object]]) -> Answer:
        """Send a batch once. A server that cannot be reached, or breaks off, is to be tried again later."""
        body = json.dumps(events, default=str, separators=(",", ":")).encode()
        headers = self._headers
        if len(body) >= PACKED_FROM_BYTES:
            body, headers = gzip.compress(body, 5), headers | {"Content-Encoding": "gzip"}
        try:
            connection = self._connection()
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            return _understood(response, response.read(), len(events))
        except (OSError, HTTPException) as trouble:
            self.close()
            return Answer("later", said=f"{type(trouble).__name__}: {trouble}")

    def close(self) -> None:
        """Give the connection up; the next batch opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> HTTPConnection:
        if self._open is None:
            kind = HTTPSConnection if self._is_secure else HTTPConnection
            self._open = kind(self._host, self._port, timeout=TIMEOUT_SECONDS)
        return self._open


def _understood(response: HTTPResponse, body: bytes, sent: int) -> Answer:
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    errors = told.get("errors")
    errors = errors if isinstance(errors, list) else []
    if response.status == 202:
        said = str(errors[0].get("detail", "")) if errors else ""
        return Answer("kept", int(told.get("accepted", sent)), int(told.get("duplicates", 0)), len(errors), said=said)
    said = f"{response.status}: {told.get('detail', response.reason)}"
    if response.status in _NEVER:
        return Answer("refused", refused=sent, said=said)
    if response.status == _TOO_LARGE:
        return Answer("too large", said=said)
    # A wrong key is tried again as well: it may be made right at the other end, and until then nothing is lost.
    asked = response.headers.get("Retry-After", "")
    return Answer("later", wait_seconds=float(asked) if asked.isdigit() else None, said=said)
