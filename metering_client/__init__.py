"""What a program that calls models needs to report its usage, with the standard library alone."""

from metering_client.usage_of import usage_of
from metering_client.values import UsageRefused

__all__ = ["UsageRefused", "usage_of"]
