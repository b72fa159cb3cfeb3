"""A pull's process is killed outright in the middle of a question; the next pull ends where an undisturbed one ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from store.database import DatabaseUrls
from tests.pipelines.usage_sources_connected import KEYS, Connected
from tests.provider_fixtures import NOON, Providers, providers

__all__ = ["providers"]

pytestmark = pytest.mark.slow

PULL = """
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID
from pipelines.pull_usage import pull_usage
from store.database import open_engine
from store.settings import load_settings
print("ready", flush=True)
sys.stdin.readline()
pull_usage(open_engine(sys.argv[1]), Path(sys.argv[2]), UUID(sys.argv[3]), load_settings(), now=datetime.fromisoformat(sys.argv[4]))
"""


class KillingAt(list[str]):
    """The questions so far; whoever asks this many is killed before the answer."""

    def __init__(self, number: int, pid: int) -> None:
        super().__init__()
        self.number, self.pid = number, pid

    def append(self, question: str) -> None:
        super().append(question)
        if len(self) == self.number:
            os.kill(self.pid, signal.SIGKILL)


@pytest.mark.parametrize(("kind", "question"), [("openai", 1), ("openai", 40), ("anthropic", 16), ("litellm", 449)])
def test_the_next_pull_ends_as_if_nothing_had_happened(
    engine: Engine,
    database_urls: DatabaseUrls,
    tenant: UUID,
    mallory: UUID,
    tmp_path: Path,
    providers: Providers,
    kind: str,
    question: int,
) -> None:
    mine = Connected(engine, tenant, tmp_path / "mine", providers)
    theirs = Connected(engine, mallory, tmp_path / "theirs", providers)
    for each in (mine, theirs):
        each.connect(kind)
    keys = {name.upper(): key for name, key in KEYS.items()}
    bases = {f"METERING_{name.upper()}_BASE_URL": providers.url for name in ("openai", "anthropic", "litellm")}
    child = subprocess.Popen(
        [sys.executable, "-c", PULL, database_urls.app, str(mine.home), str(tenant), NOON.isoformat()],
        env={**os.environ, **keys, **bases},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "ready\n"
        providers.accounts.asked = KillingAt(question, child.pid)
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.wait(120) == -signal.SIGKILL
    providers.accounts.asked = []
    for each in (mine, theirs):
        assert each.pull().trouble is None
    told = ("day", "provider", "model", "line_item", "unit", "quantity", "cost_pico_usd")
    assert sorted(mine.costs().select(told).rows(), key=str) == sorted(theirs.costs().select(told).rows(), key=str)
    who = ("connection_id",)
    assert sorted(mine.usage().drop(who).rows(), key=str) == sorted(theirs.usage().drop(who).rows(), key=str)
    assert mine.events() == theirs.events()
