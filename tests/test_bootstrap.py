"""The script before every make target: it makes sure of uv and the environment, or says in one sentence what stands in the way."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "bootstrap.sh"
NEW_ENOUGH = "case $1 in -c) exit 0 ;; -m) exit 0 ;; --version) echo Python 3.11.9 ;; esac"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder as after `git clone`, with a Python that is new enough and a uv that finds everything done."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    program(folder / "python", NEW_ENOUGH)
    program(folder / "uv", 'echo "$@" >> asked; exit 0')
    return folder


def program(path: Path, body: str) -> None:
    """A stand-in for a program, as a shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def bootstrap(folder: Path, python: str = "./python", uv: str = "./uv") -> subprocess.CompletedProcess[str]:
    """Run the script there, with the system's tools and no uv on the path."""
    return subprocess.run(
        ["sh", str(SCRIPT), python, uv],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(folder: Path, **programs: str) -> str:
    """The one sentence that it ends with; nothing else is printed and the exit code is 1."""
    done = bootstrap(folder, **programs)
    assert (done.returncode, done.stdout.removeprefix("Installing uv into .tools …\n")) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


def test_with_uv_there_the_environment_is_built_from_the_lock_file(checkout: Path) -> None:
    done = bootstrap(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (checkout / "asked").read_text() == "sync --frozen --inexact --no-dev\n"


def test_without_uv_pip_installs_it_beside_the_checkout(checkout: Path) -> None:
    """`pip install --target .tools uv`: the system's Python is left alone."""
    (checkout / "uv").unlink()
    install = 'case "$*" in *--target*) mkdir -p .tools/bin; printf "#!/bin/sh\\nexit 0\\n" > .tools/bin/uv; chmod +x .tools/bin/uv ;; esac'
    program(checkout / "python", f"{install}\n{NEW_ENOUGH}")
    done = bootstrap(checkout, uv=".tools/bin/uv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Installing uv into .tools …\n"


def test_an_old_python_is_named_with_what_is_needed(checkout: Path) -> None:
    program(checkout / "python", "case $1 in -c) exit 1 ;; --version) echo Python 3.9.2 ;; esac")
    assert refusal(checkout).startswith("Python 3.9.2 is too old: Metering Service needs Python 3.11 or newer")


def test_a_missing_python_is_named(checkout: Path) -> None:
    said = refusal(checkout, python="python-that-is-not-there")
    assert said.startswith("No python-that-is-not-there found: install Python 3.11 or newer")


def test_neither_uv_nor_pip_says_which_to_install(checkout: Path) -> None:
    program(checkout / "python", "case $1 in -c) exit 0 ;; -m) exit 1 ;; esac")
    assert refusal(checkout, uv=".tools/bin/uv").startswith("Neither uv nor pip is installed")


def test_no_network_for_uv_itself_is_said(checkout: Path) -> None:
    no_index = 'case "$*" in *--target*) echo "ERROR: No matching distribution found for uv"; exit 1 ;; esac'
    program(checkout / "python", f"{no_index}\n{NEW_ENOUGH}")
    said = refusal(checkout, uv=".tools/bin/uv")
    assert said.startswith("uv could not be installed into .tools (is there a network and a package index?)")


@pytest.mark.parametrize(
    ("uv_says", "beginning"),
    [
        ("error: Failed to fetch: `https://pypi.org/simple/polars/`", "The packages could not be downloaded"),
        ("error: failed to write: No space left on device (os error 28)", "The disk is full: make room"),
        ("error: something that nobody foresaw", "The environment could not be built: error: something"),
    ],
)
def test_what_uv_stumbles_over_is_told_with_what_to_do(checkout: Path, uv_says: str, beginning: str) -> None:
    program(checkout / "uv", f"echo '{uv_says}' >&2; exit 2")
    assert refusal(checkout).startswith(beginning)


def test_a_read_only_checkout_is_said_before_anything_is_tried(checkout: Path) -> None:
    """On a file system that is mounted read-only, where even root may not write."""
    room = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*room, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("user and mount namespaces are not allowed here")
    seal = 'mount -t tmpfs -o ro tmpfs "$1" && cd "$1" && exec sh "$2" python3 uv'
    done = subprocess.run(
        [*room, "sh", "-c", seal, "sh", str(checkout), str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"This folder ({checkout}) cannot be written to: copy it to a folder of your own and run make there.\n"
    )
