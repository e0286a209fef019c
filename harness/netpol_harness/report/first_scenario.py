"""A first scenario.yaml as text: each path with a comment that names the line that declares it."""

from collections.abc import Iterator, Mapping

import yaml

from netpol_harness.analysis.dependencies.declared import OUTSIDE
from netpol_harness.analysis.dependencies.judged import JudgedDependencies
from netpol_harness.paths.outcome import Expected

_WIDTH = 1_000_000  # a key must stay on its line


def first_scenario(title: str, found: JudgedDependencies) -> str:
    """Return the text. The comment of each path says so if the policies break it, or leave it open."""
    return "\n".join(_lines(title, found)) + "\n"


def _lines(title: str, found: JudgedDependencies) -> Iterator[str]:
    yield "# Written by `netpol init` from what the manifests declare; other paths may be needed too."
    yield "# Add what must be blocked, and `others: blocked` once all allowed paths are listed."
    yield f"title: {_scalar(title)}"
    yield "workloads: [.]"
    if any(each.dependency.path.startswith(f"{OUTSIDE} ->") for each in found.paths):
        yield f"external: [{OUTSIDE}]  # the clients of an Ingress, whose controller is not in these manifests"
    yield "exclusive: true"
    yield "steps:"
    yield "  - name: declared"
    yield "    policies: [.]"
    yield from (f"    # Not written: {_comment(note)}" for note in found.notes)
    yield "    paths:"
    for each in found.paths:
        about = "; the policies and the API leave it open" if each.is_open else ""
        about = "; the policies break it" if each.is_broken else about
        verdict = Expected.UNDEFINED if each.is_open else Expected.ALLOWED
        source = _comment(f"{each.dependency.where}: {each.dependency.why}{about}")
        yield f"      {_scalar(each.dependency.path)}: {verdict}  # {source}"


def _scalar(text: str) -> str:
    data: Mapping[str, str] = {text: ""}
    written: str = yaml.safe_dump(data, width=_WIDTH, allow_unicode=True)
    return written.removesuffix(": ''\n")


def _comment(text: str) -> str:
    return " ".join(text.split())
