"""What a scenario run works with."""

from dataclasses import dataclass

from netpol_harness.backends.base import Backend, Cluster
from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.kube.client import Client
from netpol_harness.probe.prober import Prober
from netpol_harness.results.proof import Proof
from netpol_harness.runner.external_hosts import ExecRouter
from netpol_harness.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class RunContext:
    """One cluster, the clients of its API and of its pods, the run's directory and the durations that apply."""

    cluster: Cluster
    client: Client
    prober: Prober
    timeouts: Timeouts
    run_directory: RunDirectory
    backend: Backend
    router: ExecRouter
    proof: Proof = Proof.LIFT
