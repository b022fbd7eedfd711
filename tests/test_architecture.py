"""The shape of the project: who imports whom, one name a file, no clock or chance in the core."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "client", "interpreter", "server", "storage", "testing")
PURE_PACKAGES = ("interpreter", "storage")


def test_every_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert lint_imports(cache_dir=None) == 0


def test_a_forbidden_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    for layer, line in {"__init__": "", "low": "import top.high", "high": ""}.items():
        (tmp_path / "top" / f"{layer}.py").write_text(f"{line}\n")
    (tmp_path / "contracts.ini").write_text(
        "[importlinter]\nroot_package = top\n"
        "[importlinter:contract:layers]\nname = layers\ntype = layers\n"
        "layers =\n    top.high\n    top.low\n"
    )

    found = run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "contracts.ini", "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )

    assert (found.returncode, "top.low -> top.high" in found.stdout) == (1, True)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_linked_under_one_name(package: str) -> None:
    link = ROOT / "stepraft" / package

    assert link.is_symlink()
    assert link.readlink() == Path("..") / package


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_refuses_to_load_under_another_name(package: str) -> None:
    loaded = run([sys.executable, "-c", f"import {package}"])

    assert loaded.returncode == 1
    assert "AssertionError" in loaded.stderr


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("import time", id="clock"),
        pytest.param("from time import monotonic", id="monotonic clock"),
        pytest.param("from datetime import datetime\n\nNOW = datetime.now()", id="calendar"),
        pytest.param("import random", id="chance"),
        pytest.param("from uuid import uuid4", id="ids"),
        pytest.param("import os", id="operating system"),
    ],
)
@pytest.mark.parametrize("package", PURE_PACKAGES)
def test_the_linter_keeps_clock_and_chance_out(package: str, line: str) -> None:
    assert "TID251" in violations(f"{package}/example.py", line)


def test_the_linter_lets_the_server_have_a_clock() -> None:
    assert "TID251" not in violations("server/example.py", "import time")


def violations(path: str, source: str) -> str:
    """Return what the linter says about `source`, were it the file at `path`."""
    linter = [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", path, "-"]
    return run(linter, source=source).stdout


def run(
    command: Sequence[str | Path],
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    source: str | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=env, input=source, capture_output=True, text=True, check=False
    )


def test_every_dependency_is_locked_by_hash_and_no_index_is_named() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(
        re.findall(r"^([\w.-]+)==\S.*?((?:\n +--hash=sha256:[0-9a-f]{64}.*)+)", lock, re.MULTILINE)
    )

    assert sorted(locked) == sorted(re.findall(r"^[\w.-]+", lock, re.MULTILINE))
    assert {name_of(wanted) for wanted in declared()} - locked.keys() == set()
    assert "://" not in lock


def test_every_library_that_is_imported_is_declared() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    modules = {module for file in files for module in imported(file)}
    distributions = importlib.metadata.packages_distributions()
    used = {name_of(name) for module in modules for name in distributions.get(module, [])}

    assert used - {name_of(wanted) for wanted in declared(extra=None)} - {"stepraft"} == set()


def imported(file: Path) -> Iterator[str]:
    """Yield the first part of each module that `file` imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def declared(extra: str | None = "dev") -> list[str]:
    """Return the requirements of pyproject.toml, those of one extra too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"][extra] if extra else []
    return [*project["dependencies"], *optional]


def name_of(requirement: str) -> str:
    return re.split(r"[=>]", requirement)[0].lower().replace("_", "-")


def test_the_generated_modules_load() -> None:
    for service in (ROOT / "proto" / "stepraft" / "v1").glob("*.proto"):
        importlib.import_module(f"stepraft.v1.{service.stem}_pb2_grpc")
