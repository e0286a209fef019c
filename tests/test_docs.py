"""The pages for readers: every file and name that they mention exists, and the map shows the rooms that there are."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.liars.network.lies import LIES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "harness" / "netpol_harness"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
SCENARIOS = ROOT / "docs" / "scenarios.md"
VERDICTS = ROOT / "docs" / "verdicts.md"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))
SOURCES = ("harness", "tests", "bench", "tools", "scenarios", "manifests", ".github", "docs")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())

TOP = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != ".venv")
ROOMS = "|".join(path.name for path in PACKAGE.iterdir() if path.is_dir())
REFERENCE = re.compile(rf"`((?:(?:{TOP}|{ROOMS})/[\w./*-]*|\w+\.(?:py|toml|md))(?:::[\w.]+)?)`")
"""A file or folder in code: below the top of the checkout or below the package, perhaps with a name in it."""
LINK = re.compile(r"\]\(([^)\s]+)\)")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def files(pattern: str) -> list[Path]:
    """The files and folders that a reference names; ``NAME`` stands for any name."""
    glob = pattern.replace("NAME", "*").rstrip("/")
    return [path for base in (ROOT, PACKAGE) for path in base.glob(glob)]


def defines(file: Path, name: str) -> bool:
    """Whether a module defines a name, or a class in it a method: ``Class.method``."""
    body = ast.parse(file.read_text()).body
    for part in name.split("."):
        node = next((node for node in body if part in _names(node)), None)
        if node is None:
            return False
        body = node.body if isinstance(node, ast.ClassDef) else []
    return True


def _names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
        case ast.Assign():
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(name)):
            yield name


def layers() -> list[set[str]]:
    """The rooms of the package, layer by layer, as the linter is told them."""
    (contract,) = [
        contract
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract["containers"] == ["netpol_harness"]
    ]
    return [set(layer.split(" | ")) for layer in contract["layers"]]


def headings(page: Path) -> list[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


@every_page
def test_files_and_names_in_code_exist(page: Path) -> None:
    missing = []
    for reference in REFERENCE.findall(prose(page)):
        path, _, name = reference.partition("::")
        found = files(path)
        if not found or (name and not defines(found[0], name)):
            missing.append(reference)
    assert missing == []


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        target, _, anchor = link.partition("#")
        if not link.startswith("https://"):
            file = page.parent / target if target else page
            assert file.exists(), link
            assert not anchor or anchor in headings(file), link


def test_the_map_draws_the_layers_that_the_linter_checks() -> None:
    (drawn,) = re.findall(r"^```layers\n(.*?)^```$", ARCHITECTURE.read_text(), re.MULTILINE | re.DOTALL)
    assert [set(line.split(" | ")) for line in drawn.splitlines()] == layers()


def test_the_map_describes_every_room_and_no_other() -> None:
    _, rooms = re.split(r"^## Rooms$", ARCHITECTURE.read_text(), maxsplit=1, flags=re.MULTILINE)
    titles = re.findall(r"^### (`.+)$", rooms.partition("\n## ")[0], re.MULTILINE)
    described = [name for title in titles for name in re.findall(r"`(\w+)`", title)]
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(described) == sorted(modules | folders) == sorted(set().union(*layers()))


def test_the_three_questions_of_a_newcomer_are_answered_first() -> None:
    first, _, _ = ARCHITECTURE.read_text().partition("## Layers")
    for question in ("become an nft rule?", "exit code become an outcome?", "Where is kind started?"):
        assert question in first


def test_the_page_of_verdicts_lists_every_lie_that_the_tests_tell() -> None:
    assert re.findall(r"^\| `([\w-]+)` \| ERROR ", VERDICTS.read_text(), re.MULTILINE) == [lie.name for lie in LIES]


def test_no_file_cites_a_page_that_is_not_in_the_repository() -> None:
    pages = {str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
    cited = re.compile(r"\b(DESIGN\b|[A-Z]{4,}\.md|docs/[\w-]+\.md)")
    foreign = {
        (str(file.relative_to(ROOT)), name)
        for folder in SOURCES
        for file in (ROOT / folder).rglob("*")
        if file.suffix in (".py", ".yaml", ".md", ".toml", ".sh") and file.is_file() and file != Path(__file__)
        for name in cited.findall(file.read_text())
        if name not in pages
    }
    assert foreign == set()


def test_the_page_of_scenarios_explains_every_key() -> None:
    schema = json.loads((PACKAGE / "scenario" / "scenario.schema.json").read_text())
    step = schema["properties"]["steps"]["items"]
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|[^|]+\|", SCENARIOS.read_text(), re.MULTILINE))))
    assert {*schema["properties"], *step["properties"]} - {"steps"} <= explained


def test_the_changelog_has_the_version() -> None:
    version = PROJECT["project"]["version"]
    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
