"""Google's SKU descriptions to a model, a unit and a tier: its bill names no model, only such texts."""

import re
from dataclasses import dataclass
from functools import cache

# `gemini 2.5 flash lite`, `Gemini 3 Pro Image`, `gemini 3.1 flash lite preview`; what stands between are spaces or hyphens.
_MODEL = re.compile(
    r"gemini[ -](\d+(?:\.\d+)?)(?:[ -](pro|flash|ultra|nano))?(?:[ -](lite))?(?:[ -](image|tts|live)(?! (?:input|output)))?(?:[ -](preview))?"
)
# `output token count … short input text` is output: the words before `token count` decide where there are some.
_COUNTED = re.compile(r"(?:(text|audio|image|video) )?(cached input|input|output) token count")
_PREDICTED = re.compile(r"(?:(text|audio|image|video) )?(input|output)\b( caching)?")
_MODALITY = re.compile(r"\b(text|audio|image|video)\b")
_TIER = re.compile(r"\b(batch|flex|priority)\b")
_SEARCH = re.compile(r"\bgrounding with google search\b")


@dataclass(frozen=True)
class Sku:
    """What a description tells: None for a model or unit (one of pricing.usage.BUCKETS) that it does not."""

    model: str | None
    unit: str | None
    service_tier: str = "standard"


@cache  # an export repeats a few dozen texts on every row
def read_sku(description: str) -> Sku:
    """The model, unit and tier of a description; one that is not understood has neither model nor unit, and is kept."""
    words = " ".join(description.lower().replace("_", " ").split())
    tier = _TIER.search(words)
    service_tier = tier[1] if tier else "standard"
    model = _MODEL.search(words)
    name = "-".join(part for part in ("gemini", *model.groups()) if part) if model else None
    if _SEARCH.search(words):
        return Sku(name, "search_requests", service_tier)
    if "storage" in words:
        return Sku(name, None, service_tier)
    return Sku(name, _unit(words, model), service_tier) if model else Sku(None, None, service_tier)


def _unit(words: str, model: re.Match[str] | None) -> str | None:
    # The name of an image model is no word on what was counted.
    plain = words.replace(model[0], " ") if model else words
    counted = _COUNTED.search(plain)
    if counted:
        modality, way = counted[1], counted[2]
    else:
        predicted = _PREDICTED.search(plain)
        if predicted is None:
            return None
        modality, way = predicted[1], "cached input" if predicted[3] else predicted[2]
    if modality is None:
        told = _MODALITY.search(plain)
        modality = told[1] if told else "text"
    return _bucket(modality, way)


def _bucket(modality: str, way: str) -> str | None:
    """Pictures and films go in as input tokens like any other; the tokens of pictures that come out are no unit of ours."""
    if way == "cached input":
        return "cache_read_tokens"
    if way == "input":
        return "input_audio_tokens" if modality == "audio" else "input_uncached_tokens"
    return {"text": "output_text_tokens", "audio": "output_audio_tokens"}.get(modality)
