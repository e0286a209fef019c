"""True clusters in every circumstance: never a false red, and an error only where nothing can be known."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.kube.exec import PodExec
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import NamespacedName
from netpol_harness.results.evidence import Judgement
from tests.liars.network.circumstances import CIRCUMSTANCES, AdmittingClient, Circumstance, NuisanceExec
from tests.liars.network.town import new_run, path_results, write_scenario
from tests.liars.network.wire import Wire

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
SEEDS = range(int(os.environ.get("NETPOL_TRUTH_SEEDS", "1")))
RED = (Judgement.DISAGREES, Judgement.FLAPPING)
MUTANTS = sorted({circumstance.mutant for circumstance in CIRCUMSTANCES})


@pytest.fixture(scope="module")
def labs() -> Iterator[dict[str, Lab]]:
    """A cluster of every policy agent."""
    with ExitStack() as stack:
        yield {
            mutant: stack.enter_context(
                Lab(BackendChoice(EmbeddedBackend(mutant=mutant), "for a test"), Settings(probe_timeout=0.2))
            )
            for mutant in MUTANTS
        }


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES, ids=lambda circumstance: circumstance.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_true_cluster_is_accused(
    circumstance: Circumstance, seed: int, labs: dict[str, Lab], tmp_path: Path
) -> None:
    lab = labs[circumstance.mutant]
    write_scenario(tmp_path, seed)
    lab.settings = Settings(probe_timeout=0.2, settle_deadline=circumstance.seconds)
    client = partial(AdmittingClient, circumstance=circumstance)
    run = new_run(lab, tmp_path, client)
    execs = NuisanceExec(PodExec(run.context.client.access), circumstance)
    run.context.router.connect(run.placement.real("x"), execs)
    wire = Wire(int((lab.directory / "embedded.pid").read_text()))
    try:
        run.open()
        pods = [run.snapshot().pods_of(NamespacedName("x", name))[0] for name in ("client", "friend")]
        addresses = [pod.addresses[0] for pod in pods]
        with circumstance.network(wire, addresses) if circumstance.network else nullcontext():
            results = path_results(run)
        kept = run.context.client.list("networking.k8s.io/v1", "NetworkPolicy", namespace=run.placement.real("x"))
    finally:
        run.close()
    assert execs.calls
    assert {policy["metadata"]["name"] for policy in kept} == {"server", "lonely"}
    red = {text: result for text, result in results.items() if result.judgement in RED}
    assert not red, f"ACCUSED {circumstance.name} {red}"
    known = {text: result for text, result in results.items() if circumstance.known(text)}
    unknown = {text: result for text, result in known.items() if result.judgement is not Judgement.AGREES}
    assert not unknown, f"ERROR {circumstance.name} {unknown}"
