"""The files of a draft: a scenario's directory that runs with pytest. ``texts`` is pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.reproduce.shrink.draft import WITHOUT_PODS, Draft

_WIDTH = 112
_NAME = re.compile(r"[-a-z0-9./]+")


def texts(draft: Draft, title: str, head: str = "") -> Mapping[str, str]:
    """Return the text of each file by its name. ``head`` is a comment, without its ``#``."""
    tree = draft.tree
    used = {identifier for step in tree["steps"] for identifier in step.get("policies") or ()}
    files = {f"policies/{i}.yaml": dump(data) for i, data in tree["policies"].items() if i in used}
    comment = "".join(f"# {line}\n" for line in head.splitlines())
    workloads = "---\n".join(map(dump, tree["workloads"]))
    return {"scenario.yaml": comment + dump(scenario_data(draft, title)), "workloads.yaml": workloads, **files}


def scenario_data(draft: Draft, title: str) -> JsonObject:
    """Return the content of scenario.yaml."""
    names = {_ref(data) for data in draft.tree["workloads"]}
    spaces = {data["metadata"]["name"] for data in draft.tree["workloads"] if data["kind"] == "Namespace"} | {"default"}
    steps = [_step(draft, step, names, spaces) for step in draft.tree["steps"]]
    mode, _, _ = draft.path.partition(" ")
    for step in steps[:-1]:  # a step must expect something; what the earlier ones do is not in question
        step["paths"] = {draft.path if mode == "held" else _earlier(draft, step.get("absent") or ()): "undefined"}
    if mode == "held":  # the step that opens a connection must expect that it succeeds
        steps[0]["paths"] = {draft.path: "allowed"}
    steps[-1]["paths"] = {draft.path: draft.expected}
    settings = {key: value for key, value in draft.tree["scenario"].items() if value}
    return {"title": title, **settings, "workloads": ["workloads.yaml"], "steps": steps}


def write(draft: Draft, folder: Path, title: str, head: str = "") -> Path:
    """Write the files and return scenario.yaml. Raises ``OSError``."""
    for name, text in texts(draft, title, head).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / "scenario.yaml"


def dump(data: Any) -> str:
    """Return data as YAML, keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=_WIDTH)


def _step(draft: Draft, step: JsonMapping, names: set[str], spaces: set[str]) -> JsonObject:
    """Return a step without references to what the draft has lost."""
    labels = {
        kind: known
        for kind, entries in (step.get("labels") or {}).items()
        if (known := {n: v for n, v in entries.items() if v and n in (spaces if kind == "namespaces" else names)})
    }
    lists = {key: [name for name in step.get(key) or () if name in names] for key in ("recreate", "absent")}
    policies = [f"policies/{i}.yaml" for i in step.get("policies") or () if i in draft.tree["policies"]]
    others = {key: step[key] for key in ("restart", "repeat", "names") if step.get(key)}
    data = {"name": step["name"], "policies": policies, "labels": labels, **lists, **others}
    return {key: value for key, value in data.items() if value}


def _earlier(draft: Draft, absent: Collection[str]) -> str:
    """Return the path that an earlier step asks: the same, or that of a pod to itself if an end of it is absent."""
    named = {name for ref in absent for name in (ref, ref.partition("/")[2])}
    if named.isdisjoint(_NAME.findall(draft.path)):
        return _plain(draft.path)
    pods = (_ref(data) for data in draft.tree["workloads"] if data["kind"] not in WITHOUT_PODS)
    present = next((ref for ref in pods if ref not in absent), "")
    return f"{present} -> {present}:80" if present else _plain(draft.path)


def _plain(path: str) -> str:
    """Return the path of a new connection."""
    return path.removeprefix("throughout ").removeprefix("first ")


def _ref(data: JsonMapping) -> str:
    return f"{data['metadata'].get('namespace') or 'default'}/{data['metadata']['name']}"


def names(draft: Draft) -> Iterator[str]:
    """Yield all names of objects and namespaces, which scripts quote."""
    for data in (*draft.tree["workloads"], *draft.tree["policies"].values()):
        yield data["metadata"]["name"]
        if data["kind"] != "Namespace":
            yield data["metadata"].get("namespace") or "default"


class _Dumper(yaml.SafeDumper):
    """A dumper that indents lists below their key and writes no references."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        return True
