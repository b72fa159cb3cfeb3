"""Asks the APIs that report usage and cost: retried with the patience they ask for, and with errors that say what to do."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Self

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pricing.usage_sources.records import Record, decoded

ATTEMPTS = 6
TIMEOUT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 120.0

Parameters = Sequence[tuple[str, str]]


class UsagePullError(Exception):
    """A report that could not be read; the sentence says why and what to do. What was read before it is kept."""


class UsageKeyMissing(UsagePullError):
    """The setting that holds the key of a source is empty."""


class UsageKeyRefused(UsagePullError):
    """A source does not accept the key, or the key may not read reports. The key must be put right."""


class UsageSourceFailed(UsagePullError):
    """A source did not answer, asked for patience to the end, or answered something that is no report."""


class UsageReportRefused(UsagePullError):
    """A source understood what it was asked and said no, or told something that cannot be: asking again will not help."""


@dataclass(frozen=True)
class Access:
    """Where a source is and what lets us in. `setting` names the key's setting in sentences; the headers hold the key."""

    name: str
    base_url: str
    setting: str
    headers: Mapping[str, str] = field(repr=False)


class _Later(Exception):
    """Not now: to be tried again after so many seconds, or when it seems best (None)."""

    def __init__(self, said: str, seconds: float | None = None) -> None:
        super().__init__(said)
        self.seconds = seconds


class ReportClient:
    """One pull's connection to one source; close it at the end. `sleep` takes seconds."""

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._access = access
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=access.base_url, headers=dict(access.headers), timeout=TIMEOUT_SECONDS, follow_redirects=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def name(self) -> str:
        """What the source is called in sentences."""
        return self._access.name

    def get(self, path: str, parameters: Parameters = ()) -> Record:
        """The JSON object of an answer; amounts with a point as their own text. Raises a UsagePullError."""
        return self._read("GET", path, parameters, None)

    def post(self, path: str, body: object) -> Record:
        """As `get`, for a question that is asked as JSON and changes nothing."""
        return self._read("POST", path, (), body)

    def _read(self, method: str, path: str, parameters: Parameters, body: object) -> Record:
        retrying = Retrying(
            retry=retry_if_exception_type(_Later),
            wait=_patience,
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, method, path, parameters, body)
        except _Later as trouble:
            raise UsageSourceFailed(
                f"{self.name} at {self._access.base_url} {trouble} after {ATTEMPTS} tries at {path}. What was read before is kept; "
                "the next pull goes on from there."
            ) from trouble

    def _once(self, method: str, path: str, parameters: Parameters, body: object) -> Record:
        try:
            answer = self._http.request(method, path, params=list(parameters), json=body)
        except httpx.TransportError as trouble:
            raise _Later(f"cannot be reached ({' '.join(str(trouble).split()) or type(trouble).__name__})") from trouble
        status = answer.status_code
        if status == 429 or status >= 500:
            raise _Later(f"still answers {status}", _asked_patience(answer.headers))
        if status in {401, 403}:
            raise self._key_refused(status)
        if status != 200:
            raise UsageReportRefused(f"{self.name} refuses to report {path} ({status}): {_said(answer)}")
        try:
            found = decoded(answer.content)
        except ValueError as trouble:
            raise _Later(f"answers something that is no JSON ({_start(answer.text)})") from trouble
        if not isinstance(found, dict):
            raise _Later(f"answers something that is no report ({_start(answer.text)})")
        return found

    def _key_refused(self, status: int) -> UsageKeyRefused:
        """Without the source's own words: they may repeat a part of the key."""
        setting = self._access.setting
        if status == 401:
            return UsageKeyRefused(
                f"{self.name} at {self._access.base_url} does not accept the key in {setting}: put a valid one there "
                "(docs/usage-sources.md says which kind and how to get it)."
            )
        return UsageKeyRefused(
            f"{self.name} accepts the key in {setting} but does not let it read usage: it must be an admin key with the rights that "
            "docs/usage-sources.md names."
        )


_UNASKED = wait_random_exponential(0.5, max=30.0)


def _patience(attempt: RetryCallState) -> float:
    """As long as the source asks for, within reason; otherwise longer each time."""
    trouble = attempt.outcome.exception() if attempt.outcome else None
    if isinstance(trouble, _Later) and trouble.seconds is not None:
        return min(trouble.seconds, LONGEST_WAIT_SECONDS)
    return float(_UNASKED(attempt))


def _asked_patience(headers: httpx.Headers) -> float | None:
    """Retry-After in seconds: a number, or a date, which is compared with the answer's own clock."""
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(asked) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _said(answer: httpx.Response) -> str:
    """The source's own sentence, wherever it puts it."""
    try:
        body = decoded(answer.content)
    except ValueError:
        return _start(answer.text)
    error = body.get("error", body) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    return _start(str(message))


def _start(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 160 else f"{words[:159]}…"
