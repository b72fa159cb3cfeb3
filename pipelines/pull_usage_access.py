"""Which sources the settings have keys for: keys come from there alone, and stand nowhere else."""

import base64
from collections.abc import Mapping

from pydantic import SecretStr

from pipelines import pull_usage_anthropic, pull_usage_openai, pull_usage_openrouter
from pipelines.pull_usage_client import Access, UsageKeyMissing
from pipelines.pull_usage_gateways import HELICONE, LANGFUSE, LITELLM
from pipelines.pull_usage_reports import Source
from store.settings import Settings

SOURCES: Mapping[str, Source] = {
    source.kind: source
    for source in (
        pull_usage_openai.SOURCE,
        pull_usage_anthropic.SOURCE,
        pull_usage_openrouter.SOURCE,
        LITELLM,
        LANGFUSE,
        HELICONE,
    )
}
_SETTING_OF = {
    "openai": "METERING_OPENAI_ADMIN_KEY",
    "anthropic": "METERING_ANTHROPIC_ADMIN_KEY",
    "openrouter": "METERING_OPENROUTER_KEY",
    "litellm": "METERING_LITELLM_KEY",
    "langfuse": "METERING_LANGFUSE_KEYS",
    "helicone": "METERING_HELICONE_KEY",
}

# Every setting that holds a key of a source.
KEY_SETTINGS = tuple(_SETTING_OF.values())


def access(kind: str, settings: Settings) -> Access:
    """How to reach a source. Raises UsageKeyMissing, with the sentence to show, when a setting is missing."""
    setting, name = _SETTING_OF[kind], SOURCES[kind].name
    key: SecretStr | None = getattr(settings, setting.lower())
    base_url: str | None = getattr(settings, f"metering_{kind}_base_url")
    if key is None:
        raise UsageKeyMissing(
            f"{name} is connected but {setting} is not set: put the key into .env (docs/usage-sources.md says which kind), or disconnect "
            f"with `metering usage disconnect {kind}`."
        )
    if base_url is None:
        raise UsageKeyMissing(f"{name} has no public address: put yours into METERING_{kind.upper()}_BASE_URL.")
    return Access(name, base_url, setting, _headers(kind, key.get_secret_value()))


def _headers(kind: str, key: str) -> dict[str, str]:
    if kind == "anthropic":
        return {"x-api-key": key, "anthropic-version": pull_usage_anthropic.VERSION}
    if kind == "langfuse":
        return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"}
