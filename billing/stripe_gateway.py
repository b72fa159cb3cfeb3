"""The one way out: sends a command to Stripe once, under its key, and says which of four things came of it."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import requests
import stripe

from billing.commands import Done, Later, Outcome, Raw, Refused, Request, Unknown

STRIPE_ADDRESS = "https://api.stripe.com"
TIMEOUT_SECONDS = 30.0


class StripeGateway:
    """A connection to Stripe that may write. Nothing is retried here: the outbox decides what follows from an outcome."""

    def __init__(
        self, api_key: str, api_base: str = STRIPE_ADDRESS, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        addresses: Any = dict.fromkeys(("api", "files", "connect", "meter_events"), api_base)
        self._session = requests.Session()
        self._client = stripe.StripeClient(
            api_key,
            base_addresses=None if api_base == STRIPE_ADDRESS else addresses,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout_seconds, session=self._session),
        )

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def send(self, request: Request, idempotency_key: str) -> Outcome:
        """Send one write request; every way it can end is one of the four outcomes."""
        try:
            answer = self._client.raw_request(
                request.method, request.path, idempotency_key=idempotency_key, **_params(request)
            ).data
        except stripe.StripeError as trouble:
            return outcome_of(trouble)
        if not isinstance(answer, dict):
            return Unknown(f"Stripe answered {request.path} with something that is no object")
        return Done(answer)

    def read(self, path: str, params: Mapping[str, Any]) -> Raw:
        """One object or one page of a list. Raises LookupError when there is none, ConnectionError when it cannot be known."""
        try:
            answer = self._client.raw_request("get", path, **params).data
        except stripe.StripeError as trouble:
            if trouble.http_status == 404:
                raise LookupError(f"Stripe has nothing at {path}") from trouble
            raise ConnectionError(f"{path} cannot be read: {_said(trouble)}") from trouble
        assert isinstance(answer, dict), "every answer of Stripe's API is a JSON object"
        return answer


def _params(request: Request) -> dict[str, Any]:
    """What the SDK is given; a file makes it a multipart request to Stripe's address for files, a token one to its stream."""
    params = dict(request.params)
    if request.token is not None:
        return {**params, "api_key": request.token, "base": "meter_events"}
    if request.upload is None:
        return params
    file = BytesIO(request.upload.content)
    file.name = request.upload.name  # where the SDK looks for it
    return {**params, "file": file, "base": "files", "content_type": "multipart/form-data"}


def outcome_of(trouble: stripe.StripeError) -> Outcome:
    """What an error means for the command that caused it.

    A refused key (401, 403) changes nothing at Stripe and is mended by a person, so the command waits. A key that Stripe knows
    from other parameters (idempotency_error) says that something was sent under it: that must be looked for.
    """
    status = trouble.http_status or 0
    said = _said(trouble)
    match trouble:
        case (
            stripe.APIConnectionError()
            | stripe.RateLimitError()
            | stripe.AuthenticationError()
            | stripe.PermissionError()
        ):
            return Later(said)
        case stripe.IdempotencyError():
            return Unknown(said) if status != 409 else Later(said)
        case _ if status == 409 or _code(trouble) in {"lock_timeout", "idempotency_key_in_use", "rate_limit"}:
            return Later(said)
        case _ if 400 <= status < 500:
            return _refusal(trouble, said)
        case _:
            return Unknown(said)


def _refusal(trouble: stripe.StripeError, said: str) -> Refused:
    body = trouble.json_body if isinstance(trouble.json_body, dict) else {}
    error = body.get("error") or {}
    return Refused(
        said,
        status=trouble.http_status,
        code=_code(trouble),
        decline_code=error.get("decline_code"),
        advice_code=error.get("advice_code"),
        network_decline_code=error.get("network_decline_code"),
        network_advice_code=error.get("network_advice_code"),
        charge_id=error.get("charge"),
    )


def _code(trouble: stripe.StripeError) -> str | None:
    """Stripe's error code; on 409 and 429 the SDK's own `code` is empty."""
    return trouble.error.code if trouble.error is not None else trouble.code


def _said(trouble: stripe.StripeError) -> str:
    """Stripe's sentence on one line; that on a refused key repeats parts of the key, so ours stands there."""
    if isinstance(trouble, stripe.AuthenticationError):
        return "Stripe does not accept the key in STRIPE_WRITE_KEY."
    return " ".join((trouble.user_message or str(trouble) or f"Stripe answered {trouble.http_status}").split())
