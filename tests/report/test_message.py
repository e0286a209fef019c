from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.analysis.explain import Advice, Explanation, ExplanationLine
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, ServiceTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, ProbeMode, Scheme
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.report.layout import Grid, Name, draw
from netpol_harness.report.message import FailureMessage, PathContext, detail_of, message_for
from netpol_harness.report.table import observed_grid
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable

COMMAND = "nc -vz -w 1 db-service 3306"


def path_result(
    word: str, *outcomes: str, liveness: str | None = "CONNECTED", target: str = "db-service:3306"
) -> PathResult:
    """Return a result with one attempt per outcome, half a second apart."""
    alive = Reply(Outcome(liveness)) if liveness else None
    attempts = tuple(
        Attempt(0.5 * i, Reply(Outcome(o), "said so", "nc", COMMAND, 0.2), alive) for i, o in enumerate(outcomes)
    )
    path = NetworkPath(
        PodSource(NamespacedName("default", "web-pod")),
        Scheme.TCP,
        ServiceTarget(NamespacedName("default", target.partition(":")[0]), 3306),
        "web-pod",
        target,
    )
    expectation = Expectation(path, Expected(word), "scenario.yaml:41")
    return PathResult(expectation, (PodPairResult("shop-x1/web-pod", target, Evidence(Expected(word), attempts)),))


CONTEXT = PathContext(
    where="scenario.yaml:41",
    step="with-dns",
    dataplane="test tubes",
    kubeconfig=Path("/run/kube config"),
)


def explained(path: NetworkPath, word: str) -> PathContext:
    """Return the context of a path with this verdict of the oracle."""
    lines = (
        ExplanationLine("egress", "no policy isolates web-pod"),
        ExplanationLine("ingress", "db-policy isolates db-pod"),
    )
    advice = Advice((ExplanationLine("cause", "db-policy is not in force"),))
    return replace(CONTEXT, explanation=Explanation(path, Expected(word), lines, lambda: advice))


def test_a_violation_is_shown_with_its_times() -> None:
    def watched(*outcomes: str) -> Evidence:
        evidence = path_result("blocked", *outcomes).worst.evidence
        return replace(evidence, mode=ProbeMode.CONTINUOUS)

    assert detail_of(watched("TIMED_OUT", "TIMED_OUT")) == "said so"
    assert detail_of(watched("TIMED_OUT", "CONNECTED")) == "0.50 s after the first change; said so"
    several = watched("TIMED_OUT", "CONNECTED", "TIMED_OUT", "CONNECTED", "CONNECTED")
    assert detail_of(several) == "0.50 s after the first change, and 2 more until 2.00 s; said so"


