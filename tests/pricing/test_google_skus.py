"""SKU descriptions as Google's bills spell them: which model, which unit, which tier; what is not understood stays unknown."""

import pytest

from pricing.google_skus import Sku, read_sku


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (
            "Generate content input token count gemini 3.5 flash text",
            Sku("gemini-3.5-flash", "input_uncached_tokens"),
        ),
        (
            "Generate content cached input token count gemini 3.5 flash text",
            Sku("gemini-3.5-flash", "cache_read_tokens"),
        ),
        (
            "Generate content output token count gemini 2.5 flash short input text",  # output, for short inputs
            Sku("gemini-2.5-flash", "output_text_tokens"),
        ),
        (
            "Generate content output token count gemini 2.5 flash short output text non-thinking",
            Sku("gemini-2.5-flash", "output_text_tokens"),
        ),
        (
            "Generate_content text cached input token count for gemini 3 pro short",
            Sku("gemini-3-pro", "cache_read_tokens"),
        ),
        (
            "Generate content input token count gemini 3.1 flash lite preview text",
            Sku("gemini-3.1-flash-lite-preview", "input_uncached_tokens"),
        ),
        (
            "Generate content input token count gemini 2.5 flash audio",
            Sku("gemini-2.5-flash", "input_audio_tokens"),
        ),
        (
            "Generate content output token count gemini 3.7 flash text batch",
            Sku("gemini-3.7-flash", "output_text_tokens", "batch"),
        ),
        (
            "Gemini 2.5 Pro Thinking Text Output - Predictions",
            Sku("gemini-2.5-pro", "output_text_tokens"),
        ),
        (
            "Gemini 3 Flash Image Input Caching Priority",
            Sku("gemini-3-flash", "cache_read_tokens", "priority"),
        ),
        (
            "Generate_content image output token count for Gemini 3 Pro Image",  # a unit that we do not count
            Sku("gemini-3-pro-image", None),
        ),
        ("Gemini 2.5 Flash Cached Content Storage", Sku("gemini-2.5-flash", None)),
        ("Grounding with Google Search for Gemini 2.5 Pro", Sku("gemini-2.5-pro", "search_requests")),
        ("Imagen 4 Generation", Sku(None, None)),
        ("Vector Search Index Serving e2-standard-2", Sku(None, None)),
    ],
)
def test_a_description_is_read_as_its_model_unit_and_tier(description: str, told: Sku) -> None:
    assert read_sku(description) == told
