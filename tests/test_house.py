"""The house: a module imports from lower floors only, and rooms on one floor do not know each other.

Read from the import statements themselves, those inside functions included; only what is imported for types alone
(``if TYPE_CHECKING``) is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1] / "src" / "platometer"
FLOORS = [
    {"errors", "cards", "threads"},
    {"arrays", "files", "plugins", "spec", "stats", "samples", "scenes"},
    {"centring", "training"},
    {"networks", "theory"},
    {"conditioning", "features", "rows", "engines", "datasets", "models"},
    {"blocks", "knn", "store", "vectors", "report"},  # the page is drawn from plain rows, and knows no study
    {"metrics", "extraction", "gallery"},
    {"nulls", "dimension", "intervals", "streaming"},
    {"alignment", "trends", "capability"},
    {"study"},
    {"experiments", "plots"},
    {"dashboard"},
    {"cli"},
]
"""Rooms from the ground up."""


def _modules() -> list[Path]:
    return sorted(path for path in HOME.rglob("*.py") if path != HOME / "__init__.py")


def _room(path: Path) -> str:
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def _floor(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, room of ours) of every import that runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports in full"
            if node.module == "platometer":
                yield from ((node.lineno, name.name) for name in node.names if not name.name.startswith("__"))
            elif node.module and node.module.startswith("platometer."):
                yield node.lineno, node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, name.name.split(".")[1]) for name in node.names if name.name.startswith("platometer."))
        else:
            yield from _imports(node)


def test_every_room_has_a_floor() -> None:
    placed = set().union(*FLOORS)
    assert sum(map(len, FLOORS)) == len(placed)
    there = {_room(path) for path in _modules()}
    assert there - placed == set(), "give these a floor in FLOORS, the lowest that what they import allows"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(HOME).as_posix())
def test_a_module_looks_down_only(path: Path) -> None:
    room = _room(path)
    for line, other in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        if other != room:
            assert _floor(other) < _floor(room), f"line {line}: {room} (floor {_floor(room)}) imports {other} ({_floor(other)})"


@pytest.mark.parametrize("folder", ["metrics", "models", "datasets", "engines", "experiments", "plots"])
def test_plug_ins_of_a_folder_do_not_know_each_other(folder: str) -> None:
    names = {path.stem for path in (HOME / folder).glob("[!_]*.py")} if (HOME / folder).is_dir() else set()
    for path in (HOME / folder).glob("[!_]*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"platometer.{folder}"):
                tail = (node.module or "").split(".")[2:3]
                known = set(tail) | ({name.name for name in node.names} if not tail else set())
                assert not known & (names - {path.stem}), f"{path.name}:{node.lineno} imports another plug-in"


def test_what_should_not_exist_does_not() -> None:
    for path in _modules():
        assert path.stem not in ("utils", "helpers", "common", "core", "misc", "manager", "pipeline"), path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("eval", "exec", "pickle.load", "pickle.loads", "os.system"), f"{path}:{node.lineno}"
            for word in node.keywords if isinstance(node, ast.Call) else ():
                given = (word.arg, getattr(word.value, "value", None))
                assert given not in (("weights_only", False), ("allow_pickle", True), ("shell", True)), f"{path}:{node.lineno}"
