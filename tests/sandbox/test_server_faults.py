"""Faults on request, as the official SDK meets them, and the rate limit."""

import pytest
import stripe

from tests.sandbox_fixtures import SandboxServer, stripe_client


def names(server: SandboxServer) -> list[str]:
    return [one["name"] for one in server.state.objects["customer"].values()]


def test_a_500_hits_as_often_as_ordered_and_nothing_was_done(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    sandbox_server.fail_next("server_error", times=2)

    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            stripe_sdk.v1.customers.create({"name": "Ada"})
        assert failed.value.http_status == 500

    assert names(sandbox_server) == []
    stripe_sdk.v1.customers.create({"name": "Ada"})
    assert names(sandbox_server) == ["Ada"]


def test_the_sdk_s_retries_get_over_two_500s(sandbox_server: SandboxServer) -> None:
    sandbox_server.fail_next("server_error", times=2)

    made = stripe_client(sandbox_server.url, max_network_retries=2).v1.customers.create({"name": "Ada"})

    assert list(sandbox_server.state.objects["customer"]) == [made.id]


def test_a_saved_500_is_replayed_to_its_key(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """As Stripe does with what failed half-way; another key goes through."""
    sandbox_server.fail_next("server_error", saved=True)

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k2"})

    assert names(sandbox_server) == ["Ada"]


def test_a_lock_and_a_rate_limit_have_their_codes(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    sandbox_server.fail_next("lock_timeout", method="POST")
    sandbox_server.fail_next("rate_limit", method="GET")

    with pytest.raises(stripe.APIError) as locked:
        stripe_sdk.v1.customers.create({"name": "Ada"})
    with pytest.raises(stripe.RateLimitError) as limited:
        stripe_sdk.v1.customers.list()

    assert (locked.value.http_status, locked.value.error.code) == (409, "lock_timeout")
    assert (limited.value.http_status, limited.value.error.code) == (429, "rate_limit")
    assert names(sandbox_server) == []


def test_a_fault_hits_only_what_it_names(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    sandbox_server.fail_next("server_error", method="post", path="/v1/invoices/*/pay")

    invoice = stripe_sdk.v1.invoices.create({"customer": customer.id})
    with pytest.raises(stripe.APIError):
        stripe_sdk.v1.invoices.pay(invoice.id)

    assert sandbox_server.control("/faults") == {"faults": []}


def test_a_timeout_before_leaves_nothing_done(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    sandbox_server.fail_next("timeout_before")

    with pytest.raises(stripe.APIConnectionError):
        stripe_sdk.v1.customers.create({"name": "Ada"})

    assert names(sandbox_server) == []


def test_after_a_timeout_the_deed_is_done_and_the_same_key_tells_so(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The caller cannot know; asking again under the same key makes no second customer."""
    sandbox_server.fail_next("timeout_after")

    with pytest.raises(stripe.APIConnectionError):
        stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    again = stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})

    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert names(sandbox_server) == ["Ada"]


def test_the_sdk_s_own_retry_after_a_lost_answer_makes_one_customer(sandbox_server: SandboxServer) -> None:
    sandbox_server.fail_next("timeout_after")

    stripe_client(sandbox_server.url, max_network_retries=1).v1.customers.create({"name": "Ada"})

    assert names(sandbox_server) == ["Ada"]


def test_a_silent_server_runs_into_the_caller_s_timeout(sandbox_server: SandboxServer) -> None:
    """Nothing comes for 5 s; the caller waits 0.2 s."""
    sandbox_server.fail_next("timeout_after", delay_seconds=5)
    hasty = stripe_client(sandbox_server.url, http_client=stripe.RequestsClient(timeout=0.2))

    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.customers.create({"name": "Ada"})

    assert names(sandbox_server) == ["Ada"]


def test_the_header_that_says_whether_to_retry_can_be_ordered(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """`false` on a 500 stops the SDK at its first try."""
    sandbox_server.fail_next("server_error", times=2, should_retry=False)

    with pytest.raises(stripe.APIError):
        stripe_client(sandbox_server.url, max_network_retries=2).v1.customers.create({"name": "Ada"})

    assert sandbox_server.control("/faults")["faults"][0]["times"] == 1
    sandbox_server.control("/faults", method="DELETE")
    assert sandbox_server.control("/faults") == {"faults": []}


def test_whoever_asks_too_fast_gets_429_until_the_limit_is_lifted(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Three at once fill the bucket of three; refilling it takes a third of a second each, and lifting it none."""
    sandbox_server.control("/pace", {"requests_per_second": 3})

    def asked() -> int:
        try:
            stripe_sdk.v1.customers.list()
        except stripe.RateLimitError as limited:
            return int(limited.http_status or 0)
        return 200

    statuses = [asked() for _ in range(12)]

    assert statuses[:3] == [200, 200, 200]
    assert 429 in statuses
    sandbox_server.control("/pace", {"requests_per_second": None})
    assert [asked() for _ in range(12)] == [200] * 12


def test_an_unknown_fault_is_refused(sandbox_server: SandboxServer) -> None:
    with pytest.raises(OSError, match="400"):
        sandbox_server.fail_next("earthquake")
