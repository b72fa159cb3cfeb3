"""Runs the sandbox: `python -m sandbox --port 12111` plays the demo company and then answers as Stripe does."""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from sandbox.company import build, write_usage
from sandbox.http.pace import Pace
from sandbox.http.server import build_app
from sandbox.http.service import Service
from sandbox.providers.account import Accounts
from sandbox.providers.bills import write_bills
from sandbox.providers.demo import demo_corrections
from sandbox.state import State

LOOPBACK = "127.0.0.1"
REFUSED = 2
DEFAULT_AS_OF = "2026-11-25T00:00:00Z"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    options = _options(arguments)
    try:
        listener = _bound(options.port)
    except OSError as problem:
        sys.stderr.write(
            f"Port {options.port} on {LOOPBACK} cannot be used ({problem.strerror}): "
            "stop what is using it or choose another one with --port.\n"
        )
        return REFUSED
    if options.watch_stdin:
        _stop_at_end_of_stdin()
    as_of = int(options.as_of.timestamp())
    state = State(options.seed, as_of if options.empty else 0)
    service = Service(state, Pace(options.requests_per_second))
    if not options.empty:
        try:
            service.providers = _play_company(state, as_of, options.usage_out, options.bills_out)
        except OSError as problem:
            sys.stderr.write(
                f"The usage cannot be written to {options.usage_out} or the bills to {options.bills_out} "
                f"({problem.strerror or problem}): choose other places with --usage-out and --bills-out.\n"
            )
            return REFUSED
    config = uvicorn.Config(
        build_app(service), log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="port on 127.0.0.1 (default: 12111)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same company (default: 7)")
    parser.add_argument(
        "--as-of", type=_moment, default=_moment(DEFAULT_AS_OF), help=f"what the clock says, default {DEFAULT_AS_OF}"
    )
    parser.add_argument("--usage-out", type=Path, help="write the demo company's usage events to this Parquet file")
    parser.add_argument("--bills-out", type=Path, help="write the bills that come as files into this folder")
    parser.add_argument("--empty", action="store_true", help="begin without the demo company")
    parser.add_argument("--requests-per-second", type=float, help="refuse faster callers with 429 (default: no limit)")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


def _moment(text: str) -> datetime:
    """An ISO 8601 moment; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no moment; write it as {DEFAULT_AS_OF}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _bound(port: int) -> socket.socket:
    """The port, taken before the company is played, so that a conflict shows at once. It listens only when ready."""
    # Named TCP, or asyncio would not switch Nagle's algorithm off and each answer would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


def _play_company(state: State, as_of: int, usage_out: Path | None, bills_out: Path | None) -> Accounts:
    """Build the demo company, write its usage and bills whole or not at all; its accounts at the providers."""
    company = build(state, as_of)
    accounts = Accounts(company.usage, lambda: state.now, corrections=demo_corrections(as_of))
    if bills_out is not None:
        write_bills(accounts, bills_out)
    if usage_out is not None:
        unfinished = usage_out.with_name(f"{usage_out.name}.part")
        write_usage(company, unfinished)
        unfinished.replace(usage_out)
    return accounts


def _stop_at_end_of_stdin() -> None:
    def watch() -> None:
        # The descriptor itself: a buffered reader's lock, held by this thread, would break the interpreter's last breath.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
