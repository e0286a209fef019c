"""One run of a suite: an embedded cluster that logs its requests, the suite, and our own scenarios beside it."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

import yaml

from bench.peers import binaries, requests
from bench.peers.results import SuiteRun
from bench.peers.suites import Line, Suite
from netpol_harness.backends.cni.install import install
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access

ROOT = Path(__file__).parents[2]
_WORST_FIRST = ("error", "failed", "passed", "skipped")


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a suite to run: a few cases or all, a part of it, further arguments, and our scenarios beside it."""

    quick: bool = False
    part: str = ""
    extra: Sequence[str] = ()
    ours: Sequence[str] = ()

    def arguments(self, suite: Suite) -> Sequence[str]:
        """Return the suite's arguments."""
        of_part = suite.part(self.part).arguments if self.part else ()
        return [*(suite.quick if self.quick else suite.arguments), *of_part, *self.extra]

    def scenarios(self, suite: Suite) -> Sequence[str]:
        """Return our scenarios for the same ground."""
        of_part = suite.part(self.part).scenarios if self.part else ()
        return self.ours or of_part or (suite.quick_scenarios if self.quick else suite.scenarios)

    def is_whole(self, suite: Suite, cases: int) -> bool:
        """Return whether this is a plausible number of cases: that of the part, or any."""
        return cases == len(suite.part(self.part).numbers) if self.part else cases > 0


def run(suite: Suite, binary: Path, selection: Selection, *, folder: Path) -> SuiteRun:
    """Run the suite against a cluster of its own, then our scenarios. The outputs are kept in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    log, report = folder / f"{suite.name}.requests.jsonl", folder / f"{suite.name}.xml"
    log.unlink(missing_ok=True)
    report.unlink(missing_ok=True)
    arguments = selection.arguments(suite)
    backend = EmbeddedBackend(("--request-log", str(log)), nodes=suite.nodes)
    with tempfile.TemporaryDirectory() as directory:
        cluster = backend.create("peers", Path(directory))
        try:
            if suite.objects:
                _install(suite, cluster.kubeconfig)
            words = [word.format(kubeconfig=cluster.kubeconfig, report=report) for word in arguments]
            output, code = _output([str(binary), *words], cluster.kubeconfig, folder / f"{suite.name}.log")
        finally:
            backend.delete(cluster.name, Path(directory))
    cases = suite.cases(output, report)
    folders = selection.scenarios(suite)
    seconds, outcomes, scenarios = _ours(folders, folder / "ours.xml", suite.nodes)
    return SuiteRun(
        suite=suite.name,
        selection=" ".join(word for word in arguments if "{" not in word),
        seconds=output[-1].seconds if output else 0.0,
        complete=selection.is_whole(suite, len(cases)) and code in (0, 1),
        cases=cases,
        requests=requests.read(log),
        ours=seconds,
        our_folders=folders,
        our_outcomes=outcomes,
        our_scenarios=scenarios,
        oracle=suite.oracle([line.text for line in output]),
        part=selection.part,
    )


def _install(suite: Suite, kubeconfig: Path) -> None:
    text = (binaries.module_folder(suite) / suite.objects).read_text()
    install(Client(Access.from_kubeconfig(kubeconfig)), list(yaml.safe_load_all(text)), deadline=Deadline(60))


def _output(command: Sequence[str], kubeconfig: Path, log: Path) -> tuple[Sequence[Line], int]:
    """Run a command, and return its output with times, and its exit code. The output goes to ``log``, too."""
    lines: list[Line] = []
    start = time.perf_counter()
    environment = {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin", "HOME": str(log.parent)}
    with (
        log.open("w") as copy,
        subprocess.Popen(
            command, env=environment, cwd=log.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        assert process.stdout is not None
        for text in process.stdout:
            copy.write(text)
            lines.append(Line(time.perf_counter() - start, text.rstrip("\n")))
            _show_progress(lines[-1])
    return lines, process.returncode


def _show_progress(line: Line) -> None:
    words = ("finished policy #", "testing ", "--- ", "    --- ", "[It] ", "Ran ", "• ")
    if line.text.startswith(words) or " wrong, " in line.text:
        print(f"{line.seconds:7.1f} s  {line.text[:150]}", flush=True)


def _ours(scenarios: Sequence[str], report: Path, nodes: int) -> tuple[float, Mapping[str, int], Mapping[str, str]]:
    """Run our own scenarios on an embedded cluster. Return seconds, items by outcome, and scenarios' outcomes."""
    options = ["-q", "-p", "no:cacheprovider", "-n", "auto", f"--junitxml={report}"]
    options += ["--netpol-cluster", "embedded", "--netpol-nodes", str(nodes)]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pytest", *options, *scenarios], cwd=ROOT, check=False, capture_output=True)
    seconds = time.perf_counter() - start
    outcomes: list[tuple[str, str]] = []
    if report.exists():
        for item in Xml.parse(report).iter("testcase"):
            words = {found.tag for found in item}
            word = "error" if "error" in words else "failed" if "failure" in words else "passed"
            outcomes.append((_scenario(item), "skipped" if "skipped" in words else word))
    worst = {
        name: min((word for other, word in outcomes if other == name), key=_WORST_FIRST.index) for name, _ in outcomes
    }
    return seconds, dict(Counter(word for _, word in outcomes)), worst


def _scenario(item: Xml.Element) -> str:
    """Return the folder of an item's scenario, from its JUnit class name."""
    return item.attrib["classname"].removesuffix(".scenario.yaml").partition(".scenario.yaml")[0].replace(".", "/")
