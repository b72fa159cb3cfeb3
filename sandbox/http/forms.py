"""Reads Stripe's form encoding: `metadata[plan]=pro`, `items[0][price]=…`, `types[]=…`; and files out of multipart bodies."""

import re
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject

MULTIPART = "multipart/form-data"
# Their keys are the caller's own words, so `metadata[0]` is a key named "0" and no list.
FREE_KEYS = {"metadata", "payload"}
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> StripeObject:
    """The parameters of a query string or a form body; every scalar stays a string. Raises StripeError on a broken key."""
    return _tree(parse_qsl(text, keep_blank_values=True))


def decode_multipart(content_type: str, body: bytes) -> StripeObject:
    """The parameters of a multipart body. A file is a dict of `filename` and `content`, which is bytes."""
    boundary = _header("Content-Type", content_type).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise invalid("Invalid request: the multipart body names no boundary.")
    return _tree(_parts(body, boundary.encode()))


def _header(name: str, value: str) -> Message:
    found = Message()
    found[name] = value
    return found


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, Any]]:
    """Each part's name and value, in their order."""
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        lines = [line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n")]
        says = next((value.strip() for key, _, value in lines if key.strip().lower() == "content-disposition"), "")
        disposition = _header("Content-Disposition", says)
        name, filename = (disposition.get_param(key, header="content-disposition") for key in ("name", "filename"))
        if filename is None:
            yield str(name), content.decode()
        else:
            yield str(name), {"filename": str(filename), "content": content}


def _tree(pairs: Iterable[tuple[str, Any]]) -> StripeObject:
    root: StripeObject = {}
    for key, value in pairs:
        matched = _KEY.fullmatch(key)
        if matched is None:
            raise invalid(f"Invalid parameter name: {key}", param=key)
        _place(root, [matched[1], *_PART.findall(matched[2])], value, key)
    return {name: _with_lists(node, name) for name, node in root.items()}


def _place(root: StripeObject, parts: list[str], value: Any, key: str) -> None:
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
