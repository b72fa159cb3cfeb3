"""Names in usage logs to catalogue models: providers as OpenTelemetry, LiteLLM, Langfuse and Helicone spell them."""

from collections.abc import Iterator

from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider

from pricing.catalogue import CatalogueModel

# Exact names come first: by the library's own rule (a name that contains `openai`) azure.ai.openai would be OpenAI.
PROVIDER_ALIASES: dict[str, str] = {
    **dict.fromkeys(("aws.bedrock", "aws_bedrock", "bedrock", "bedrock_converse", "amazon_bedrock", "amazon"), "aws"),
    **dict.fromkeys(("azure.ai.openai", "azure.ai.inference", "az.ai.openai", "az.ai.inference"), "azure"),
    **dict.fromkeys(("azure_ai", "azure_openai", "azure-openai", "azure_text", "azureopenai"), "azure"),
    **dict.fromkeys(("gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai", "gcp", "gemini", "google_ai_studio"), "google"),
    **dict.fromkeys(("vertex_ai", "vertex_ai_beta", "vertexai", "google-vertex", "google_vertex"), "google"),
    **dict.fromkeys(("google_genai", "google-genai", "google_generative_ai", "palm"), "google"),
    **dict.fromkeys(("mistral_ai", "mistralai", "codestral"), "mistral"),
    **dict.fromkeys(("together_ai", "together-ai", "togetherai", "together.ai", "togethercomputer"), "together"),
    **dict.fromkeys(("fireworks_ai", "fireworks-ai", "fireworks.ai"), "fireworks"),
    **dict.fromkeys(("x_ai", "xai", "x.ai", "x", "grok"), "x-ai"),
    **dict.fromkeys(("text-completion-openai", "openai_text", "openai.responses", "openai.chat"), "openai"),
    **dict.fromkeys(("cohere_chat", "cohere_ai", "cohere.ai"), "cohere"),
    **dict.fromkeys(("deep_seek", "deepseek_ai", "deepseek-ai"), "deepseek"),
    **dict.fromkeys(("moonshot", "moonshot_ai", "kimi"), "moonshotai"),
    **dict.fromkeys(("perplexity_ai", "perplexity.ai", "pplx"), "perplexity"),
    **dict.fromkeys(("openrouter.ai", "open_router"), "openrouter"),
    **dict.fromkeys(("github_copilot", "copilot"), "github-copilot"),
    **dict.fromkeys(("voyage", "voyage_ai"), "voyageai"),
    **dict.fromkeys(("z-ai", "z_ai", "z.ai"), "zai"),
    **dict.fromkeys(("meta_llama", "meta-llama"), "meta"),
    "anthropic_text": "anthropic",
    "groq.com": "groq",
}
# Names of routers and of servers that only speak a provider's protocol: they say nothing about who sold the model.
NO_PROVIDER = frozenset({"", "litellm", "litellm_proxy", "litellm-proxy", "custom", "unknown", "none", "null"})
SELF_HOSTED = frozenset({"openai_like", "custom_openai", "openai-compatible", "anthropic_like", "hosted_vllm", "vllm"})

# Who makes models under names of their own. A name that no provider claims by its look is sought in their lists alone:
# resellers list everybody's.
MAKERS = ("openai", "anthropic", "google", "mistral", "cohere", "perplexity", "deepseek", "x-ai", "voyageai")

# What Google's interfaces put before a model's name.
_FOLDERS = ("models/", "publishers/google/models/", "publishers/anthropic/models/")

_BY_ID: dict[str, Provider] = {provider.id: provider for provider in providers}


def find_model(provider: str | None, model: str | None) -> CatalogueModel | str:
    """The catalogue model for two strings of a usage log, or the sentence why there is none.

    Without a provider the model's name must lead to exactly one. Call it once per distinct pair: it tries hundreds of rules.
    """
    name = (model or "").strip()
    if not name:
        return "the event names no model"
    asked = (provider or "").strip().lower()
    if asked in NO_PROVIDER:
        return _find_by_model(name)
    found = find_provider(asked)
    if found is None:
        return f"the price book has no provider {provider!r}"
    for spelling in _spellings(found, name):
        info = found.find_model(spelling, all_providers=providers)
        if info is not None:
            return _as_sold_by(found, info)
    return f"the price book has no model {model!r} of {found.id}"


def find_provider(name: str) -> Provider | None:
    """The catalogue's provider of that name: its id, a known alias, or else the library's own rules."""
    wanted = name.strip().lower()
    if wanted in SELF_HOSTED or wanted in NO_PROVIDER:
        return None
    exact = _BY_ID.get(PROVIDER_ALIASES.get(wanted, wanted))
    if exact is not None:
        return exact
    return next((each for each in providers if each.provider_match and each.provider_match.is_match(wanted)), None)


def _find_by_model(name: str) -> CatalogueModel | str:
    """Resolve a model without its provider: by a `provider/` before it, else by the one provider whose names look so."""
    for folder in _FOLDERS:
        name = name.removeprefix(folder)
    prefix, slash, _ = name.partition("/")
    if slash and _is_provider_name(prefix):
        return find_model(prefix, name)
    looks_so = [each for each in providers if each.model_match and each.model_match.is_match(name.lower())]
    claimants = _listing(looks_so, name) or _listing([_BY_ID[maker] for maker in MAKERS], name)
    if len(claimants) == 1:
        [(provider_id, info)] = claimants.items()
        return CatalogueModel(_BY_ID[provider_id], info)
    if not claimants:
        return f"no provider is given and no known model is called {name!r}"
    return f"no provider is given and {name!r} could be of {', '.join(sorted(claimants))}"


def _listing(candidates: list[Provider], name: str) -> dict[str, ModelInfo]:
    """Which of the providers list a model of that name themselves."""
    found = {each.id: each.find_model(name) for each in candidates}
    return {provider_id: info for provider_id, info in found.items() if info is not None}


def _is_provider_name(word: str) -> bool:
    """An exact name only: as a guess for the first part of a model's name, the library's wide rules would be too bold."""
    wanted = word.lower()
    return PROVIDER_ALIASES.get(wanted, wanted) in _BY_ID


def _spellings(provider: Provider, name: str) -> Iterator[str]:
    """The name as it stands, and without what gateways and clouds put before it."""
    yield name
    prefix, slash, rest = name.partition("/")
    if slash and find_provider(prefix) is provider:
        yield rest
    for folder in _FOLDERS:
        _, found, rest = name.partition(folder)
        if found and rest:
            yield rest


def _as_sold_by(provider: Provider, info: ModelInfo) -> CatalogueModel:
    if any(info is own for own in provider.models):
        return CatalogueModel(provider, info)
    lender = next(each for each in providers if any(info is own for own in each.models))
    return CatalogueModel(provider, info, lender)
