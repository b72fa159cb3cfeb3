"""Reads from Stripe through its SDK: paced, retried, and with errors that say what to do."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import requests
import stripe
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from pipelines.pull_stripe_pace import Pace

STRIPE_ADDRESS = "https://api.stripe.com"
PAGE_LIMIT = 100  # the most that Stripe gives at once
# Each attempt may be up to three of the SDK's own, which waits and tries again unless it was told to slow down.
SDK_RETRIES = 2
ATTEMPTS = 3
ATTEMPTS_WHEN_TOO_FAST = 8
LONGEST_WAIT_SECONDS = 30.0

Raw = dict[str, Any]


class StripePullError(Exception):
    """A pull from Stripe that did not succeed."""


class StripeKeyRefused(StripePullError):
    """Stripe does not accept the key. Trying again will not help; the key must be put right."""


class StripePermissionMissing(StripePullError):
    """The key may not read one kind of object. It helps to give the key the permission named."""


class StripeUnreachable(StripePullError):
    """Stripe did not answer, or asked us to slow down to the end. The same pull may be started again."""


class StripeRequestRefused(StripePullError):
    """Stripe understood a request and said no. Trying the same again will not help."""


class CursorGone(StripePullError):
    """The object that a page was to begin after is no longer there; the list has to be read from its start."""


@dataclass(frozen=True)
class StripeConfig:
    """Where Stripe is, with which key, and how fast.

    Another `api_base` stands for the other addresses too, unless they are given. Stripe allows 25 requests a second per
    endpoint and in its own sandboxes; we stay below.
    """

    api_key: str = field(repr=False)
    api_base: str = STRIPE_ADDRESS
    requests_per_second: float = 20
    threads: int = 8
    timeout_seconds: float = 30
    first_wait_seconds: float = 0.5
    files_base: str | None = None
    connect_base: str | None = None
    meter_events_base: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of a list, newest first, and whether there is more beyond it."""

    objects: list[Raw]
    has_more: bool


