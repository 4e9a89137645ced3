"""The four packages import only downwards, and nothing imports in a circle."""

import ast
import graphlib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = {
    "sushi_accel": ROOT / "accel" / "sushi_accel",
    "sushi_env": ROOT / "sushi_env",
    "sushi_agents": ROOT / "agents" / "sushi_agents",
    "sushi_bench": ROOT / "benchmarks" / "sushi_bench",
}
ORDER = list(LAYERS)
MOST_MODULES, MOST_LINES = 14, 400


def module_name(package: str, path: Path) -> str:
    parts = path.relative_to(LAYERS[package]).with_suffix("").parts
    return ".".join((package, *parts)).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Modules of ours that the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in LAYERS}


def all_imports() -> dict[str, set[str]]:
    return {
        module_name(package, path): imports(path)
        for package, folder in LAYERS.items()
        for path in folder.rglob("*.py")
    }


def test_imports_only_point_downwards():
    graph = all_imports()
    assert {name.split(".")[0] for name in graph} == set(LAYERS)
    upward = [
        (module, target)
        for module, targets in graph.items()
        for target in targets
        if ORDER.index(target.split(".")[0]) > ORDER.index(module.split(".")[0])
    ]
    assert upward == []


def test_no_module_imports_itself_in_a_circle():
    graph = all_imports()
    known = {module: targets & set(graph) - {module} for module, targets in graph.items()}
    graphlib.TopologicalSorter(known).prepare()  # raises CycleError


def folder(module: str) -> str:
    """The folder of a package that a module lies in; the module itself if it lies in none."""
    parts = module.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 else module


def test_no_folder_imports_itself_in_a_circle():
    graph = all_imports()
    between: dict[str, set[str]] = {}
    for module, targets in graph.items():
        if module not in LAYERS:  # a package's root gathers what its folders offer
            known = {folder(target) for target in targets if target in graph} - set(LAYERS)
            between.setdefault(folder(module), set()).update(known - {folder(module)})
    graphlib.TopologicalSorter(between).prepare()


def test_folders_and_files_stay_small():
    files = [path for package in LAYERS.values() for path in package.rglob("*.py")]
    counts = Counter(path.parent for path in files if path.name != "__init__.py")
    assert {p: n for p, n in counts.items() if n > MOST_MODULES} == {}
    lines = {path: len(path.read_text().splitlines()) for path in files}
    assert {p: n for p, n in lines.items() if n > MOST_LINES} == {}


def test_no_room_for_leftovers():
    banned = {"utils", "common", "helpers", "misc"}
    assert [p for f in LAYERS.values() for p in f.rglob("*") if p.stem in banned] == []
