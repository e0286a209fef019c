"""The suites: how each is built by ordinary Go modules, run, and read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from bench.peers import parts
from bench.peers.cyclonus_agreement import agreement
from bench.peers.parts import Part
from bench.peers.results import Case, Outcome

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a suite's output, and the seconds since its start."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite. ``build`` are the commands that make ``binary`` in a folder: ``{binaries}``, ``{module}`` are filled in.

    ``module`` is what ``go mod download`` fetches first; if ``here``, the commands run in a module of this package,
    otherwise in the module's own folder. ``arguments`` select all of the suite and ``quick`` a few cases of it;
    ``{kubeconfig}`` and ``{report}``, a file for JUnit's XML, are filled in. ``objects`` are manifests in the module
    that the cluster needs first. ``scenarios`` are our own ones for the same ground. ``oracle`` compares our oracle's
    verdicts with the lines of the output. ``parts`` together are the suite, if it can be run in parts.
    """

    name: str
    title: str
    module: str
    binary: str
    build: Sequence[str]
    here: str
    arguments: Sequence[str]
    quick: Sequence[str]
    cases: Callable[[Sequence[Line], Path], Sequence[Case]]
    scenarios: Sequence[str]
    quick_scenarios: Sequence[str]
    nodes: int = 1
    objects: str = ""
    oracle: Callable[[Sequence[str]], str] = lambda _: ""
    parts: Sequence[Part] = ()

    def part(self, name: str) -> Part:
        """Return the part of this name. Raises ``KeyError``."""
        return {part.name: part for part in self.parts}[name]


def cyclonus_cases(output: Sequence[Line], _: Path) -> Sequence[Case]:
    """Read Cyclonus' output. A case passes if no step has a wrong cell; a case that is not finished is none.

    It is explained if all wrong cells are of pods that reach themselves.
    """
    cases, begin = [], 0
    for index, line in enumerate(output):
        if line.text.startswith("starting test case #"):
            begin = index
        elif line.text.startswith("finished policy #"):
            cases.append(_cyclonus_case(output[begin : index + 1]))
    return cases


def _cyclonus_case(output: Sequence[Line]) -> Case:
    texts = [line.text for line in output]
    start = "evaluating test case: "
    name = next((text.removeprefix(start) for text in texts if text.startswith(start)), "")
    steps = [tuple(map(int, match.groups())) for text in texts if (match := _CELLS.search(text))]
    wrong, ignored, right = (sum(step[place] for step in steps) for place in range(3))
    loops = _loops(texts)
    if not wrong and right:
        outcome = Outcome.PASSED
    else:
        outcome = Outcome.EXPLAINED if wrong == loops and right else Outcome.FAILED
    words = {f"{right} cells right": True, f"{wrong} wrong": True, f"{loops} of them from a pod to itself": loops}
    note = ", ".join(text for text, counts in {**words, f"{ignored} ignored": ignored}.items() if counts)
    return Case(name, outcome, output[-1].seconds - output[0].seconds, note)


_CELLS = re.compile(r"(\d+) wrong, (\d+) ignored, (\d+) correct")


def _loops(texts: Sequence[str]) -> int:
    """Return the number of wrong cells on the diagonals of the tables of wrong cells."""
    count, columns = 0, []
    for text in texts:
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if text.startswith("Actual vs expected"):
            columns = [""]
        elif columns == [""] and len(cells) > 1:
            columns = [cell.lower() for cell in cells]
        elif len(columns) > 1 and len(cells) == len(columns):
            marks = zip(columns, cells, strict=True)
            count += sum(mark == "X" and column == cells[0] for column, mark in marks)
        elif columns != [""] and not text.startswith("+"):
            columns = []
    return count


_FIRST_NUMBERS = (("using SCTP", 46), ("using UDP", 43), ("between server and client", 1))
"""The number of the first case of each group in the suite's file, by words in the names of its cases."""


def ginkgo_cases(_: Sequence[Line], report: Path) -> Sequence[Case]:
    """Read Ginkgo's report in JUnit's XML, which lists a group's cases in the order of the file, unless it is random.

    Cases that were not selected have a number, and are left out.
    """
    if not report.exists():
        return []
    random = any(
        found.attrib["name"] == "RandomizeAllSpecs" and found.attrib["value"] == "true"
        for found in Xml.parse(report).iter("property")
    )
    numbers = {words: first for words, first in _FIRST_NUMBERS}
    cases = []
    for test in Xml.parse(report).iter("testcase"):
        name = test.attrib["name"]
        group = next((words for words in numbers if words in name), "")
        if test.find("skipped") is None and name.startswith("[It]"):
            cases.append(_ginkgo_case(test, 0 if random else numbers.get(group, 0)))
        if group:
            numbers[group] += 1
    return cases


