"""The pages about the suites: docs/peers.md and docs/api-coverage.md, written from the results of their last runs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.peers import requests
from bench.peers.results import Case, Outcome, RequestKind, SuiteRun
from bench.peers.suites import SUITES

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
_SOURCE = re.compile(
    r"^# Source: (?:kubernetes/kubernetes test/e2e/network/netpol, case (\d+)\b"
    r"|kubernetes-sigs/network-policy-api \S+, conformance/tests, (\w+)$)",
    re.MULTILINE,
)


def runs() -> Sequence[SuiteRun]:
    """Return the recorded runs of each suite: that of all of it, then those of narrower selections."""
    files = (file for name in SUITES for file in sorted(RESULTS.glob(f"{name}.*json"), key=_narrower_last))
    return [SuiteRun.read(file) for file in files]


def result_file(suite: str, narrowing: Sequence[str]) -> Path:
    """Return the file of a recorded run; ``narrowing`` are the further arguments of its selection."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", " ".join(narrowing)).strip("-")
    return RESULTS / ".".join(filter(None, (suite, words, "json")))


def _narrower_last(file: Path) -> tuple[int, str]:
    return len(file.suffixes), file.name


def write(recorded: Sequence[SuiteRun]) -> None:
    """Write both pages."""
    (ROOT / "docs/peers.md").write_text(peers(recorded))
    (ROOT / "docs/api-coverage.md").write_text(coverage(recorded))


def peers(recorded: Sequence[SuiteRun]) -> str:
    """Return docs/peers.md."""
    first = {run.suite: run for run in reversed(recorded)}
    sections = (line for run in recorded for line in _section(run, is_first=first[run.suite] is run))
    return "\n".join((_PEERS, *_summary(recorded), "", *_coverage_of_suites(recorded), *sections)) + "\n"


def _summary(recorded: Sequence[SuiteRun]) -> Iterator[str]:
    yield "| suite | cases | passed | explained | failed | skipped | time | our scenarios for it | their time | ratio |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name in sorted(SUITES.keys() - {run.suite for run in recorded}):
        yield f"| {SUITES[name].title} | not recorded yet ||||||||"
    for run in recorded:
        counts = " | ".join(str(run.count(outcome)) for outcome in Outcome)
        ours = ", ".join(f"{count} {word}" for word, count in sorted(run.our_outcomes.items()))
        scenarios = ", ".join(f"`{name}`" for name in run.our_folders)
        times = f"{run.seconds:.0f} s | {scenarios}: {ours} | {run.ours:.0f} s | {run.seconds / run.ours:.1f}"
        yield f"| {_title(run)}{'' if run.complete else ' (**cut off**)'} | {len(run.cases)} | {counts} | {times} |"


def _coverage_of_suites(recorded: Sequence[SuiteRun]) -> Iterator[str]:
    """Yield, for each suite that can be run in parts, what its runs have covered; a part's run counts before others."""
    for suite in SUITES.values():
        runs = [run for run in recorded if run.suite == suite.name and _numbers(run)]
        cases = {number: case for run in sorted(runs, key=_parts_last) for number, case in _numbered(run)}
        if any(run.part for run in runs):
            counts = ", ".join(f"{sum(c.outcome is word for c in cases.values())} {word}" for word in Outcome)
            total = sum(len(part.numbers) for part in suite.parts)
            yield f"{suite.title} in {len(runs)} runs: {len(cases)} of {total} cases, {counts}."
            yield ""


def _parts_last(run: SuiteRun) -> bool:
    return bool(run.part)


def _numbers(run: SuiteRun) -> Sequence[int]:
    """Return the numbers of the cases of a run in the whole suite; none if it is another selection."""
    suite = SUITES[run.suite]
    if run.part:
        return suite.part(run.part).numbers
    return range(1, len(run.cases) + 1) if _title(run) == suite.title else ()


def _numbered(run: SuiteRun) -> Iterator[tuple[int, Case]]:
    """Yield the cases of a run with their numbers in the suite, or in the run."""
    return zip(_numbers(run) or range(1, len(run.cases) + 1), run.cases, strict=False)


def _section(run: SuiteRun, *, is_first: bool) -> Iterator[str]:
    yield from (f"## {_title(run)}", "", f"Arguments: `{run.selection}`.", "")
    if is_first:
        yield from (*_NOTES[run.suite], "")
    if run.oracle:
        yield from (f"The oracle beside it: {run.oracle}", "")
    if run.remark:
        yield from (f"**{run.remark}**", "")
    yield "| case | outcome | s | what was counted or wrong | our scenario for the same case |"
    yield "|---|---|---|---|---|"
    twins = _twins()
    for number, case in _numbered(run):
        twin = _twin(case, twins)
        ours = f"`{twin}`: {run.our_scenarios.get(twin, 'not run')}" if twin else ""
        name = case.name.replace("|", "\\|")
        yield f"| {number}. {name} | {case.outcome} | {case.seconds:.1f} | {case.note} | {ours} |"
    yield ""


def _title(run: SuiteRun) -> str:
    """Return the suite's title, with the part or the arguments that narrow this run."""
    if run.part:
        return f"{SUITES[run.suite].title}, part `{run.part}`"
    whole = " ".join(SUITES[run.suite].arguments).split()
    narrowing = [word for word in run.selection.split() if word not in whole]
    return SUITES[run.suite].title + "".join(f", `{word}`" for word in narrowing)


