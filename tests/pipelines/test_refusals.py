"""What a person can put right ends a command with one sentence; a mistake of ours is not hidden."""

import errno
import subprocess
import sys
from io import StringIO
from pathlib import Path

import psycopg
import pytest
import typer
from rich.console import Console
from sqlalchemy import text

from pipelines.pull_stripe_client import StripeKeyRefused
from pipelines.refusals import REFUSALS, REFUSED, refusals_as_sentences, system_sentence
from store.database import DatabaseUrls, open_engine
from store.settings import ConfigurationError


def said(error: BaseException) -> str:
    """What the console says when a command ends so; it must end with the code of a refusal."""
    console = Console(file=StringIO(), width=40)
    with pytest.raises(typer.Exit) as ended, refusals_as_sentences(console):
        raise error
    assert ended.value.exit_code == REFUSED
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("refusal", [kind for kind in REFUSALS if kind is not ConfigurationError])
def test_a_refusal_is_its_sentence_whole_and_unadorned(refusal: type[Exception]) -> None:
    """No markup is read into it and no line is broken: a [bracket] and a long path stay as they are."""
    sentence = "There is a [red]bracket[/red] in /a/very/long/path/that/does/not/fit/forty/columns: move it."
    assert said(refusal(sentence)) == sentence + "\n"


def test_every_wrong_setting_has_its_own_line() -> None:
    assert said(ConfigurationError(["PORT must be a number.", "KEY must be secret."])) == (
        "PORT must be a number.\nKEY must be secret.\n"
    )


def test_a_more_special_refusal_is_a_refusal() -> None:
    assert said(StripeKeyRefused("Stripe does not accept the key.")) == "Stripe does not accept the key.\n"


@pytest.mark.parametrize(
    ("number", "beginning"),
    [
        (errno.ENOSPC, "The disk is full at /data/x: make room"),
        (errno.EROFS, "The file system is read-only at /data/x: choose"),
        (errno.EACCES, "There is no permission at /data/x: give"),
        (errno.ENOENT, "There is no such file or folder at /data/x: check"),
    ],
)
def test_what_the_system_refuses_is_said_with_what_to_do(number: int, beginning: str) -> None:
    assert said(OSError(number, "in the system's words", "/data/x")).startswith(beginning)


def test_a_library_s_wrapping_does_not_hide_a_full_disk() -> None:
    wrapped = OSError("the library could not write")
    wrapped.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert system_sentence(wrapped) == "The disk is full: make room and run the same command again."


@pytest.mark.parametrize(
    "error", [KeyError("a mistake of ours"), OSError(errno.EPIPE, "broken pipe"), KeyboardInterrupt()]
)
def test_anything_else_passes_through(error: BaseException) -> None:
    with pytest.raises(type(error)), refusals_as_sentences(Console(file=StringIO())):
        raise error


def test_a_database_that_fails_in_the_middle_is_said_with_what_it_said(
    database_urls: DatabaseUrls, superuser_url: str
) -> None:
    """The server ends our connection between two statements, as it does when its disk is full."""
    engine = open_engine(database_urls.app)

    def interrupted() -> None:
        with engine.begin() as connection:
            own = connection.scalar(text("select pg_backend_pid()"))
            with psycopg.connect(superuser_url) as administrator:
                administrator.execute("select pg_terminate_backend(%s)", [own])
            connection.execute(text("select 1"))

    output = StringIO()
    with pytest.raises(typer.Exit), refusals_as_sentences(Console(file=output, width=400)):
        interrupted()
    engine.dispose()
    assert output.getvalue().startswith("The database failed in the middle of the work; what was committed is kept")
    assert "terminating connection due to administrator command" in output.getvalue()


def test_the_sentence_goes_to_standard_error(tmp_path: Path) -> None:
    """So that what a command writes to standard output can be piped on."""
    command = [sys.executable, "-m", "pipelines.cli", "price", str(tmp_path / "none.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path / 'none.csv'} cannot be read: No such file or directory.\n"
