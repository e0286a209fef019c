"""The oracle's verdicts on Cyclonus' own policies, beside the cells that Cyclonus observed.

Cyclonus prints the policies of each step, and the table of its last probes. Its pods are those of its resources table,
with the labels ``pod`` and ``ns``; steps of cases that change pods, namespaces or labels are left out, because it does
not print what they are. Clients ask for Services by name, so a client whose policies close the name server reaches
nobody, itself included.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.verdict import Answer, Flow

_CHANGING = re.compile(r"(?:Create/delete|Update) (?:namespace|pod)\b")
_MARKS = {".": Answer.ALLOWED, "X": Answer.BLOCKED}
_ADDRESS = re.compile(r"\| pod: (\d+\.\d+\.\d+\.\d+) ")
_PORT = re.compile(r"(TCP|UDP)/(\d+)")
_STEP = re.compile(r"step \d+ on ")
_COUNTS = re.compile(r"\d+ wrong, \d+ ignored, \d+ correct")
_NAMESPACES, _PODS, _PORTS, _PROTOCOLS = "xyz", "abc", (80, 81), (Protocol.TCP, Protocol.UDP)

_NAME_SERVER = NamespacedName("kube-system", "dns")

Cell = tuple[NamespacedName, NamespacedName, Port]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many cells the oracle was asked for, and on how many its verdict is the observed one.

    ``undefined`` cells are left to implementations; ``steps`` were compared, and ``left_out`` were not.
    """

    cells: int = 0
    equal: int = 0
    undefined: int = 0
    steps: int = 0
    left_out: int = 0
    different: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a sentence; it names the cells that differ."""
        undefined = f", {self.undefined} are left to implementations" if self.undefined else ""
        left_out = f"; {self.left_out} steps that change pods or labels were left out" if self.left_out else ""
        different = f". Different: {', '.join(self.different)}" if self.different else ""
        count = f"{self.equal} of {self.cells} cells of {self.steps} steps are as the oracle says"
        return f"{count}{undefined}{left_out}{different}."


def agreement(output: Sequence[str]) -> Agreement:
    """Compare all steps of a run."""
    addresses = [match[1] for line in output if (match := _ADDRESS.search(line))]
    pods = [NamespacedName(namespace, pod) for namespace in _NAMESPACES for pod in _PODS]
    objects = [*_surroundings(), *map(_pod, pods, addresses)]
    total = Agreement()
    for name, lines in _steps(output):
        if _CHANGING.match(name):
            total = _sum(total, Agreement(left_out=1))
        else:
            total = _sum(total, _compare(name, [*objects, *_policies(lines)], _observed(lines)))
    return total


def _steps(output: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each step with the name of its case: its lines up to the next one."""
    name, begin = "", None
    for index, line in enumerate(output):
        is_end = line.startswith(("evaluating test case: ", "finished policy #")) or _STEP.match(line)
        if is_end and begin is not None:
            yield name, output[begin:index]
            begin = None
        if line.startswith("evaluating test case: "):
            name = line.removeprefix("evaluating test case: ")
        elif _STEP.match(line):
            begin = index


def _policies(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    text = "\n".join(lines)
    for part in text.split("Network policy:\n")[1:]:
        document = re.split(r"\n\n(?=\S)", part.lstrip("\n"))[0]
        document = re.split(r"\n(?:Discrepancy found|\d+ wrong,)", document)[0]
        yield yaml.safe_load(document)


def _observed(lines: Sequence[str]) -> Mapping[Cell, Answer]:
    """Return the cells of the last table of observations: that after ``kube results``, or the only one."""
    titles = [index for index, line in enumerate(lines) if line.startswith("kube results")]
    begin = titles[-1] if titles else next(index for index, line in enumerate(lines) if _COUNTS.search(line))
    end = next((index for index, line in enumerate(lines) if index > begin and line.startswith("Actual vs")), None)
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in lines[begin:end] if line.startswith("|")]
    ports = [Port(Protocol(match[1]), int(match[2])) for row in rows if (match := _PORT.fullmatch(row[0]))]
    columns = [_ref(text) for text in rows[0][1:]]
    cells = {}
    for row in rows:
        if re.fullmatch(r"\w+/\w+", row[0]) and not _PORT.fullmatch(row[0]):
            for target, marks in zip(columns, row[1:], strict=True):
                for port, mark in zip(ports, marks.split(), strict=True):
                    cells[_ref(row[0]), target, port] = _MARKS[mark]
    return cells


def _compare(name: str, objects: Sequence[Mapping[str, Any]], observed: Mapping[Cell, Answer]) -> Agreement:
    oracle = Oracle(World.parse(objects))
    verdicts = {cell: _verdict(oracle, cell) for cell in observed}
    undefined = [cell for cell, answer in verdicts.items() if answer is Answer.UNDEFINED]
    different = [
        f"{name}: {cell[0]} -> {cell[1]} {cell[2]}"
        for cell, answer in verdicts.items()
        if answer not in (Answer.UNDEFINED, observed[cell])
    ]
    equal = len(verdicts) - len(undefined) - len(different)
    return Agreement(len(verdicts), equal, len(undefined), 1, 0, tuple(different))


def _verdict(oracle: Oracle, cell: Cell) -> Answer:
    look_up = oracle.judge(Flow(cell[0], _NAME_SERVER, Port(Protocol.UDP, 53))).answer
    return look_up if look_up is Answer.BLOCKED else oracle.judge(Flow(*cell)).answer


def _sum(one: Agreement, other: Agreement) -> Agreement:
    return Agreement(
        one.cells + other.cells,
        one.equal + other.equal,
        one.undefined + other.undefined,
        one.steps + other.steps,
        one.left_out + other.left_out,
        one.different + other.different,
    )


def _ref(text: str) -> NamespacedName:
    namespace, _, pod = text.lower().partition("/")
    return NamespacedName(namespace, pod)


def _surroundings() -> Iterator[dict[str, Any]]:
    for name in _NAMESPACES:
        yield {"kind": "Namespace", "metadata": {"name": name, "labels": {"ns": name}}}
    metadata = {"namespace": _NAME_SERVER.namespace, "name": _NAME_SERVER.name}
    yield {"kind": "Namespace", "metadata": {"name": _NAME_SERVER.namespace}}
    yield {"kind": "Pod", "metadata": metadata, "spec": {"containers": []}, "status": {"phase": "Running"}}


def _pod(ref: NamespacedName, address: str) -> dict[str, Any]:
    """Return a pod as Cyclonus makes it: a container for each port and protocol, with a name such as serve-80-tcp."""
    ports = [
        {"containerPort": number, "protocol": protocol.value, "name": f"serve-{number}-{protocol.value.lower()}"}
        for number in _PORTS
        for protocol in _PROTOCOLS
    ]
    return {
        "kind": "Pod",
        "metadata": {"namespace": ref.namespace, "name": ref.name, "labels": {"pod": ref.name}},
        "spec": {"containers": [{"name": "c", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }
