"""The demo as a stranger meets it: from an empty folder to a margin table, again, interrupted, and killed."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo_fixtures import METERING, ROOT, DemoHome, ServedDemo, clean_environment, metering, processes_of

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for the demo's data whose Postgres is surely stopped at the end."""
    folder = tmp_path / "metering"
    yield folder
    metering(folder, "stop")


def _start_and_wait_for_url(home: Path) -> tuple[subprocess.Popen[str], str]:
    demo = subprocess.Popen(
        [METERING, "demo"],
        env=clean_environment(home, COLUMNS="160"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    said = []
    for line in demo.stdout:
        said.append(line)
        found = re.search(r"Open (http://127\.0\.0\.1:\d+)", line)
        if found:
            return demo, found.group(1)
    raise AssertionError("the demo ended before it named its URL: " + "".join(said)[-2000:])


def _margin_rows(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.search(r"\d %", line)]


def test_the_demo_prints_the_margin_table_and_leaves_no_process_behind(demo_home: DemoHome) -> None:
    assert "Coverage" in demo_home.printed
    assert len(_margin_rows(demo_home.printed)) > 40, demo_home.printed
    assert demo_home.left_behind == []


def test_a_second_start_prints_the_same_table_and_finds_nothing_new(
    demo_home: DemoHome, running_demo: ServedDemo
) -> None:
    assert _margin_rows(running_demo.printed) == _margin_rows(demo_home.printed)
    assert re.search(r"\b0 accepted", running_demo.printed), running_demo.printed


def test_the_demo_connects_its_providers_as_bills_and_reads_them_once(
    demo_home: DemoHome, running_demo: ServedDemo
) -> None:
    """Two providers by their reports, three by files; a second start finds every line as before."""
    for source in ("openai:main", "anthropic:main"):
        assert re.search(rf"{source}: \d[\d,]+ new lines", demo_home.printed), demo_home.printed
        assert re.search(rf"{source}: 0 new lines, 0 restated, 0 withdrawn", running_demo.printed), running_demo.printed
    assert len(re.findall(r"after credits; \d[\d,]+ new, 0 restated", demo_home.printed)) == 2
    assert len(re.findall(r"after credits; 0 new, 0 restated, 0 withdrawn", running_demo.printed)) == 2


def test_the_demos_daily_mail_tells_its_story_to_the_reader_it_was_given(
    demo_home: DemoHome,
) -> None:
    assert "metering digest preview" in demo_home.printed
    said = metering(demo_home.folder, "digest", "preview", "--text", METERING_TENANT="demo")
    assert re.search(r"^\d+ new alerts: AI cost was \$[\d.,K]+ above the expected", said, re.MULTILINE), said
    assert "Sent to fay@demo.example" in said
    causes = re.search(r"Why: \+\$([\d.,]+) by cause\n((?:  - .*\n)+)", said)
    assert causes is not None, said
    shown = re.findall(r": ([+\u2212])\$([\d.,]+)$", causes[2], re.MULTILINE)
    cents = [int(re.sub(r"\D", "", digits)) * (1 if sign == "+" else -1) for sign, digits in shown]
    assert sum(cents) == int(re.sub(r"\D", "", causes[1]))  # they sum to the impact, cent by cent


def test_ctrl_c_leaves_no_process_and_a_killed_demo_starts_again(home: Path) -> None:
    killed, _ = _start_and_wait_for_url(home)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    if killed.stdout:
        killed.stdout.close()

    again, url = _start_and_wait_for_url(home)
    assert url.startswith("http://127.0.0.1:")
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 0
    if again.stdout:
        again.stdout.close()
    assert processes_of(home) == []
