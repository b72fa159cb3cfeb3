"""`python -m bench [NAME …]`: runs the benchmarks, each in a process of its own, and writes their tables to results/README.md."""

import json
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BENCHMARKS = {
    "price_events": "pricing synthetic events, at intake and afterwards, against a plain scan-and-group floor",
    "pages": "every page and its queries on a lake of ten million events, in milliseconds",
    "import_usage": "importing and pricing one million events against reading and writing the same Parquet",
    "webhook_inbox": "taking in signed webhooks and replaying dead letters against bare durable inserts of the same events",
    "usage_intake": "usage over HTTP, durable and each id once, against a bare COPY into the same table with its key",
    "what_if": "all history under other prices on the cube of 10 M events, under three seconds",
    "explained_alerts": "explaining fifty alerts of a company of two thousand customers and ten million calls",
    "watch": "margins, payments, coverage and late data looked at on ten million events, under a second of CPU",
    "spikes": "finding unusual days among made-up customers, beside the rules that rivals use",
    "retry_schedules": "retry schedules on made-up worlds of failed payments: what each recovers, costs and breaks",
}


def main(names: list[str]) -> int:
    """Run those named, or all; the exit code is the first failure's."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        print(f"\n== {name}: {BENCHMARKS[name]}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False)
        if done.returncode:
            return done.returncode
    (RESULTS / "README.md").write_text(tables(), encoding="utf-8")
    return 0


def tables() -> str:
    """Every benchmark's last result as a Markdown table."""
    text = "# Benchmarks, as last run\n\nRead the ratios, not the seconds: floor and measure ran in the same minute. Worlds of payments are made up: read the order.\n"
    for name, purpose in BENCHMARKS.items():
        # A run of another size than the usual has a file of its own beside it: price_events_100m.json.
        for path in sorted(RESULTS.glob(f"{name}*.json")):
            text += f"\n## {path.stem}: {purpose}\n\n{table(json.loads(path.read_text(encoding='utf-8')))}"
    return text


def table(result: dict[str, object]) -> str:
    """One result: where and when it was measured, and a row for each measure."""
    measures, machine = result["measures"], result["machine"]
    assert isinstance(measures, list)
    assert isinstance(machine, dict)
    headings = list(measures[0])
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items())
    if "events" in result:
        facts += f"; {result['events']:,} events"
    if "peak_memory_mb" in result:
        facts += f", peak memory {result['peak_memory_mb']} MB"
    lines = [
        f"Measured {result['measured_at']}: {facts}.",
        "",
        "| " + " | ".join(heading.replace("_", " ") for heading in headings) + " |",
        "|---" + "|--:" * (len(headings) - 1) + "|",
        *("| " + " | ".join(str(measure[heading]) for heading in headings) + " |" for measure in measures),
        *peers(result.get("peers")),
    ]
    return "\n".join(lines) + "\n"


def peers(peer: object) -> list[str]:
    """The calculators of others, a line each, with what ours does in the time of one of their calls."""
    if not isinstance(peer, dict):
        return []
    lines = [
        f"- {name}: {rate:,} calls per CPU second; ours, {peer['events_per_call'][name]:,} events in the time of one call"
        for name, rate in peer["calls_per_cpu_second"].items()
    ]
    return ["", *lines, *peer["left_out"]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
