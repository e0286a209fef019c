"""The files of a capture: sorted, so that two captures of one cluster differ where the cluster does."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line
from netpol_harness.model.json_object import JsonObject
from netpol_harness.reproduce.capture.capture import Capture
from netpol_harness.reproduce.capture.observation import Observation
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.metadata import DNS_LABEL

STEP = "captured"
"""The name of the step with all policies of the cluster."""

_OPEN_STEPS: Sequence[JsonObject] = (
    {"name": "open-services", "expect": "oracle", "strangers": True},
    {"name": "open-pods", "others": "allowed", "strangers": True},
)
"""Steps without policies before it. In them paths are seen open that no NetworkPolicy could open later."""

_WIDE = "_cluster"
_FOLDERS = ("workloads", "policies")
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_DUMPER):  # type: ignore[misc]  # the class is chosen at run time
    """Writes values without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def scenario_files(capture: Capture, title: str, observed: Sequence[Observation] = ()) -> Mapping[str, str]:
    """Return the files by name. The paths of ``observed`` are the last lines of scenario.yaml.

    Raises ``HarnessError`` for a namespace whose name no file can have.
    """
    files = {f"workloads/{_file(name)}": _documents(objects) for name, objects in capture.objects.items()}
    files |= {f"policies/{_file(name)}": _documents(policies) for name, policies in capture.policies.items()}
    return {SCENARIO_FILE: _scenario(capture, title) + _paths(observed), **files}


def write(files: Mapping[str, str], directory: Path, *, force: bool) -> None:
    """Write the files of a capture. With ``force``, those of an earlier capture in the directory are replaced.

    Raises ``HarnessError`` if the directory is not empty without it, or holds files that no capture has written.
    """
    if directory.exists() and not directory.is_dir():
        raise HarnessError(f"{directory} is a file; name another directory")
    if directory.is_dir() and any(directory.iterdir()):
        if not force:
            raise HarnessError(f"{directory} is not empty; name another directory, or replace a capture with --force")
        if not (directory / SCENARIO_FILE).is_file():
            raise HarnessError(f"{directory} has no {SCENARIO_FILE}, so it is not a capture; name another directory")
        for folder in _FOLDERS:
            for file in (directory / folder).glob("*.yaml"):
                file.unlink()
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _file(namespace: str) -> str:
    if namespace and not re.fullmatch(DNS_LABEL, namespace):
        raise HarnessError(f"{namespace!r} is not the name of a namespace; correct the dump")
    return f"{namespace or _WIDE}.yaml"


def _documents(objects: Iterable[JsonObject]) -> str:
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _scenario(capture: Capture, title: str) -> str:
    content: JsonObject = {"title": title, "workloads": ["workloads/*.yaml"]}
    if capture.hosts:
        hosts = capture.hosts.items()
        content["external"] = {_host(address): {"address": address, "ports": [*ports]} for address, ports in hosts}
    if capture.dns:
        content["dns"] = dict(capture.dns)
    if capture.exclusive:
        content["exclusive"] = True
    policies = {"policies": ["policies/*.yaml"]} if capture.policies else {}
    derived = {"expect": "oracle", "strangers": True}
    content["steps"] = [*([] if _can_be_lifted(capture) else _OPEN_STEPS), {"name": STEP, **policies, **derived}]
    missing = (f"# MISSING: {one_line(text)}\n" for text in capture.warnings)
    notes = (f"# {one_line(text)}\n" for text in capture.notes)
    return "".join([*missing, *notes]) + _documents([content])


def _paths(observed: Sequence[Observation]) -> str:
    """Return the paths of the last step, which is the captured one. PyYAML writes no comments."""
    lines = (line for each in observed for line in (*(f"# {one_line(c)}" for c in each.how), _line(each)))
    return "".join(["  paths:\n", *(f"    {line}\n" for line in lines)]) if observed else ""


def _line(observed: Observation) -> str:
    """Return ``web -> db:5432: allowed``, in quotes if YAML needs them."""
    plain = yaml.safe_dump({observed.text: str(observed.verdict)}, width=sys.maxsize, allow_unicode=True).rstrip("\n")
    is_plain = "\n" not in plain and not plain.startswith("?")
    return plain if is_plain else f"{json.dumps(observed.text)}: {observed.verdict}"


def _can_be_lifted(capture: Capture) -> bool:
    """Return whether NetworkPolicies that admit everything end what the captured policies block."""
    policies = (policy for group in capture.policies.values() for policy in group)
    families = (ApiGroupFamily.of(policy["kind"], policy["apiVersion"]) for policy in policies)
    return all(family is not None and family.can_be_lifted for family in families)


def _host(address: str) -> str:
    return f"host-{re.sub('[^0-9a-f]+', '-', address.lower()).strip('-')}"
