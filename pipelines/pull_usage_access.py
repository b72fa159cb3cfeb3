"""Which sources the settings have keys for: keys come from there alone, and stand nowhere else."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import SecretStr

from pipelines import pull_usage_anthropic, pull_usage_openai, pull_usage_openrouter
from pipelines.pull_usage_client import Access, ReportClient, UsageKeyMissing
from pipelines.pull_usage_gateways import HELICONE, LANGFUSE, LITELLM, LITELLM_CALLS
from pipelines.pull_usage_reports import Source
from pricing.usage_sources.records import Record
from store.litellm_spend import spend_logs
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
LITELLM_DATABASE = "METERING_LITELLM_DATABASE_URL"
KEY_SETTINGS = (*_SETTING_OF.values(), LITELLM_DATABASE)


def access(kind: str, settings: Settings) -> Access:
    """How to reach a source. Raises UsageKeyMissing, with the sentence to show, when a setting is missing."""
    if kind == LITELLM.kind and settings.metering_litellm_database_url is not None:
        return Access(LITELLM.name, "", LITELLM_DATABASE, {})  # nothing is asked over HTTP
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


def source_of(kind: str, settings: Settings) -> Source:
    """The source with its streams; LiteLLM's calls come from its database where the settings name one."""
    database = settings.metering_litellm_database_url
    if kind != LITELLM.kind or database is None:
        return SOURCES[kind]
    url = database.get_secret_value()

    def read(_client: ReportClient, start: datetime, end: datetime) -> Iterator[Sequence[Record]]:
        return spend_logs(url, start, end)

    return replace(LITELLM, streams=(replace(LITELLM_CALLS, read=read),))


def _headers(kind: str, key: str) -> dict[str, str]:
    if kind == "anthropic":
        return {"x-api-key": key, "anthropic-version": pull_usage_anthropic.VERSION}
    if kind == "langfuse":
        return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"}
