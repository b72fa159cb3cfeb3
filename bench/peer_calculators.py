"""Calls per CPU second of genai-prices' and litellm's own calculators, as JSON on standard output."""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

from genai_prices import Usage, calc_price

from bench.usage_events import NAMES

ROUNDS = 5
CALLS = 2_000
AT = datetime(2026, 11, 1, tzinfo=UTC)


def calls_per_second(call: Callable[[str, str], object], names: list[tuple[str, str]]) -> int:
    """The best of ROUNDS, in CPU time, over the given models in turn."""
    asked = [names[place % len(names)] for place in range(CALLS)]
    best = 0.0
    for _ in range(ROUNDS):
        started = time.process_time()
        for provider, model in asked:
            call(provider, model)
        best = max(best, CALLS / (time.process_time() - started))
    return round(best)


def catalogue(provider: str, model: str) -> object:
    """genai-prices: a call's price by provider, model and moment."""
    usage = Usage(input_tokens=1_200, cache_read_tokens=200, output_tokens=300)
    return calc_price(usage, model, provider_id=provider, genai_request_timestamp=AT)


def litellm_calculators() -> dict[str, Callable[[str, str], object]]:
    """litellm's two ways, with its bundled prices; an empty dictionary where it is not installed."""
    # Without this it fetches its prices from the network when it is imported.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        import litellm  # noqa: PLC0415 - takes seconds and is not always there
    except ModuleNotFoundError:
        return {}

    def per_token(provider: str, model: str) -> object:
        return litellm.cost_per_token(
            model=model, custom_llm_provider=provider, prompt_tokens=1_200, completion_tokens=300
        )

    def completion(_provider: str, model: str) -> object:
        usage = litellm.Usage(prompt_tokens=1_200, completion_tokens=300, total_tokens=1_500)
        return litellm.completion_cost(completion_response=litellm.ModelResponse(model=model, usage=usage))

    return {"cost_per_token": per_token, "completion_cost": completion}


def main() -> int:
    """Measure what is installed and say what is not."""
    calls = {f"genai-prices {version('genai-prices')} calc_price": calls_per_second(catalogue, NAMES)}
    left_out = []
    calculators = litellm_calculators()
    # Models that litellm knows, too.
    names = [("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("openai", "gpt-5.4"), ("openai", "gpt-4.1")]
    for name, call in calculators.items():
        calls[f"litellm {version('litellm')} {name}"] = calls_per_second(call, names)
    if not calculators:
        left_out.append(
            "litellm is not installed and was not measured: `uv run --group bench python -m bench price_events`."
        )
    json.dump({"calls_per_cpu_second": calls, "left_out": left_out}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
