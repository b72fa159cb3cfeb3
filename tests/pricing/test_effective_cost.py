"""Who says what usage cost: the provider's own word goes before the price list, a gateway's reckoning does not."""

import pytest

from pricing.contracts import Discount
from pricing.effective_cost import COSTED_COLUMNS
from tests.pricing.costed_cube import costed, term, used


@pytest.mark.parametrize(
    ("listed", "reported", "by", "cost", "source"),
    [
        (30, None, None, 30, "catalogue"),
        (30, 12, "provider", 12, "reported"),
        (30, 0, "provider", 0, "reported"),
        (30, 12, "gateway", 30, "catalogue"),
        (None, 12, "provider", 12, "reported"),
        (None, 12, "gateway", None, None),
        (None, None, None, None, None),
    ],
)
def test_the_providers_word_goes_before_the_list_and_nobodys_word_is_no_cost(
    listed: int | None, reported: int | None, by: str | None, cost: int | None, source: str | None
) -> None:
    given = {"list_cost_pico_usd": listed, "reported_cost_pico_usd": reported, "reported_by": by}
    [row] = costed([used(**given)])
    assert tuple(row) == COSTED_COLUMNS
    names = ("list_cost_pico_usd", "reported_cost_pico_usd", "cost_pico_usd", "cost_source", "contract_id")
    assert tuple(row[name] for name in names) == (listed, reported, cost, source, None)


def test_a_contract_goes_before_the_list_and_after_the_providers_word() -> None:
    """10 % off 100 tokens at $10 a million; what OpenAI itself reported is left as it is, what a gateway reckons is not."""
    rows = [
        used(out=100),
        used(customer="acct_2", out=100, reported_cost_pico_usd=7, reported_by="provider"),
        used(customer="acct_3", out=100, reported_cost_pico_usd=7, reported_by="gateway"),
        used(customer="acct_4", out=100, model="claude", provider="anthropic", price_id=None, list_cost_pico_usd=5),
    ]
    found = costed(rows, term(Discount(100_000)))
    assert [(row["cost_pico_usd"], row["cost_source"], row["contract_id"]) for row in found] == [
        (900_000_000, "contract", "openai-2026"),
        (7, "reported", None),
        (900_000_000, "contract", "openai-2026"),
        (5, "catalogue", None),
    ]
