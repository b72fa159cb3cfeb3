"""Reads Stripe's form encoding: `metadata[plan]=pro`, `expand[0]=data.customer`, `items[0][price]=…`, `types[]=…`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject

# Their keys are the caller's own words, so `metadata[0]` is a key named "0" and no list.
FREE_KEYS = {"metadata", "payload"}
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> StripeObject:
    """The parameters of a query string or a form body; every scalar stays a string. Raises StripeError on a broken key."""
    root: StripeObject = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        matched = _KEY.fullmatch(key)
        if matched is None:
            raise invalid(f"Invalid parameter name: {key}", param=key)
        _place(root, [matched[1], *_PART.findall(matched[2])], value, key)
    return {name: _with_lists(node, name) for name, node in root.items()}


def _place(root: StripeObject, parts: list[str], value: str, key: str) -> None:
    here = root
    for part in parts[:-1]:
        here = here.setdefault(part or str(len(here)), {})
        if not isinstance(here, dict):
            raise invalid(f"Invalid object: {key} is given both as a value and as an object", param=parts[0])
    last = parts[-1]
    if isinstance(here.get(last), dict):
        raise invalid(f"Invalid object: {key} is given both as a value and as an object", param=parts[0])
    here[last or str(len(here))] = value


def _with_lists(node: Any, name: str) -> Any:
    """Objects whose keys are all numbers are lists, in the order of the numbers."""
    if not isinstance(node, dict):
        return node
    if name not in FREE_KEYS and node and all(key.isdigit() for key in node):
        return [_with_lists(node[key], "") for key in sorted(node, key=int)]
    return {key: _with_lists(value, key) for key, value in node.items()}