def test_a_disagreement_stands_alone() -> None:
    text = message_for(path_result("blocked", "CONNECTED", "CONNECTED"), CONTEXT).text
    assert text.splitlines()[0] == "web-pod -> db-service:3306: expected blocked, observed CONNECTED"
    for part in (
        "scenario.yaml:41, step with-dns",
        "2 attempts with nc within 0.50 s of the last change: CONNECTED x2",
        "listener probed inside its own pod: CONNECTED",
        "test tubes",
        f"kubectl --kubeconfig '/run/kube config' -n shop-x1 exec web-pod -- {COMMAND}",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("expected", "word", "outcome", "opinion", "caused"),
    [
        ("blocked", "allowed", "CONNECTED", "allowed, as observed: the policies in force do not say what", True),
        (
            "blocked",
            "blocked",
            "CONNECTED",
            "blocked, as the scenario expects, and the network does something else",
            False,
        ),
        ("dropped", "blocked", "REFUSED", "blocked, as the scenario expects", True),
        (
            "allowed",
            "unresolved",
            "TIMED_OUT",
            "unresolved, which is neither what the scenario expects nor what",
            False,
        ),
        ("blocked", "undefined", "CONNECTED", "undefined: the specification leaves this open", True),
    ],
)
def test_the_reasons_are_shown_and_typical_causes_if_they_explain_the_observation(
    expected: str, word: str, outcome: str, opinion: str, caused: object
) -> None:
    seen = path_result(expected, outcome)
    text = message_for(seen, explained(seen.expectation.path, word)).text
    assert "  egress     no policy isolates web-pod\n  ingress    db-policy isolates db-pod\n" in text
    assert f"  oracle     {opinion}" in text
    assert ("  cause      db-policy is not in force" in text) == caused


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (path_result("blocked", "TIMED_OUT", liveness="REFUSED"), "UNPROVEN"),
        (path_result("blocked", "TIMED_OUT", liveness=None), "no pod of the scenario is known to serve this target"),
        (path_result("allowed", "PROBE_FAILED"), "the probe failed, so nothing is known about this path"),
        (path_result("blocked", "TIMED_OUT", "CONNECTED"), "flapping: it was blocked for a while, and then CONNECTED"),
        (
            path_result("unresolved", "NAME_FAILED", liveness="TIMED_OUT"),
            "name server probed inside its own pod: TIMED_OUT",
        ),
    ],
)
def test_each_kind_of_doubt_is_named(result: PathResult, text: str) -> None:
    assert text in message_for(result, CONTEXT).text


def test_another_container_or_pod_that_was_probed_from_is_named() -> None:
    reply = Reply(Outcome.NAME_FAILED, "no such name", "nc", COMMAND, container="netpol-probe")
    attempt = Attempt(0.5, reply, Reply(Outcome.CONNECTED), checked_from="shop-x1/app-pod")
    (asked,) = path_result("unresolved", "NAME_FAILED").pairs
    seen = replace(asked, evidence=Evidence(Expected.UNRESOLVED, (attempt,)))
    text = message_for(replace(path_result("unresolved", "NAME_FAILED"), pairs=(seen,)), CONTEXT).text
    assert "1 attempt with nc (container netpol-probe) within" in text
    assert "name server probed from shop-x1/app-pod: CONNECTED" in text
    assert f"exec web-pod -c netpol-probe -- {COMMAND}" in text


def test_the_summary_names_the_observation_and_not_the_path() -> None:
    assert message_for(path_result("allowed", "TIMED_OUT"), CONTEXT).summary == "expected allowed, observed TIMED_OUT"


def test_a_profile_is_named() -> None:
    seen = path_result("blocked", "CONNECTED")
    text = message_for(seen, replace(explained(seen.expectation.path, "allowed"), profile="calico")).text
    assert "  oracle     allowed (profile calico), as observed: " in text


def test_a_table_is_aligned_and_marks_the_wrong_cell() -> None:
    table = TruthTable.of(
        [path_result("blocked", "CONNECTED"), path_result("blocked", "TIMED_OUT", target="app-service:5000")]
    )
    head, *_, row = draw(observed_grid(table)).splitlines()
    assert head.index("db-service") < row.index(".≠X") < head.index("app-service") < row.index("X", row.index("≠X") + 2)


def test_an_ipv6_address_that_begins_with_a_letter_is_a_column_like_any_other() -> None:
    columns = ["[fd00::1]:80", "a:100:"]
    cells = {("web\x1b[1m", column): "." for column in columns}
    lines = draw(Grid.of([Name("web\x1b[1m")], [*map(Name, columns)], cells, frozenset())).splitlines()
    assert lines[0].split() == ["from", "\\", "to", "[fd00::1]:80", "a:100:"]
    assert lines[2].split() == ["web\\x1b[1m", ".", "."]


def test_the_output_of_a_pod_is_escaped() -> None:
    loud = path_result("allowed", "TIMED_OUT", target="\x1b[2Jdb:80")
    assert "\x1b" not in message_for(loud, CONTEXT).text + str(FailureMessage("", "\x1b[1m"))
