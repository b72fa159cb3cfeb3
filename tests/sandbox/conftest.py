"""What every sandbox test is held to where the reference data are: each answer is one that Stripe could have given."""

from collections.abc import Iterator

import pytest

from tests.conftest import shared_folder
from tests.sandbox.contract import Contract
from tests.sandbox.receiving import Receiver, receiving


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Stripe's API description; only for tests marked `shared`."""
    shared = shared_folder()
    assert shared is not None, "mark the test with @pytest.mark.shared"
    return Contract(shared / "stripe" / "spec3.from-sdk-16.1.0.json")


@pytest.fixture(autouse=True)
def every_answer_fits(request: pytest.FixtureRequest) -> Iterator[None]:
    """Records the test's own sandbox; what it let through must be a request that Stripe understands."""
    if "sandbox_server" not in request.fixturenames or shared_folder() is None:
        yield
        return
    contract: Contract = request.getfixturevalue("contract")
    exchanges = request.getfixturevalue("sandbox_server").record()
    yield
    for exchange in exchanges:
        assert contract.answer_problems(exchange) == []
        if exchange.status == 200 and exchange.headers.get("stripe-version", "") >= "2026-09-30":
            assert contract.request_problems(exchange) == []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook endpoint for the test."""
    with receiving() as found:
        yield found
