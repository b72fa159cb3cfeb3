"""What logs call a provider and a model leads to the catalogue's model, or to the sentence why it does not."""

import pytest

from pricing.price_book import load_catalogue


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o", ("openai", "gpt-4o")),
        ("OPENAI", "gpt-4o", ("openai", "gpt-4o")),
        ("azure", "gpt-5.4", ("azure", "openai/gpt-5.4")),
        ("azure.ai.openai", "gpt-5.4", ("azure", "openai/gpt-5.4")),
        ("gcp.vertex_ai", "models/gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        (None, "models/gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        (None, "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        (None, "anthropic/claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("litellm_proxy", "gpt-4o", ("openai", "gpt-4o")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
    ],
)
def test_names_of_logs_are_understood(provider: str | None, model: str, expected: tuple[str, str]) -> None:
    assert load_catalogue().find(provider, model) == expected


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("openai", "gpt-99", "the price book has no model 'gpt-99' of openai"),
        ("hosted_vllm", "gpt-4o", "the price book has no provider 'hosted_vllm'"),
        ("openai", "", "the event names no model"),
        (None, "acme-embed", "no provider is given and no known model is called 'acme-embed'"),
    ],
)
def test_what_is_not_known_says_why(provider: str | None, model: str, reason: str) -> None:
    """A server of one's own that speaks OpenAI's protocol costs what it costs, not what OpenAI takes."""
    assert load_catalogue().find(provider, model) == reason
