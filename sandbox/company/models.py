"""Which models are called, from when on, for what, and how big a call is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Slot:
    """A use of a model: from `successor_month` on the successor serves it. Token sizes are medians."""

    provider: str
    model: str
    successor: str
    successor_month: int
    feature: str
    input_tokens: int
    output_tokens: int
    spread: float
    cached_share: float = 0.0
    cache_write_share: float = 0.0
    reasoning_share: float = 0.0
    batch_share: float = 0.0


SLOTS = (
    Slot("openai", "gpt-4o", "gpt-5.2", 4, "chat", 14_000, 900, 0.8, 0.35, 0.0, 0.15),
    Slot("openai", "gpt-4o-mini", "gpt-5-mini", 3, "chat", 9_000, 700, 0.8, 0.30, 0.0, 0.2),
    Slot("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-6", 5, "agent", 46_000, 2_200, 0.9, 0.55, 0.12, 0.0),
    Slot("anthropic", "claude-haiku-4-5", "claude-haiku-4-5", 0, "agent", 22_000, 900, 0.9, 0.45, 0.10, 0.0),
    Slot("anthropic", "claude-opus-4-5", "claude-opus-5", 10, "agent", 42_000, 2_600, 0.8, 0.40, 0.10, 0.0),
    Slot(
        "google",
        "gemini-2.5-flash",
        "gemini-3-flash-preview",
        3,
        "summarise",
        30_000,
        1_200,
        0.9,
        0.10,
        0.0,
        0.25,
        0.15,
    ),
    Slot("google", "gemini-2.5-pro", "gemini-2.5-pro", 0, "extract", 36_000, 2_000, 0.9, 0.10, 0.0, 0.40, 0.10),
    Slot("mistral", "mistral-small-latest", "mistral-large-2512", 3, "chat", 16_000, 1_100, 0.8),
    Slot("perplexity", "sonar", "sonar-pro", 6, "search", 2_200, 700, 0.6),
    Slot("openai", "text-embedding-3-small", "text-embedding-3-small", 0, "embed", 6_000, 0, 0.9, batch_share=0.25),
    Slot("acme", "acme-embed-v0", "acme-embed-v0", 0, "embed", 5_000, 0, 0.9),
)
RUNAWAY = Slot("anthropic", "claude-opus-4-5", "claude-opus-5", 10, "agent", 69_000, 3_000, 0.35, 0.10, 0.05, 0.0)

# Share of each slot in the calls of a profile, in the order of SLOTS.
PROFILES = {
    "balanced": (24, 12, 24, 8, 7, 12, 5, 0, 3, 4, 1),
    "steady": (18, 17, 22, 9, 7, 14, 5, 0, 2, 5, 1),
    "agentic": (10, 6, 38, 14, 14, 5, 6, 0, 1, 4, 2),
    "research": (12, 8, 16, 5, 12, 14, 17, 0, 11, 4, 1),
    "europe": (12, 8, 12, 6, 4, 12, 6, 32, 3, 4, 1),
}
