"""``reproduce.sh``: a shrunk scenario as a shell script that needs kubectl only.

Names come from files: each is checked, and quoted. A scenario that kubectl alone cannot follow has no script.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Protocol
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.path import Path, ProbeMode
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import dump, names, scenario_data

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?")
_END = "END_OF_OBJECTS"

_HEAD = """\
#!/bin/sh
# {title}
# Needs kubectl and a cluster whose nodes can pull the images. KUBECONFIG and KUBECTL_CONTEXT choose the cluster.
# Creates the namespaces {spaces}, and deletes them at the end.
# Exit status: 0: the network does what is expected; 1: it does not; 2: nothing can be said.
set -u
k() {{ kubectl ${{KUBECTL_CONTEXT:+--context "$KUBECTL_CONTEXT"}} "$@"; }}
broken() {{ echo "reproduce.sh: $*" >&2; exit 2; }}
command -v kubectl >/dev/null || broken "there is no kubectl in PATH"
clean_up() {{ k delete namespace {spaces} --ignore-not-found --wait=false >/dev/null 2>&1; }}
for name in {spaces}; do
    k get namespace "$name" >/dev/null 2>&1 && broken "there is a namespace $name already; delete it"
done
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
apply() {{ k apply -f - >/dev/null || broken "the objects could not be applied"; }}
await() {{
    k wait pod --all -n "$1" --for=condition=Ready --timeout=180s >/dev/null || broken "the pods of $1 are not ready"
}}
"""

_PROBE = """
address=$(k get pod {target} -n {target_space} -o 'jsonpath={{.status.podIP}}') || broken "the target has no address"
[ -n "$address" ] || broken "the target has no address"
probe() {{ # in the pod $2 of namespace $1; TCP by a connection, UDP by an answer
    k exec -n "$1" "$2" -- sh -c {command} probe "$address" {port} 2>/dev/null
}}
ask() {{
    case "$(probe {source_space} {source})" in
        *OPEN*) echo allowed ;;
        *CLOSED*) echo blocked ;;
        *) echo unknown ;;
    esac
}}
observed=unknown
for attempt in 1 2 3 4 5; do
    observed=$(ask)
    [ "$observed" = {expected} ] && break
    sleep 2
done
[ "$observed" = unknown ] && broken "the probe could not run in the source pod"
case "$(probe {target_space} {target})" in
    *OPEN*) ;;
    *) broken "the target does not answer its own pod, so nothing can be said" ;;
