"""Lines about the readiness of pods: what reads, what does not, and whose pods they mean."""

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.path import Inventory
from netpol_harness.paths.readiness import Readiness, ReadyLine, parse_ready, resolve_ready
from netpol_harness.paths.resolver import Resolver

HERE = Place("scenario.yaml", 7, 3)


def lines(*texts: str) -> list[ReadyLine]:
    read = [parse_ready(text, "false", Place("scenario.yaml", number)) for number, text in enumerate(texts, 1)]
    return [line for line in read if isinstance(line, ReadyLine)]


@pytest.mark.parametrize(("text", "word", "ready"), [("ready(a)", "true", True), ("ready( ns/a/1 )", "false", False)])
def test_reads(text: str, word: str, *, ready: bool) -> None:
    line = parse_ready(text, word, HERE)
    assert isinstance(line, ReadyLine)
    assert (line.ready, line.text) == (ready, text.replace(" ", ""))


@pytest.mark.parametrize(
    ("text", "word", "message"),
    [
        ("ready()", "true", "an empty text is not the name of a pod"),
        ("ready(A)", "true", "'A' is not the name of a pod"),
        ("ready(a) -> b:80", "allowed", "does not name pods; write ready(POD)"),
        ("ready(pod(a))", "true", "does not name pods"),
        ("ready(a)", "blocked", "must be true or false, not 'blocked'"),
    ],
)
def test_refuses(text: str, word: str, message: str) -> None:
    problem = parse_ready(text, word, HERE)
    assert isinstance(problem, Problem)
    assert message in str(problem)
    assert problem.place == HERE


def test_a_line_is_about_all_pods_of_a_workload_or_one(city: Inventory) -> None:
    found, problems = resolve_ready(lines("ready(api)", "ready(ring-4)", "ready(api/1)"), Resolver(city, None).pods_of)
    api, ring = (NamespacedName("default", name) for name in ("api", "ring"))
    assert not problems
    assert found == (
        Readiness(api, None, ready=False, text="ready(api)", where="scenario.yaml:1"),
        Readiness(ring, 4, ready=False, text="ready(ring-4)", where="scenario.yaml:2"),
        Readiness(api, 1, ready=False, text="ready(api/1)", where="scenario.yaml:3"),
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("ready(nobody)",), "there is no workload called 'nobody'"),
        (("ready(idle)",), "has no pods (replicas: 0)"),
        (("ready(db-service)",), "is a Service, not a pod"),
        (("ready(api)", "ready(default/api)"), "is about the same pods as 'ready(api)' on line 1"),
        (("ready(ring-4)", "ready(ring/4)"), "is about the same pods as 'ready(ring-4)' on line 1"),
    ],
)
def test_problems(city: Inventory, texts: tuple[str, ...], message: str) -> None:
    (problem,) = resolve_ready(lines(*texts), Resolver(city, None).pods_of)[1]
    assert message in str(problem)
    assert problem.place.line == len(texts)
