"""The demo company: Acme Copilot, an invented AI product with about sixty customers over fourteen months."""

from sandbox.company.build import Company, build
from sandbox.company.usage_file import write_usage

__all__ = ["Company", "build", "write_usage"]
