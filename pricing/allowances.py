"""Free quotas: how many units of a bucket a provider gives away in each day or month, from the overlay's files."""

from functools import cache

from pricing.overlay import load_overlay
from pricing.overlay_entries import Allowance

__all__ = ["Allowance", "public_allowances"]


@cache
def public_allowances() -> tuple[Allowance, ...]:
    """Every published free quota. What is within one is free of charge for the whole company, not for each customer."""
    return tuple(entry for entry in load_overlay() if isinstance(entry, Allowance))
