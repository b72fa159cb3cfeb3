"""OpenAI's usage and costs of an organization, read with an admin key."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from pipelines.pull_usage_client import ReportClient, UsageReportRefused
from pipelines.pull_usage_reports import (
    DayStream,
    Line,
    Report,
    Source,
    cost_report,
    parts,
    pico,
    rest,
    start_of,
    text,
    usage_report,
    whole,
)
from pricing.usage_sources.records import Record, inner
from store.provider_reports import Days
from store.usage_connections import CountsAs

USAGE, COSTS = "/v1/organization/usage/", "/v1/organization/costs"
USAGE_DAYS, COST_DAYS = 31, 180  # the most buckets of a day in one answer
# `gpt-5.2-2025-12-11, cached input`, `batch | gpt-5-mini, output`, `gpt-audio-mini audio, input`, `gpt-5.6, output, long context`
_LINE_ITEM = re.compile(
    r"(?:(?P<tier>\w+) \| )?(?P<model>[\w.:\-]+)(?: (?P<kind>text|audio|image))?, (?P<word>cached input|input|output)(?:, [\w ]+)?"
)
_UNITS = {
    ("text", "input"): "input_uncached_tokens",
    ("text", "cached input"): "cache_read_tokens",
    ("text", "output"): "output_text_tokens",
    ("audio", "input"): "input_audio_tokens",
    ("audio", "cached input"): "cache_read_tokens",
    ("audio", "output"): "output_audio_tokens",
}
_TOKENS_PER = {"tokens": 1, "1000_tokens": 1000}


def _buckets(
    client: ReportClient, path: str, days: Days, limit: int, groups: tuple[str, ...]
) -> Iterator[tuple[date, Record]]:
    """Every result of every page with the UTC day of its bucket."""
    asked = [
        ("start_time", str(int(start_of(days.first).timestamp()))),
        ("end_time", str(int(start_of(days.end).timestamp()))),
        ("bucket_width", "1d"),
        ("limit", str(limit)),
        *(("group_by[]", name) for name in groups),
    ]
    page: str | None = None
    while True:
        answer = client.get(path, [*asked, ("page", page)] if page else asked)
        for bucket in parts(answer, "data"):
            day = datetime.fromtimestamp(whole(bucket, "start_time"), UTC).date()
            for result in parts(bucket, "results"):
                yield day, result
        following = text(answer, "next_page")
        if not answer.get("has_more") or following is None:
            return
        if following == page:
            raise UsageReportRefused(f"OpenAI names the same page of {path} again and again.")
        page = following


def _reader(
    kind: str, groups: tuple[str, ...], counters: Callable[[Record], Line]
) -> Callable[[ReportClient, Days], Report]:
    def read(client: ReportClient, days: Days) -> Report:
        found = _buckets(client, f"{USAGE}{kind}", days, USAGE_DAYS, groups)
        return usage_report([{"day": day, **_labels(result), **counters(result)} for day, result in found])

    return read


def _labels(result: Record) -> Line:
    tier = text(result, "service_tier") or "default"
    return {
        "provider": "openai",
        "model": text(result, "model"),
        "service_tier": "batch" if result.get("batch") is True else "standard" if tier == "default" else tier,
        "api_key": text(result, "api_key_id"),
        "project": text(result, "project_id"),
    }


def _completions(result: Record) -> Line:
    """Cached and written tokens are parts of the input, audio of both; reasoning is told as output like any other."""
    cached, written = whole(result, "input_cached_tokens"), whole(result, "input_cache_write_tokens")
    audio_in = rest(whole(result, "input_audio_tokens"), whole(result, "input_cached_audio_tokens"))
    audio_out = whole(result, "output_audio_tokens")
    return {
        "input_uncached_tokens": rest(whole(result, "input_tokens"), cached, written, audio_in),
        "cache_read_tokens": cached,
        "cache_write_5m_tokens": written,
        "input_audio_tokens": audio_in,
        "output_text_tokens": rest(whole(result, "output_tokens"), audio_out),
        "output_audio_tokens": audio_out,
        "requests": whole(result, "num_model_requests"),
    }


def _embeddings(result: Record) -> Line:
    return {
        "input_uncached_tokens": whole(result, "input_tokens"),
        "requests": whole(result, "num_model_requests"),
    }


def _images(result: Record) -> Line:
    return {"images": whole(result, "images"), "requests": whole(result, "num_model_requests")}


def _transcriptions(result: Record) -> Line:
    return {"seconds": whole(result, "seconds"), "requests": whole(result, "num_model_requests")}


def _searches(result: Record) -> Line:
    """The model requests around a search are told by the completions already."""
    return {"search_requests": whole(result, "num_requests")}


def _costs(client: ReportClient, days: Days) -> Report:
    found = _buckets(client, COSTS, days, COST_DAYS, ("project_id", "line_item"))
    return cost_report([_cost(day, result) for day, result in found if result.get("amount") is not None])


def _cost(day: date, result: Record) -> Line:
    amount = inner(result, "amount")
    currency = (text(amount, "currency") or "usd").lower()
    if currency != "usd":
        raise UsageReportRefused(f"OpenAI bills {day} in {currency.upper()}; its costs are known in USD only.")
    line_item = text(result, "line_item") or "not told apart"
    billed = pico(amount.get("value") or 0)
    return {
        "day": day,
        "provider": "openai",
        "project": text(result, "project_id"),
        "line_item": line_item,
        "charge_category": "usage",
        "currency": currency,
        "cost_pico_usd": billed,
        "billed_pico": billed,
        **_unit(line_item, result),
    }


def _unit(line_item: str, result: Record) -> Line:
    """Model, tier, unit and quantity as the line item spells them; what is not understood stays unknown and is shown as it is."""
    told = _LINE_ITEM.fullmatch(line_item)
    if told is None:
        is_search = line_item.startswith("web search")
        return {"unit": "search_requests" if is_search else None}
    return {
        "model": told["model"],
        "service_tier": told["tier"] or "standard",
        "unit": _UNITS.get((told["kind"] or "text", told["word"])),
        "quantity": _tokens(result),
    }


def _tokens(result: Record) -> int | None:
    """The quantity where it counts whole tokens: hours and parts of a thousand are no number of ours."""
    per = _TOKENS_PER.get(text(result, "quantity_unit") or "tokens")
    try:
        told = Decimal(text(result, "quantity") or "NaN")
    except InvalidOperation:
        return None
    if per is None or not told.is_finite():
        return None
    tokens = told * per
    return int(tokens) if tokens == tokens.to_integral_value() and tokens >= 0 else None


_BY_KEY = ("model", "project_id", "api_key_id")
SOURCE = Source(
    "openai",
    "OpenAI",
    CountsAs.BILL,
    (
        DayStream(
            "completions", _reader("completions", (*_BY_KEY, "batch", "service_tier"), _completions), USAGE_DAYS, 3
        ),
        DayStream("embeddings", _reader("embeddings", _BY_KEY, _embeddings), USAGE_DAYS, 3),
        DayStream("images", _reader("images", _BY_KEY, _images), USAGE_DAYS, 3),
        DayStream("audio_transcriptions", _reader("audio_transcriptions", _BY_KEY, _transcriptions), USAGE_DAYS, 3),
        DayStream("web_search_calls", _reader("web_search_calls", _BY_KEY, _searches), USAGE_DAYS, 3),
        # An invoice is open for a month, and its days are corrected until it is closed.
        DayStream("costs", _costs, COST_DAYS, 40),
    ),
)
