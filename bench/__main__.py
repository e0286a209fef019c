"""``python -m bench``: all figures in one run. Quote the ratios: seconds alone depend on the machine and its load."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import changes, explanations, manifests, messages, oracle, plugin_cost, real_agents
from bench.flows import flows
from netpol_harness.backends.base import Cluster
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.wait import wait_ready

RUNS = 5
PODS = 50
SAME_IMPORTS = (
    "import pytest, xdist.plugin, rich.table, "
    "netpol_harness.plugin, netpol_harness.runner.run, netpol_harness.kube.exec"
)
DAEMON_IMPORTS = "import netpol_harness.emulator.daemon"
Row = tuple[str, str, str, str]


def main() -> None:
    """Measure everything and print the table."""
    table = Table("benchmark", "measured", "against", "ratio", title="netpol-harness bench")
    console = Console(width=120)
    for section in (
        three_tier,
        agents,
        ready,
        hundred_pods,
        closed_world,
        oracle_tables,
        advice,
        stories,
        reading,
        comparing,
        plain_project,
    ):
        console.print(f"[dim]measuring {section.__name__} ...[/dim]")
        for row in section():
            table.add_row(*row)
    console.print(table)


def three_tier() -> Iterator[Row]:
    """Measure the main use, from a cold start, against a Python that only imports the same modules."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "scenarios/three_tier"]
    whole = _median(lambda: subprocess.run(command, check=True, capture_output=True))
    yield _row("pytest scenarios/three_tier, cold", whole, "bare start with the same imports", _start_of(SAME_IMPORTS))


def agents() -> Iterator[Row]:
    """Measure the main use with real policy engines; no row for those that this host does not have."""
    for name, theirs, own in real_agents.three_tier():
        yield _row(f"pytest scenarios/three_tier with {name}", theirs, "with the cluster's own rules", own)


def ready() -> Iterator[Row]:
    """Measure the time from the start of the cluster's process until its API answers and its name server runs."""

    def start_once() -> float:
        with tempfile.TemporaryDirectory() as directory:
            start = time.perf_counter()
            cluster = EmbeddedBackend().create("bench", Path(directory))
            seconds = time.perf_counter() - start
            EmbeddedBackend().delete(cluster.name, Path(directory))
            return seconds

    yield _row(
        "embedded cluster ready", median(start_once() for _ in range(RUNS)), "its imports", _start_of(DAEMON_IMPORTS)
    )


def hundred_pods() -> Iterator[Row]:
    """Measure 100 pods, created one after the other through the API, until all are Ready; against ten."""
    with running() as cluster:
        client = Client(Access.from_kubeconfig(cluster.kubeconfig))
        ten, hundred = (_pods_ready(client, f"bench-{count}", count) for count in (10, 100))
    yield _row("100 pods Ready", hundred, "10 pods Ready", ten)


def closed_world() -> Iterator[Row]:
    """Measure 50 x 50 pods through pod exec, all open and half dropped, against one process in the namespaces."""
    with running() as cluster:
        seconds = flows(cluster, PODS)
    floor = json.loads(
        subprocess.run(
            [sys.executable, "-m", "bench.floor", str(PODS), "0.2"], check=True, capture_output=True, text=True
        ).stdout
    )
    for state in ("open", "half"):
        name = "all open" if state == "open" else "half dropped"
        yield _row(f"{PODS * PODS} flows, {name}: one round", seconds[f"{state} round"], "one process", floor[state])
        yield _row(
            f"{PODS * PODS} flows, {name}: whole table, confirmed",
            seconds[f"{state} table"],
            "one process",
            floor[state],
        )


