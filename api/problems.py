"""How every refusal is answered: a problem in the form of RFC 9457, with a sentence; and bodies read up to a limit."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class BodyTooLarge(Exception):
    """More came than is taken."""


class Refused(Exception):
    """What was sent cannot be taken. `errors` name the fields that are wrong, each with its sentence."""

    def __init__(self, status: int, detail: str, errors: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__(detail)
        self.status, self.errors = status, errors


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, object]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer; `errors` stand in it where fields are wrong."""
    body = {"type": "about:blank", "status": status, "detail": detail}
    return JSONResponse(
        body | ({"errors": list(errors)} if errors else {}),
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The raw body. Raises BodyTooLarge before more than the limit is held, and ClientDisconnect."""
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and int(said) > limit_bytes:
        raise BodyTooLarge
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > limit_bytes:
            raise BodyTooLarge
    return bytes(parts)
