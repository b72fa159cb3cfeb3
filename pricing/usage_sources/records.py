"""Nested records of usage exports: what a JSON text says exactly, beside the client's way of taking values out of maps."""

import msgspec

from metering_client.values import Record, first, inner, maps, text, to_whole, whole

__all__ = ["Record", "decoded", "first", "inner", "maps", "text", "to_whole", "whole"]

# Dollars are written as decimals; a float on the way would change them.
_decode = msgspec.json.Decoder(float_hook=str).decode


def decoded(json_text: str | bytes) -> object:
    """What a JSON text says, with numbers that have a point as their own text. Raises ValueError when it is no JSON."""
    try:
        return _decode(json_text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