esac
echo {path_line}
echo "expected: "{expected}
echo "observed: $observed"
[ "$observed" = {expected} ]
"""

_TCP = 'if nc -z -w 3 "$1" "$2"; then echo OPEN; elif command -v nc >/dev/null; then echo CLOSED; fi'
_UDP = (
    'command -v nc >/dev/null || exit; if [ -n "$(echo "echo netpol" | nc -u -w 3 "$1" "$2")" ]; then echo OPEN; '
    "else echo CLOSED; fi"
)


@dataclass(frozen=True, slots=True)
class NoScript:
    """Why there is no script."""

    reason: str


def script(draft: Draft, path: Path, title: str) -> str | NoScript:
    """Return the text of the script, or why kubectl alone cannot show the fault."""
    if reason := _obstacle(draft, path):
        return NoScript(reason)
    assert isinstance(path.source, PodSource)
    assert isinstance(path.target, PodTarget)
    spaces = _namespaces(draft)
    body = "".join(_body(draft, spaces))
    probe = _PROBE.format(
        source=path.source.ref.name,
        source_space=path.source.ref.namespace,
        target=path.target.ref.name,
        target_space=path.target.ref.namespace,
        command=shlex.quote(_UDP if path.port.protocol is Protocol.UDP else _TCP),
        port=path.port.number,
        expected=shlex.quote("allowed" if draft.expected == "allowed" else "blocked"),
        path_line=shlex.quote(draft.path),
    )
    return _HEAD.format(title=" ".join(title.split()), spaces=" ".join(spaces)) + body + probe


def _obstacle(draft: Draft, path: Path) -> str:
    """Return why there can be no script; empty if there can."""
    plain = isinstance(path.source, PodSource) and isinstance(path.target, PodTarget)
    if not plain or path.mode is not ProbeMode.NEW or path.port.protocol not in (Protocol.TCP, Protocol.UDP):
        return "the path is not a new TCP or UDP connection from a pod to a pod's address"
    if any(step.get("restart") or step.get("repeat") for step in draft.tree["steps"]):
        return "a step restarts the network plugin's agent, or is repeated"
    if draft.tree["scenario"]:
        return "the scenario has hosts outside the cluster, or settings of its own"
    if any(data["kind"] not in ("Namespace", "Pod", "Service") for data in draft.tree["workloads"]):
        return "the pods are made by controllers"
    if "default" in names(draft):
        return "the scenario uses the namespace default"
    bad = [name for name in names(draft) if not _NAME.fullmatch(name)]
    return f"{bad[0]!r} is not a valid name" if bad else ""


def _body(draft: Draft, spaces: Sequence[str]) -> Iterator[str]:
    """Yield the commands of each step."""
    workloads = {_ref(data): data for data in draft.tree["workloads"] if data["kind"] != "Namespace"}
    yield _apply([data for data in draft.tree["workloads"] if data["kind"] == "Namespace"])
    present: dict[str, JsonMapping] = {}
    applied: Mapping[str, JsonMapping] = {}
    for step in scenario_data(draft, "")["steps"]:
        yield f"\n# step {step['name']}\n"
        removed = {*step.get("absent", ()), *step.get("recreate", ())}
        yield from (_delete(present.pop(ref)) for ref in list(present) if ref in removed)
        wanted = {ref: data for ref, data in workloads.items() if ref not in step.get("absent", ())}
        if new := [data for ref, data in wanted.items() if ref not in present]:
            yield _apply(new)
        present = wanted
        yield from (f"await {space}\n" for space in spaces)
        yield from _labels(draft, step.get("labels") or {})
        policies = {
            n: draft.tree["policies"][n.removeprefix("policies/").removesuffix(".yaml")]
            for n in step.get("policies", ())
        }
        kept = {(p["metadata"].get("namespace"), p["metadata"]["name"]) for p in policies.values()}
        gone = [p for p in applied.values() if (p["metadata"].get("namespace"), p["metadata"]["name"]) not in kept]
        yield from map(_delete, gone)
        if policies:
            yield _apply(list(policies.values()))
        applied = policies


def _labels(draft: Draft, changed: JsonMapping) -> Iterator[str]:
    """Yield the commands that give every pod and namespace the labels of a step."""
    for data in draft.tree["workloads"]:
        if data["kind"] not in ("Pod", "Namespace"):
            continue
        kind = "namespaces" if data["kind"] == "Namespace" else "pods"
        name = data["metadata"]["name"] if kind == "namespaces" else _ref(data)
        if any(name in step.get("labels", {}).get(kind, {}) for step in draft.tree["steps"]):
            known = {k: None for s in draft.tree["steps"] for k in s.get("labels", {}).get(kind, {}).get(name, {})}
            labels = known | (data["metadata"].get("labels") or {}) | changed.get(kind, {}).get(name, {})
            yield f"k label {_words(data)} --overwrite {' '.join(map(_label, labels.items()))} >/dev/null\n"


def _label(entry: tuple[str, str | None]) -> str:
    key, value = entry
    if not _LABEL.fullmatch(key) or (value and not _LABEL.fullmatch(value)):
        raise ValueError(f"{entry!r} is not a label")
    return f"{key}-" if value is None else shlex.quote(f"{key}={value}")


def _apply(objects: Sequence[JsonMapping]) -> str:
    text = "---\n".join(map(dump, objects))
    if _END in text:
        raise ValueError("an object contains the end of a script's document")
    return f"apply <<'{_END}'\n{text}{_END}\n"


def _delete(data: JsonMapping) -> str:
    return f"k delete {_words(data)} --wait >/dev/null || broken 'an object could not be deleted'\n"


def _words(data: JsonMapping) -> str:
    kind, metadata = data["kind"].lower(), data["metadata"]
    space = f" -n {shlex.quote(metadata['namespace'])}" if metadata.get("namespace") else ""
    return f"{shlex.quote(kind)} {shlex.quote(metadata['name'])}{space}"


def _namespaces(draft: Draft) -> Sequence[str]:
    return [data["metadata"]["name"] for data in draft.tree["workloads"] if data["kind"] == "Namespace"]


def _ref(data: JsonMapping) -> str:
    return f"{data['metadata'].get('namespace') or 'default'}/{data['metadata']['name']}"
