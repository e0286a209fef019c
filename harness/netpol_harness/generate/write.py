"""Write the catalogue: YAML as an author would write it, and the same bytes each time."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.generate.drafts import Draft

NOTICE = "# Written by `netpol catalogue`: change the generator, not this file.\n"
_WIDTH = 112


def texts(drafts: Iterable[Draft], schema: str) -> Iterator[tuple[Path, str]]:
    """Yield every file of the scenarios: its path below their common folder, and its text.

    ``schema`` is the path from a scenario's folder to the JSON Schema of scenario.yaml, which editors follow.
    """
    modeline = f"# yaml-language-server: $schema={schema}\n"
    for draft in drafts:
        folder = Path(draft.name)
        yield folder / "scenario.yaml", NOTICE + modeline + _scenario(draft.scenario)
        yield folder / "workloads.yaml", NOTICE + "---\n".join(_dump(manifest) for manifest in draft.workloads)
        for name, manifest in draft.policies.items():
            yield folder / "policies" / f"{name}.yaml", _dump(manifest)


def write(drafts: Iterable[Draft], folder: Path, schema: Path) -> tuple[int, int]:
    """Write the scenarios below a folder, each as soon as it is made; those of an earlier catalogue are removed.

    Returns the number of scenarios and that of their steps.

    ``schema`` is the file with the JSON Schema of scenario.yaml. Raises ``OSError``.
    """
    for earlier in folder.glob("*/scenario.yaml"):
        if earlier.is_file() and earlier.read_text(encoding="utf-8", errors="replace").startswith(NOTICE):
            shutil.rmtree(earlier.parent)
    scenarios = steps = 0
    for draft in drafts:
        for path, text in texts([draft], os.path.relpath(schema, folder.absolute() / "scenario")):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        scenarios, steps = scenarios + 1, steps + len(draft.scenario["steps"])
    return scenarios, steps


class _Lines(list[str]):
    """A list of texts that is written with one text per line."""


class _Dumper(yaml.SafeDumper):
    """A dumper that indents lists below their key, and writes collections without nested ones on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Lines, lambda dumper, lines: dumper.represent_sequence("tag:yaml.org,2002:seq", lines, flow_style=False)
)


def _scenario(scenario: Mapping[str, Any]) -> str:
    """Return scenario.yaml, with empty lines between its steps and one path per line."""
    head = {key: value for key, value in scenario.items() if key != "steps"}
    steps = ({**step, "paths": _Lines(step["paths"])} for step in scenario["steps"])
    blocks = ("  " + _dump([step]).replace("\n", "\n  ").rstrip(" ") for step in steps)
    return _dump(head) + "\nsteps:\n" + "\n".join(blocks)


def _dump(data: Any) -> str:
    return yaml.dump(data, Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=_WIDTH)
