"""Health answers for whoever watches the process: alive, and able to read what the pages show."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Probe = Callable[[], int | None]
"""Returns the published warehouse version, or None when nothing is published yet; raises when it cannot be read."""


def routes(probe: Probe, *, when_none: str = "nothing published yet") -> list[Route]:
    """`/healthz` says the process answers; `/readyz` says the pages have something readable to show.

    `when_none` is what is said of a process that could read and has no version.
    """

    async def healthz(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    def readyz(_request: Request) -> JSONResponse:
        # A plain function: Starlette runs it on a thread, so a slow disk cannot hold up the pages' event loop.
        try:
            version = probe()
        except Exception as problem:  # noqa: BLE001 - whatever is wrong, the answer is "not ready" and why
            body = {"status": "unreadable", "reason": type(problem).__name__}
            return JSONResponse(body, status_code=503, headers={"Cache-Control": "no-store"})
        # A fresh installation is ready: its pages say what to do next, and a load balancer must let people see them.
        status = "ready" if version is not None else when_none
        return JSONResponse({"status": status, "warehouse_version": version}, headers={"Cache-Control": "no-store"})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
