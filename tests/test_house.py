"""The house rules that a linter does not know, each with its reason."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("dashboard", "api", "pipelines", "billing", "store", "pricing", "metering_client", "sandbox")
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
# Doors may look at the clock: they stand between the world and the rules, which get time as an argument.
CLOCK_DOORS = {"pipelines", "dashboard", "api"}
MONEY_WORDS = ("_minor", "_pico", "amount", "cost", "price", "revenue", "fee")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.stat().st_size)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", python_files(*ROOMS, "bench", "tests"), ids=relative)
def test_a_file_fits_the_house(path: Path) -> None:
    """One job a file, said in its first line; a function fits on a screen."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{relative(path)} does not say in its first line what it is for"
    lines = text.count("\n")
    assert lines <= FILE_LINES_MAX, f"{relative(path)} has {lines} lines: find the second job in it"
    for function in functions(tree):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= FUNCTION_LINES_MAX, (
            f"{relative(path)}: {function.name} has {length} lines: find the missing name"
        )


@pytest.mark.parametrize("path", python_files("store", "pricing", "billing", "metering_client"), ids=relative)
def test_money_is_never_a_float(path: Path) -> None:
    """A name that speaks of money is never annotated as float and never passed through float()."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AnnAssign | ast.arg) and isinstance(node.annotation, ast.Name):
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            speaks_of_money = any(word in name for word in MONEY_WORDS) and not name.endswith(("_share", "_ratio"))
            assert not (speaks_of_money and node.annotation.id == "float"), (
                f"{relative(path)}:{node.lineno} {name}: float"
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            argument = ast.unparse(node.args[0]) if node.args else ""
            assert not any(word in argument for word in MONEY_WORDS), (
                f"{relative(path)}:{node.lineno} float({argument})"
            )


@pytest.mark.parametrize("path", python_files(*(set(ROOMS) - CLOCK_DOORS)), ids=relative)
def test_time_is_an_argument_behind_the_doors(path: Path) -> None:
    """Rules and storage get `now` as an argument, so that a test or a simulation can own the clock."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            hidden = called in {"datetime.now", "datetime.utcnow", "date.today", "datetime.datetime.now", "time.time"}
            assert not hidden, f"{relative(path)}:{node.lineno} reads the clock: take the time as an argument"


def test_the_wheel_holds_every_room_and_what_the_pages_need() -> None:
    """Installed from a wheel the product stands beside no checkout, from which anything could be read."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(held) >= {*ROOMS, "serve.py", ".streamlit"}


def test_no_page_hides_a_room_or_a_standard_module() -> None:
    """Streamlit puts dashboard/ first on sys.path: dashboard/pricing.py would hide the room pricing."""
    taken = set(ROOMS) | set(sys.stdlib_module_names)
    hiding = [path.name for path in (ROOT / "dashboard").rglob("*.py") if path.stem in taken]
    assert hiding == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_owns(room: str) -> None:
    """A newcomer reads one page before a room: what it owns, what it does not, what always holds."""
    readme = (ROOT / room / "README.md").read_text(encoding="utf-8").lower()
    for heading in ("owns", "does not own", "invariants"):
        assert heading in readme, f"{room}/README.md has no word on: {heading}"


def test_imports_point_down() -> None:
    """import-linter's contracts in pyproject.toml are the walls."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_part_that_runs_is_the_one_of_this_checkout(tmp_path: Path) -> None:
    """From any folder: a copy in the environment would be an old one, and would look for the pages beside itself."""
    find = "import importlib.util, sys; [print(importlib.util.find_spec(name).origin) for name in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", find, "serve", *ROOMS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    found = [Path(line) for line in done.stdout.splitlines()]
    assert found == [ROOT / "serve.py", *(ROOT / room / "__init__.py" for room in ROOMS)], done.stderr


def test_every_setting_is_in_the_operators_table() -> None:
    """A setting that nobody can find does not exist."""
    from store.settings import Settings

    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    described = {line.split("`")[1] for line in operations.splitlines() if line.startswith("| `")}
    assert {name.upper() for name in Settings.model_fields} <= described


def test_the_readme_names_only_commands_that_exist() -> None:
    """Every `make …` and every `metering …` command in the README is one that can be run."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = {
        line.split(":")[0] for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if ":" in line
    }
    from pipelines.cli import app

    commands = {
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
        if command.callback
    }
    commands |= {group.name for group in app.registered_groups if group.name}
    for line in readme.splitlines():
        words = line.strip().split()
        if words[:1] == ["make"]:
            assert words[1] in targets, line
        if words[:1] == ["metering"]:
            assert words[1] in commands, line