class StripeReader:
    """One pull's connection to Stripe, shared by its threads; close it at the end."""

    def __init__(self, config: StripeConfig) -> None:
        self._config = config
        self._stopped = threading.Event()
        self._pace = Pace(config.requests_per_second, sleep=self._sleep)
        # One session for all threads: the SDK's own, one per thread, would stay open when the threads end.
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=config.threads))
        self._client = stripe.StripeClient(
            config.api_key,
            base_addresses=_addresses(config),
            max_network_retries=SDK_RETRIES,  # without it a StripeClient tries once; it never retries a 429, which is done below
            http_client=stripe.RequestsClient(timeout=config.timeout_seconds, session=self._session),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._session.close()

    def stop(self) -> None:
        """Let no further request begin and wake up whoever waits: the pull is over, and its threads shall end soon."""
        self._stopped.set()

    def page(self, path: str, parameters: Mapping[str, Any]) -> Page:
        """One page of a list. Raises CursorGone when its cursor no longer exists, else as `read`."""
        answer = self.read(path, {"limit": PAGE_LIMIT, **parameters})
        return Page(answer["data"], answer["has_more"])

    def pages_after(self, path: str, parameters: Mapping[str, Any], cursor: str | None) -> list[Raw]:
        """All objects of a list that come after the cursor, from as many pages as it takes."""
        objects: list[Raw] = []
        has_more = True
        while has_more:
            after = {} if cursor is None else {"starting_after": cursor}
            page = self.page(path, {**parameters, **after})
            objects += page.objects
            has_more = page.has_more and bool(page.objects)
            cursor = page.objects[-1]["id"] if page.objects else None
        return objects

    def find(self, path: str, parameters: Mapping[str, Any]) -> Raw | None:
        """One object; None when Stripe has none with this id."""
        try:
            return self.read(path, parameters)
        except StripeRequestRefused as refused:
            if isinstance(refused.__cause__, stripe.StripeError) and refused.__cause__.http_status == 404:
                return None
            raise

    def read(self, path: str, parameters: Mapping[str, Any]) -> Raw:
        """The answer's body as JSON says it. Waits its turn and retries; raises a StripePullError when it stays without success.

        The raw answer is asked for because the typed one turns decimals into Decimal and fails on an empty one.
        """
        retrying = Retrying(
            retry=retry_if_exception(_may_succeed_later),
            wait=wait_random_exponential(self._config.first_wait_seconds, max=LONGEST_WAIT_SECONDS),
            stop=_has_tried_enough,
            before_sleep=self._slow_down,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, path, parameters)
        except stripe.StripeError as trouble:
            raise _in_words(trouble, path, parameters, self._config) from trouble

    def _once(self, path: str, parameters: Mapping[str, Any]) -> Raw:
        self._pace.wait()
        if self._stopped.is_set():
            raise StripeUnreachable("The pull was stopped.")
        answer = self._client.raw_request("get", path, **parameters).data
        assert isinstance(answer, dict), "every answer of Stripe's API is a JSON object"
        return answer

    def _sleep(self, wait_seconds: float) -> None:
        self._stopped.wait(wait_seconds)

    def _slow_down(self, attempt: RetryCallState) -> None:
        """After a 429 nobody asks before the wait is over; other troubles concern one request alone."""
        trouble = attempt.outcome.exception() if attempt.outcome else None
        if isinstance(trouble, stripe.RateLimitError) and attempt.next_action is not None:
            self._pace.hold_back(attempt.next_action.sleep)


def _addresses(config: StripeConfig) -> Any:
    """The SDK's four addresses; those not named here stay Stripe's own."""
    other = None if config.api_base == STRIPE_ADDRESS else config.api_base
    addresses = {
        "api": config.api_base,
        "files": config.files_base or other,
        "connect": config.connect_base or other,
        "meter_events": config.meter_events_base or other,
    }
    return {name: address for name, address in addresses.items() if address is not None}


def _code(trouble: stripe.StripeError) -> str | None:
    """Stripe's error code; on 409 and 429 the SDK's own `code` is empty."""
    return trouble.error.code if trouble.error is not None else trouble.code


def _may_succeed_later(trouble: BaseException) -> bool:
    """Too many requests, a lock, a failure on Stripe's side or on the way."""
    match trouble:
        case stripe.RateLimitError() | stripe.APIConnectionError():
            return True
        case stripe.StripeError():
            return _code(trouble) in {"lock_timeout", "rate_limit"} or (trouble.http_status or 0) >= 500
        case _:
            return False


def _has_tried_enough(attempt: RetryCallState) -> bool:
    """Whether to give up: later when Stripe only asks for patience, which the SDK does not show by itself."""
    trouble = attempt.outcome.exception() if attempt.outcome else None
    is_too_fast = isinstance(trouble, stripe.RateLimitError)
    return attempt.attempt_number >= (ATTEMPTS_WHEN_TOO_FAST if is_too_fast else ATTEMPTS)


def _in_words(
    trouble: stripe.StripeError, path: str, parameters: Mapping[str, Any], config: StripeConfig
) -> StripePullError:
    """The error in our words. Stripe's message on a refused key repeats parts of the key, so it is left out there."""
    said = trouble.user_message or str(trouble)
    match trouble:
        case stripe.AuthenticationError():
            return StripeKeyRefused(
                f"Stripe at {config.api_base} does not accept the key in STRIPE_API_KEY. Put a valid secret or restricted key there."
            )
        case stripe.PermissionError():
            named = re.search(r"rak_\w+", said)
            return StripePermissionMissing(named.group() if named else "")
        case stripe.APIConnectionError():
            return StripeUnreachable(f"Stripe at {config.api_base} cannot be reached: {' '.join(said.split())}")
        case _ if _may_succeed_later(trouble):
            return StripeUnreachable(
                f"Stripe still answers {trouble.http_status} ({_code(trouble) or 'no code'}) to {path} after many tries."
            )
        case stripe.InvalidRequestError(param=("starting_after" | "ending_before") as cursor) if cursor in parameters:
            return CursorGone(f"{parameters[cursor]} is no longer in {path}")
        case _:
            return StripeRequestRefused(
                f"Stripe refuses to read {path}: {said} ({_code(trouble) or trouble.http_status})"
            )
