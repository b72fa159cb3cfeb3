"""What a program that calls models needs to report its usage, with the standard library alone."""

from metering_client.reporting import Counts, Metering
from metering_client.usage_of import usage_of
from metering_client.values import UsageRefused
from metering_client.watching import watch_anthropic, watch_google, watch_openai, watched

__all__ = [
    "Counts",
    "Metering",
    "UsageRefused",
    "usage_of",
    "watch_anthropic",
    "watch_google",
    "watch_openai",
    "watched",
]