def oracle_tables() -> Iterator[Row]:
    """Measure all pairs of pods on four ports, as many policies as pods; against fewer pods, and pair by pair."""
    seconds = {count: median(oracle.table(count) for _ in range(RUNS)) for count in oracle.SIZES}
    for fewer, count in pairwise(oracle.SIZES):
        yield _row(f"oracle: all pairs of {count} pods", seconds[count], f"of {fewer} pods", seconds[fewer])
    count = 1000
    verdicts = count * count * len(oracle.PORTS) * oracle.verdict(count)
    yield _row(f"oracle: {count} pods, verdict by verdict (extrapolated)", verdicts, "by sets", seconds[count])


def advice() -> Iterator[Row]:
    """Measure the explanation of a path that is not as expected, among 100 pods and 100 policies."""
    pairs = [explanations.explanation() for _ in range(RUNS)]
    whole, prediction = (median(pair[side] for pair in pairs) for side in (0, 1))
    yield _row(f"explanation with edits, {explanations.COUNT} policies", whole, "one prediction", prediction)


def stories() -> Iterator[Row]:
    """Measure the report of a closed world with no cell as expected; against all as expected, and fewer pods."""
    seconds = {
        (count, red): median(messages.report(count, red=red) for _ in range(RUNS))
        for count in messages.SIZES
        for red in (False, True)
    }
    for count in messages.SIZES:
        yield _row(f"closed world of {count} pods reported, red", seconds[count, True], "green", seconds[count, False])
    for fewer, count in pairwise(messages.SIZES):
        yield _row(
            f"closed world of {count} pods reported, red",
            seconds[count, True],
            f"of {fewer} pods",
            seconds[fewer, True],
        )


def reading() -> Iterator[Row]:
    """Measure how long manifests take to read, in processor seconds; against PyYAML alone."""
    for count in manifests.APPLICATIONS:
        with tempfile.TemporaryDirectory() as directory:
            manifests.write(Path(directory), count)
            pairs = [manifests.loading(Path(directory)) for _ in range(RUNS)]
        whole, parsing = (median(pair[side] for pair in pairs) for side in (0, 1))
        yield _row(f"{3 * count} objects in {count} files read", whole, "PyYAML", parsing)


def comparing() -> Iterator[Row]:
    """Measure the comparison of two directories, in processor seconds; against reading them."""
    for count in changes.SIZES:
        with tempfile.TemporaryDirectory() as directory:
            before, after = Path(directory, "before"), Path(directory, "after")
            changes.write(before, count, changed=False)
            changes.write(after, count, changed=True)
            whole, read = changes.comparing(before, after)
        yield _row(f"{count} pods and {count} policies compared", whole, "reading them", read)


def plain_project() -> Iterator[Row]:
    """Measure a project without scenarios, with the plugin and without it, in processor seconds."""
    for mode, (with_plugin, without) in plugin_cost.costs().items():
        yield _row(
            f"{mode}, the plugin installed: {1000 * (with_plugin - without):.0f} ms more",
            with_plugin,
            "without",
            without,
        )


@contextmanager
def running() -> Iterator[Cluster]:
    """Run a cluster for one section."""
    with tempfile.TemporaryDirectory() as directory:
        backend = EmbeddedBackend()
        cluster = backend.create("bench", Path(directory))
        try:
            yield cluster
        finally:
            backend.delete(cluster.name, Path(directory))


def _pods_ready(client: Client, namespace: str, count: int) -> float:
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    start = time.perf_counter()
    for number in range(count):
        container = {"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}
        metadata = {"name": f"pod-{number}", "namespace": namespace}
        client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    wait_ready(client, [namespace], deadline=Deadline(60), interval=0.01)
    return time.perf_counter() - start


def _start_of(imports: str) -> float:
    return _median(lambda: subprocess.run([sys.executable, "-c", imports], check=True))


def _median(act: Callable[[], object]) -> float:
    """Return the median seconds, after one run that warms the caches."""
    act()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return median(times)


def _row(name: str, seconds: float, against: str, base: float) -> Row:
    return name, f"{seconds:.3f} s", f"{against}: {base:.3f} s", f"{seconds / base:.1f}"


if __name__ == "__main__":
    main()
