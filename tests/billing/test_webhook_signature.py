"""A body is Stripe's when one of the endpoint's secrets signed it within five minutes of now, either way."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from billing.webhook_signature import why_not_signed

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BODY = b'{"id":"evt_1"}'


def v1(secret: str, at: int = SECONDS, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def header(*signatures: str, at: int = SECONDS) -> str:
    return ",".join([f"t={at}", *(f"v1={signature}" for signature in signatures)])


def test_stripes_own_library_agrees() -> None:
    signed = header(v1("whsec_a"))
    assert stripe.WebhookSignature.verify_header(BODY.decode(), signed, "whsec_a", tolerance=None)
    assert why_not_signed(signed, BODY, ["whsec_a"], NOW) is None


@pytest.mark.parametrize("off_seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_allowed(off_seconds: int) -> None:
    at = SECONDS + off_seconds
    assert why_not_signed(header(v1("whsec_a", at), at=at), BODY, ["whsec_a"], NOW) is None


@pytest.mark.parametrize("off_seconds", [-301, 301, 31_536_000])
def test_more_is_not_allowed_not_even_from_the_future(off_seconds: int) -> None:
    at = SECONDS + off_seconds
    refusal = why_not_signed(header(v1("whsec_a", at), at=at), BODY, ["whsec_a"], NOW)
    assert refusal == f"The signature's time is {abs(off_seconds)} s from this server's, and 300 s are allowed."


def test_while_a_secret_is_rolled_either_one_is_enough() -> None:
    by_both = header(v1("whsec_old"), v1("whsec_new"))
    assert why_not_signed(by_both, BODY, ["whsec_new"], NOW) is None
    assert why_not_signed(header(v1("whsec_old")), BODY, ["whsec_new", "whsec_old"], NOW) is None


@pytest.mark.parametrize(
    "given_header",
    [
        None,
        "",
        "t=,v1=",
        f"t={SECONDS}",
        header("0" * 64),
        header("ä" * 64),
        header(v1("whsec_other")),
        header(v1("whsec_a", body=BODY + b" ")),
        header(v1("whsec_a")).replace("v1=", "v0="),
        f"t={SECONDS},t={SECONDS},v1={v1('whsec_a')}",
        f"t=٣,v1={v1('whsec_a')}",
        f"t={'9' * 400},v1={v1('whsec_a')}",
        header(v1("")),
    ],
)
def test_anything_else_is_refused_in_a_sentence(given_header: str | None) -> None:
    refusal = why_not_signed(given_header, BODY, ["whsec_a", ""], NOW)
    assert refusal is not None
    assert refusal.endswith(".")


@given(st.text(), st.binary(max_size=50))
def test_no_header_raises(noise: str, body: bytes) -> None:
    assert why_not_signed(noise, body, ["whsec_a"], NOW) is not None
