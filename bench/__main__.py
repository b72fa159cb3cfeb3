"""`python -m bench`: runs every benchmark one after the other, each in a process of its own."""

import subprocess
import sys

BENCHMARKS = {
    "price_events": "pricing 10 M synthetic events against a plain scan-and-group floor",
    "import_usage": "importing and pricing one million events against reading and writing the same Parquet",
}


def main() -> int:
    """Run them all; the exit code is the first failure's."""
    for name, purpose in BENCHMARKS.items():
        print(f"\n== {name}: {purpose}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
