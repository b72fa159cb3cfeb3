"""The demo where it is hard: a full disk, no network, a read-only folder, a taken port; it works or says in one sentence why not."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo_fixtures import METERING, ROOT, TERMINAL, clean_environment

# A room of its own for mounts and for the network; in it, one is root.
ROOM = ["unshare", "--user", "--map-root-user", "--mount"]
METERING_PYTHON = sys.executable
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))"  # SIOCSIFFLAGS, IFF_UP
)


def demo(home: Path, *arguments: str, room: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """`metering demo` with that data folder, in the given surroundings."""
    return subprocess.run(
        [*(room or []), METERING, "demo", *arguments],
        env=clean_environment(home, METERING_SANDBOX_PORT="18502", **TERMINAL),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def a_room(*also: str) -> list[str]:
    """The words that open the room; skips where the system allows none."""
    words = [*ROOM, *also]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("namespaces are not allowed here")
    return words


def test_a_taken_port_is_one_sentence_and_nothing_is_begun(tmp_path: Path) -> None:
    with socket.socket() as other_program:
        other_program.bind(("127.0.0.1", 0))
        other_program.listen()
        port = other_program.getsockname()[1]
        refused = demo(tmp_path, "--port", str(port))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"Port {port} on 127.0.0.1 is in use by another program: stop it or choose another with --port.\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"running.lock"}


def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    seal = [*a_room(), "sh", "-c", f'mount -t tmpfs -o ro tmpfs {tmp_path} && exec "$@"', "sh"]
    refused = demo(tmp_path / "home", room=seal)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"{tmp_path / 'home'} cannot be written to (Read-only file system): set METERING_HOME to a folder of your own.\n"
    )


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_with_room_the_demo_goes_on_without_a_network(tmp_path: Path) -> None:
    """On 64 MB Postgres can begin and the usage be written, but not all of it kept; then the disk grows to 400 MB."""
    script = (
        f'"{METERING_PYTHON}" -c "{LOOPBACK_UP}" && mount -t tmpfs -o size=64m tmpfs {tmp_path} || exit 99\n'
        '"$@"; echo "first: $?"\n'
        f"mount -o remount,size=400m {tmp_path} || exit 99\n"
        'exec "$@"'
    )
    both = demo(tmp_path / "home", "--once", room=[*a_room("--net"), "sh", "-c", script, "sh"])
    assert both.returncode == 0, both.stdout[-2000:] + both.stderr[-2000:]
    first, second = both.stdout.split("first: 2\n")
    assert "Coverage" not in first
    assert "Coverage" in second
    assert "Traceback" not in both.stderr
    assert both.stderr.count("\n") == 1, both.stderr
    assert "full" in both.stderr