def _ginkgo_case(test: Xml.Element, number: int) -> Case:
    name = re.sub(r"^\[It\] | ?\[(Feature:[^\]]*|sig-network|LinuxOnly|Serial)\]", "", test.attrib["name"]).strip()
    outcome = Outcome.PASSED if test.attrib.get("status") == "passed" else Outcome.FAILED
    messages = [found.attrib.get("message", "")[:200] for found in test if found.tag in ("failure", "error")]
    return Case(name, outcome, float(test.attrib["time"]), "".join(messages), number)


_GO_RESULT = re.compile(r"\s*--- (PASS|FAIL|SKIP): TestConformance/(\S+) \((\d+\.\d+)s\)")
_GO_OUTCOMES = {"PASS": Outcome.PASSED, "FAIL": Outcome.FAILED, "SKIP": Outcome.SKIPPED}


def go_test_cases(output: Sequence[Line], _: Path) -> Sequence[Case]:
    """Read the output of ``go test -v``: the innermost tests. One that failed for lack of SCTP only was skipped."""
    found = [match.groups() for line in output if (match := _GO_RESULT.match(line.text))]
    names, lacking = {name for _, name, _ in found}, _lacking_sctp(output)
    return [
        Case(name, Outcome.SKIPPED, float(seconds), "the kernel has no SCTP")
        if word == "FAIL" and name in lacking
        else Case(name, _GO_OUTCOMES[word], float(seconds))
        for word, name, seconds in found
        if not any(other.startswith(f"{name}/") for other in names)
    ]


_GO_START = re.compile(r"=== RUN +TestConformance/(\S+)")


def _lacking_sctp(output: Sequence[Line]) -> set[str]:
    """Return the tests all of whose failed probes are of SCTP, on a kernel that does not have it."""
    name, probes, lacking = "", dict[str, set[str]](), set[str]()
    for line in output:
        if match := _GO_START.match(line.text):
            name = match[1]
        elif match := re.search(r"FAILED Command was .*--protocol=(\w+)", line.text):
            probes.setdefault(name, set()).add(match[1])
        elif "Protocol not supported" in line.text:
            lacking.add(name)
    return {name for name in lacking if probes.get(name) == {"sctp"}}


_CYCLONUS = (
    "generate",
    "--server-protocol=TCP,UDP",
    "--perturbation-wait-seconds=0",
    "--job-timeout-seconds=1",
    "--retries=0",
)
_UPSTREAM = (
    "--kubeconfig={kubeconfig}",
    "--provider=skeleton",
    "--ginkgo.junit-report={report}",
    "--ginkgo.no-color",
    "--ginkgo.v",
)
_CONFORMANCE = (
    "-test.v",
    "-test.timeout=0",
    "-test.run=^TestConformance$",
    "-test.skip=TestConformance/.*SCTP",
    "-all-features",
)

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            name="cyclonus",
            title="Cyclonus v0.5.6",
            module="github.com/mattfenwick/cyclonus@v0.5.6",
            binary="cyclonus",
            build=("go", "build", "-trimpath", "-o", "{binaries}/cyclonus", "./cmd/cyclonus"),
            here="",
            arguments=_CYCLONUS,
            quick=(*_CYCLONUS, "--include=set-pod-labels"),
            cases=cyclonus_cases,
            scenarios=(
                "scenarios/conformance/axes",
                "scenarios/conformance/relabelled_pods",
                "scenarios/conformance/policy_swapped",
            ),
            quick_scenarios=("scenarios/conformance/relabelled_pods",),
            oracle=lambda output: str(agreement(output)),
            parts=parts.CYCLONUS,
        ),
        Suite(
            name="upstream",
            title="Kubernetes' end-to-end tests v1.36.3, test/e2e/network/netpol",
            module="k8s.io/kubernetes@v1.36.3",
            binary="upstream.test",
            build=("go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", "{binaries}/upstream.test", "."),
            here="upstream",
            arguments=(*_UPSTREAM, "--ginkgo.skip=using SCTP"),
            quick=(*_UPSTREAM, "--ginkgo.focus=default-deny-all"),
            cases=ginkgo_cases,
            scenarios=("scenarios/conformance/upstream",),
            quick_scenarios=("scenarios/conformance/upstream/default_deny_all",),
        ),
        Suite(
            name="network-policy-api",
            title="The conformance tests of network-policy-api v0.3.0",
            module="sigs.k8s.io/network-policy-api@v0.3.0",
            binary="conformance.test",
            build=("go", "test", "-c", "-trimpath", "-o", "{binaries}/conformance.test", "./conformance"),
            here="",
            arguments=_CONFORMANCE,
            quick=_CONFORMANCE,
            cases=go_test_cases,
            scenarios=("scenarios/cluster_network_policy",),
            quick_scenarios=("scenarios/cluster_network_policy",),
            nodes=2,
            objects="config/crd/experimental/policy.networking.k8s.io_clusternetworkpolicies.yaml",
        ),
    )
}
"""The suites, by name."""
