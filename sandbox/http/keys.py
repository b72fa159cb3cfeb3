"""Who may ask: test keys of any spelling, and restricted keys that may only read."""

import base64
import binascii
import re

from sandbox.errors import StripeError

TEST_KEY = re.compile(r"(sk|rk)_test_\w+")
READ_ONLY = "rk_test_readonly"
ACCOUNT = "acct_sandbox"


def key_of(authorization: str | None) -> str:
    """The key in the header, as bearer token or as basic auth's user. Raises 401 as Stripe words it."""
    scheme, _, given = (authorization or "").partition(" ")
    key = _basic_user(given) if scheme.lower() == "basic" else given.strip()
    if not key or scheme.lower() not in {"basic", "bearer"}:
        raise StripeError(
            status=401,
            type="invalid_request_error",
            message="You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
        )
    if TEST_KEY.fullmatch(key) is None:
        raise StripeError(status=401, type="invalid_request_error", message=f"Invalid API Key provided: {_hidden(key)}")
    return key


def _basic_user(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _hidden(key: str) -> str:
    return f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:] if len(key) > 12 else ''}"


def refuse_what_the_key_may_not(key: str, method: str, kind: str) -> None:
    """A restricted key that may only read is refused every change, with the permission that it lacks."""
    if method == "GET" or not key.startswith(READ_ONLY):
        return
    permission = f"rak_{kind.rpartition('.')[2]}_write"
    raise StripeError(
        status=403,
        type="invalid_request_error",
        message=f"The provided key '{_hidden(key)}' does not have the required permissions for this endpoint on account "
        f"'{ACCOUNT}'. Having the '{permission}' permission would allow this request to continue.",
    )
