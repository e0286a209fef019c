"""Networks that lie: whatever breaks or fakes a path behind the policies' back, no verdict on it is green."""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.deadline import Deadline
from netpol_harness.errors import Unproven
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import ExecReply, PodExec
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.points import SPECIFICATION
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.plugin.observer import Observer
from netpol_harness.report.context import StepContext
from netpol_harness.results.evidence import Judgement
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load
from tests.liars.network.lies import LIES, Lie, Town
from tests.liars.network.town import PODS, judged, path_results, write_scenario
from tests.liars.network.wire import Wire

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
SEEDS = range(int(os.environ.get("NETPOL_LIAR_SEEDS", "2")))
"""Of each kind of lie; 5 of them take three minutes more."""


class Redirecting:
    """An exec that runs commands for some pods in others."""

    def __init__(self, pods: PodExec) -> None:
        self._pods = pods
        self.elsewhere: dict[NamespacedName, NamespacedName] = {}

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        return self._pods(self.elsewhere.get(pod, pod), argv, stdin=stdin, deadline=deadline, container=container)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings(probe_timeout=0.2, settle_deadline=0.2)) as owner:
        yield owner


@pytest.fixture
def town(lab: Lab, tmp_path: Path) -> Iterator[Callable[[int], tuple[ScenarioRun, Town]]]:
    """Open the scenario of a seed, which chooses its ports, and enter its step."""
    opened = []

    def make(seed: int) -> tuple[ScenarioRun, Town]:
        port = write_scenario(tmp_path, seed)
        run = lab.scenario_run(load(tmp_path / "scenario.yaml"))
        opened.append(run)
        run.open()
        redirecting = Redirecting(PodExec(Access.from_kubeconfig(lab.cluster.kubeconfig)))
        run.context.router.connect(run.placement.real("x"), redirecting)
        snapshot = run.snapshot()
        pods = {name: snapshot.pods_of(NamespacedName("x", name))[0] for name in PODS}
        address = {name: pod.addresses[0] for name, pod in pods.items()}
        refs = {name: pod.ref for name, pod in pods.items()}
        service = snapshot.service(NamespacedName("x", "svc"))
        pid = int((lab.directory / "embedded.pid").read_text())
        return run, Town(Wire(pid), address, service.cluster_ips[0], "10.96.0.10", port, redirecting.elsewhere, refs)

    yield make
    for run in opened:
        run.close()


def test_honest_pods_make_every_path_agree(town: Callable[[int], tuple[ScenarioRun, Town]]) -> None:
    run, _ = town(0)
    assert set(judged(run).values()) == {Judgement.AGREES}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_lie_is_believed(lie: Lie, seed: int, town: Callable[[int], tuple[ScenarioRun, Town]]) -> None:
    run, place = town(seed)
    before = random.Random(f"{seed}{lie.name}").random() < 0.5
    if before:
        run.enter(run.scenario.steps[0])
    with lie.tell(place):
        found = judged(run)
    touched = [text for text in found if lie.touches(text)]
    assert touched
    believed = [text for text in touched if found[text] is Judgement.AGREES]
    assert not believed, f"LIE {lie.name} {believed}"


@pytest.mark.parametrize(
    ("name", "path", "part"),
    [
        ("source-dropped", "client -> server", "with every policy lifted; the source is isolated"),
        (
            "target-firewall-drops",
            "friend -> server",
            "lifted; the target's own firewall closes it",
        ),
        ("kube-proxy-dead", "friend -> ip(svc)", "with every policy lifted; the Service does not forward"),
        ("wildcard-name", "client -> svc", "the name resolved to an address that is not the target's"),
    ],
)
def test_the_message_names_the_broken_part(
    name: str, path: str, part: str, town: Callable[[int], tuple[ScenarioRun, Town]]
) -> None:
    run, place = town(0)
    with lie_called(name).tell(place):
        results = path_results(run)
    context = StepContext(run, run.scenario.steps[0], path_results=results.values())
    (broken,) = (result for text, result in results.items() if f"/{path}:" in text)
    assert part in context.message(broken).summary


def lie_called(name: str) -> Lie:
    return next(lie for lie in LIES if lie.name == name)


def test_a_test_in_python_is_told_the_broken_part_by_what_it_has_probed_before(
    town: Callable[[int], tuple[ScenarioRun, Town]],
) -> None:
    run, place = town(0)
    run.enter("closed")
    observer = Observer(run, SPECIFICATION)
    with lie_called("source-dropped").tell(place):
        assert observer.probe(f"x/friend -> server:{place.port}", "allowed").allowed
        with pytest.raises(Unproven, match=r"other sources to this target: 1 open"):
            observer.probe(f"x/client -> server:{place.port}", "blocked")
        with pytest.raises(Unproven, match=r"client -> server:.*the source is isolated"):
            observer.truth_table("blocked")


class GivenNamespace(EmbeddedBackend):
    """A backend with a namespace that existed before the run."""

    namespaces: Mapping[str, str] = MappingProxyType({"x": "default"})


def test_in_a_given_namespace_the_baseline_tells_the_broken_part(tmp_path: Path) -> None:
    port = write_scenario(tmp_path, 0)
    settings = Settings(probe_timeout=0.2, settle_deadline=0.2)
    with Lab(BackendChoice(GivenNamespace(), "for a test"), settings) as lab:
        run = lab.scenario_run(load(tmp_path / "scenario.yaml"))
        with Wire(int((lab.directory / "embedded.pid").read_text())).rules(f"tcp dport {port} drop"):
            run.open()
            results = path_results(run)
        context = StepContext(run, run.scenario.steps[0], path_results=results.values())
        summary = context.message(results[f"x/client -> server:{port}"]).summary
        run.close()
    assert "not a policy of the scenario: the path was closed before they were applied; a firewall" in summary


@pytest.mark.parametrize("name", ["proxy-answers-200", "proxy-accepts-one-port", "wrong-backend"])
def test_no_lie_is_believed_in_a_large_table(name: str, town: Callable[[int], tuple[ScenarioRun, Town]]) -> None:
    run, place = town(0)
    run.enter("closed")
    with lie_called(name).tell(place):
        table = run.observer.truth_table(run.current_step, Expected.ALLOWED, "test")
    touched = table.cells["friend", f"server:{place.port}"]
    assert (touched.outcome, touched.judgement) == (Outcome.CONNECTED, Judgement.BROKEN)
    (untouched,) = (cell for (row, column), cell in table.cells.items() if row == "friend" and "udp://decoy" in column)
    assert untouched.judgement is Judgement.AGREES
