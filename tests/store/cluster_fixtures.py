"""A Spark cluster for a test: a standalone master and two workers as processes of their own on 127.0.0.1."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

WAIT_SECONDS = 120
REQUIRED = "METERING_TEST_CLUSTER"


@dataclass
class SparkProcess:
    """A master or worker that is running, and every line it has logged."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        """Keep reading the log, so that the process never waits for a full pipe."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def says(self, words: str) -> str:
        """The line with these words, as soon as it is logged."""
        with self.changed:
            found = self.changed.wait_for(lambda: any(words in line for line in self.lines), timeout=WAIT_SECONDS)
            assert found, f"Spark never said {words!r}: {''.join(self.lines[-20:])}"
            return next(line for line in self.lines if words in line)


def why_not() -> str | None:
    """Why no cluster can be started here; None when one can."""
    if find_spec("pyspark") is None:
        return "pyspark is not installed (uv sync --extra cluster)"
    if shutil.which("java") is None:
        return "there is no Java 17 here"
    return None


def need_cluster() -> None:
    """Skip with the reason where no cluster can be started; where METERING_TEST_CLUSTER=required, fail with it."""
    reason = why_not()
    if reason is not None and os.environ.get(REQUIRED) == "required":
        pytest.fail(f"{REQUIRED}=required, but {reason}")
    if reason is not None:
        pytest.skip(reason)


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[str, list[SparkProcess]]]:
    """The master's address and its two workers, one core and one GB each; all are stopped with the block."""
    port = _free_port()
    address = f"spark://127.0.0.1:{port}"
    running = [_start(folder, "master.Master", "--port", str(port))]
    try:
        running[0].says("I have been elected leader")
        running += [_start(folder, "worker.Worker", "--cores", "1", "--memory", "1g", address) for _ in range(2)]
        for worker in running[1:]:
            worker.says("Successfully registered with master")
        yield address, running[1:]
    finally:
        for spark in reversed(running):
            spark.process.terminate()
        for spark in running:
            spark.process.wait(timeout=WAIT_SECONDS)
            assert spark.process.stderr is not None
            spark.process.stderr.close()


def _start(folder: Path, role: str, *options: str) -> SparkProcess:
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_DAEMON_MEMORY": "256m",
    }
    process = subprocess.Popen(
        [
            home / "bin" / "spark-class",
            f"org.apache.spark.deploy.{role}",
            "--host",
            "127.0.0.1",
            "--webui-port",
            "0",
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    spark = SparkProcess(process)
    threading.Thread(target=spark.listen, daemon=True).start()
    return spark


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