def _twins() -> Mapping[str, str]:
    """Return our scenario of each case of another suite, by its number there or by its name."""
    found = (
        (_SOURCE.search(file.read_text()), file.parent) for file in sorted(ROOT.glob("scenarios/*/**/scenario.yaml"))
    )
    return {match[1] or match[2]: str(folder.relative_to(ROOT)) for match, folder in found if match}


def _twin(case: Case, twins: Mapping[str, str]) -> str:
    return twins.get(str(case.number) if case.number else case.name.partition("/")[0], "")


def coverage(recorded: Sequence[SuiteRun]) -> str:
    """Return docs/api-coverage.md."""
    return "\n".join((_COVERAGE, *(line for run in recorded for line in _requests(run)))) + "\n"


def _requests(run: SuiteRun) -> Iterator[str]:
    total, faults = sum(kind.count for kind in run.requests), list(requests.wrong(run.requests))
    yield f"## {_title(run)}"
    yield ""
    yield f"{total} requests. Answered as a correct server would not: {sum(kind.count for kind in faults)}."
    yield ""
    yield "| verb | resource | body sent | answered with | protocol | code | message | requests |"
    yield "|---|---|---|---|---|---|---|---|"
    for kind in sorted(run.requests, key=_by_resource):
        mark = "**wrong** " if kind in faults else ""
        code = kind.code or "left"
        words = (kind.verb, kind.resource, kind.sent, kind.answered, kind.protocol, f"{mark}{code}", kind.message)
        yield f"| {' | '.join(word.replace('|', '/') for word in words)} | {kind.count} |"
    yield ""


def _by_resource(kind: RequestKind) -> tuple[str, str, int, str]:
    return kind.resource, kind.verb, kind.code, kind.message


_PEERS = """\
# Other people's suites

Suites that were written for real clusters run, unmodified, against the embedded cluster, with its own policy rules. So
they test its API, its pods and its data plane; and where such a suite and our own scenarios ask the same, they must
agree.

```
$ make peers
$ python -m bench.peers --build cyclonus --part conflicts
$ python -m bench.peers --write
```

`--build` makes missing binaries from Go modules in `build/peers` (`--binaries DIR`), which takes minutes and needs Go
1.26 or newer. All suites run, or those that are named; `--quick` runs a few cases of each, and `--also` narrows a
selection. `--part` runs a part of Cyclonus' catalogue; its parts together are all of it, and each run stays a run of
its own. Where a binary or Go is missing, the command says so and fails. `--write` records the results, of which this
page and [the API coverage](api-coverage.md) are generated. Times depend on the machine and its load: read the ratios,
which were measured in one run.
"""
_COVERAGE = """\
# The parts of the API that other people's suites use

Generated by `python -m bench.peers --write` from the embedded API server's own log (`--request-log`): each kind of
request that a suite made, and how it was answered. Exec is the resource `pods/exec`. `left` is a watch or a session
that the client ended.

A request counts as wrong if the answer is not one that a correct server gives to a correct client: a refusal of what
the server cannot read or do (400, 403, 405, 406, 415, 5xx), or a path that it does not serve. A suite that sends an
invalid object waits for its refusal (422); if the server refuses a valid one, the suite's case fails.
"""
_NOTES: Mapping[str, Sequence[str]] = {
    "cyclonus": (
        "Cyclonus compares what its own simulator expects with what its probes observe: each cell is a pod, a target",
        "pod, a port and a protocol. Its default catalogue leaves out the cases with its tags `multi-peer`,",
        "`upstream-e2e`, `example`, `end-port` and `namespaces-by-default-label`.",
        "",
        "A pod that reaches itself is a known discrepancy. The simulator applies policies to this connection, as to",
        "any other, but the API says of NetworkPolicyIngressRule that a pod cannot block access to itself: such",
        "traffic never leaves it. Cyclonus has the option `--ignore-loopback` for this, which is off by default. So a",
        "case whose only wrong cells are of this kind is *explained*.",
        "",
        "Each step of a case is 324 execs of `agnhost connect` (9 pods, 9 targets, 2 ports, 2 protocols), which a",
        "socket in the pod's network answers without a process. Cyclonus waits a second for each blocked cell, 15 at a",
        "time. It asks each cell once (`--retries=0`; its default asks a wrong one again).",
    ),
    "upstream": (
        "The package of Kubernetes' own repository, in a test binary of some lines (`bench/peers/upstream`), with JSON",
        "and protobuf as its client chooses. The cases between SCTP servers and clients are left out if the kernel",
        "lacks SCTP.",
    ),
    "network-policy-api": (
        "The suite of the API ClusterNetworkPolicy, standard and experimental features, with the definition of its",
        "experimental channel. It needs two nodes. Tests of SCTP alone are left out. On a kernel without SCTP, a test",
        "that also uses it cannot pass: it counts as skipped if no probe of another protocol was wrong.",
        "",
        "`netpol conformance` writes a ConformanceReport in the form of the suite's own from a run of our scenarios.",
        "The suite's own counts as passed what `-test.skip` has left out; ours counts it as skipped.",
    ),
}
