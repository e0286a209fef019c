"""A first scenario.yaml as text: each path with a comment that names the line that declares it."""

from collections.abc import Iterator, Mapping, Sequence

import yaml

from netpol_harness.analysis.dependencies.declared import OUTSIDE, Dependency

_WIDTH = 1_000_000  # a key must stay on its line


def first_scenario(
    title: str, paths: Sequence[tuple[Dependency, str]], ready: Sequence[Dependency], notes: Sequence[str]
) -> str:
    """Return the text. Each path comes with a remark, such as what the policies say; it may be empty."""
    return "\n".join(_lines(title, paths, ready, notes)) + "\n"


def _lines(
    title: str, paths: Sequence[tuple[Dependency, str]], ready: Sequence[Dependency], notes: Sequence[str]
) -> Iterator[str]:
    yield "# Written by `netpol init` from what the manifests declare; other paths may be needed too."
    yield "# Add what must be blocked, and `others: blocked` once all allowed paths are listed."
    yield f"title: {_scalar(title)}"
    yield "workloads: [.]"
    if any(dependency.path.startswith(f"{OUTSIDE} ->") for dependency, _ in paths):
        yield f"external: [{OUTSIDE}]  # the clients of an Ingress, whose controller is not in these manifests"
    yield "exclusive: true"
    yield "steps:"
    yield "  - name: declared"
    yield "    policies: [.]"
    yield from (f"    # Not written: {_comment(note)}" for note in notes)
    yield "    paths:"
    for dependency, remark in paths:
        verdict = "undefined" if remark == "undefined" else "allowed"
        about = "; the policies and the API leave it open" if remark == "undefined" else f"; {remark}" if remark else ""
        source = _comment(f"{dependency.where}: {dependency.why}{about}")
        yield f"      {_scalar(dependency.path)}: {verdict}  # {source}"
    for dependency in ready:
        yield f"      {_scalar(dependency.path)}: true  # {_comment(f'{dependency.where}: {dependency.why}')}"


def _scalar(text: str) -> str:
    data: Mapping[str, str] = {text: ""}
    written: str = yaml.safe_dump(data, width=_WIDTH, allow_unicode=True)
    return written.removesuffix(": ''\n")


def _comment(text: str) -> str:
    return " ".join(text.split())
