"""Agents as data, and programs that play one in an embedded cluster."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.base import Cluster
from netpol_harness.backends.embedded.agents import Agent, load, shipped
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.embedded.options import EmbeddedFactory, EmbeddedOptions
from netpol_harness.deadline import Deadline
from netpol_harness.emulator.agent.program import AgentProgram
from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import ObjectKey
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

DEFINITION = """
title: An engine
binary: engine
install: "build it"
needs: [no-such-program]
command: ["--node={node}"]
"""


def write_program(path: Path, text: str = "#!/bin/sh\necho engine v1.2.3 of 2026\n") -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_shipped_agents_are_valid() -> None:
    assert {definition.name for definition in shipped()} >= {"kube-router", "kube-network-policies"}


def test_an_unknown_agent_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ClusterFailed, match="no such agent; did you mean kube-router"):
        load("kube-rooter")


def test_all_problems_of_a_definition_come_at_once_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "engine.yaml"
    path.write_text("title: An engine\nbinary: ../engine\ncommando: []\n")
    with pytest.raises(ClusterFailed) as caught:
        load(str(path))
    assert "engine.yaml:2:9" in str(caught.value)
    assert "engine.yaml:3:1" in str(caught.value)
    assert "'install' is missing" in str(caught.value)


def test_what_this_host_lacks_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    path = tmp_path / "engine.yaml"
    path.write_text(DEFINITION)
    with pytest.raises(ClusterFailed, match="there is no engine in PATH; get it by: build it"):
        load(str(path)).agent()
    with pytest.raises(ClusterFailed, match="it needs no-such-program, which this host does not have"):
        load(str(path)).agent(write_program(tmp_path / "engine"))


def test_the_kernel_is_asked_whether_it_takes_the_rules(tmp_path: Path) -> None:
    path, program = tmp_path / "engine.yaml", write_program(tmp_path / "engine")
    rules = "table inet t { chain c { type filter hook forward priority 0; VERDICT; }; }"
    for verdict, fits in (("drop", True), ("no-such-verdict", False)):
        text = DEFINITION.replace("needs: [no-such-program]", f"rules: {rules.replace('VERDICT', verdict)}")
        path.write_text(text)
        assert (load(str(path)).missing == ()) is fits
    with pytest.raises(ClusterFailed, match="it needs a kernel that takes its rules"):
        load(str(path)).agent(program)
    path.write_text(f"{text}module: nft_queue\n")
    with pytest.raises(ClusterFailed, match=r"it needs a kernel with nft_queue \(try: modprobe nft_queue; its rules"):
        load(str(path)).agent(program)


def test_the_version_is_that_of_the_go_module_or_what_the_program_prints(tmp_path: Path) -> None:
    path = tmp_path / "engine.yaml"
    path.write_text(DEFINITION.replace("needs: [no-such-program]", "version: [--version]"))
    printed = load(str(path)).agent(write_program(tmp_path / "printing"))
    assert printed.title == "An engine v1.2.3"
    built = write_program(tmp_path / "built", "\x7fELF\npath\tx\nmod\tgithub.com/x/engine/v2\tv2.1.0\th1:abc=\n")
    assert load(str(path)).agent(built).program.version == "v2.1.0"


def test_an_agent_and_a_mutant_exclude_each_other() -> None:
    options = EmbeddedOptions(mutant="not-enforced", agent="kube-router")
    with pytest.raises(ClusterFailed, match="exclude each other"):
        EmbeddedFactory(options).backend("run", lambda _: None)


def agent(script: str, interfaces: str = "", objects: Sequence[JsonObject] = ()) -> Agent:
    program = AgentProgram(
        name="player",
        version="v1.0",
        argv=("/bin/sh", "-c", script),
        environment={"WORD": "at {address}"},
        interfaces=interfaces,
        waits=bool(objects),
    )
    return Agent("A player v1.0", program, objects=tuple(objects))


@contextmanager
def running(directory: Path, player: Agent, nodes: int = 1) -> Iterator[tuple[EmbeddedBackend, Cluster]]:
    backend = EmbeddedBackend(agent=player, nodes=nodes)
    cluster = backend.create("played", directory)
    try:
        yield backend, cluster
    finally:
        backend.delete(cluster.name, directory)


def api(cluster: Cluster) -> Client:
    return Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))


def wait_for(path: Path, text: str, times: int = 1) -> str:
    for _ in Deadline(20).ticks(0.02):
        found = path.read_text() if path.exists() else ""
        if found.count(text) >= times:
            return found
    pytest.fail(f"{path.name} does not hold {text!r} {times} times: {found}")


def pod(name: str, annotations: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "annotations": dict(annotations)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }


ASK = """
account=/var/run/secrets/kubernetes.io/serviceaccount
echo "$WORD"
while sleep 0.1; do
  curl -sS --cacert $account/ca.crt -H "Authorization: Bearer $(cat $account/token)" \\
    "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/default/pods"
  ls /sys/class/net
done
"""


def test_an_agent_reads_the_api_as_a_pod_would_and_sees_no_hosts_outside(tmp_path: Path) -> None:
    with running(tmp_path, agent(ASK, "cali")) as (backend, cluster):
        client = api(cluster)
        client.create(pod("outside", {EXTERNAL_HOST_ANNOTATION: ""}))
        client.create(pod("inside", {}))
        seen = wait_for(tmp_path / "agent.log", '"podIP":"10.244.')
        assert "at 192.0.2.1" in seen
        assert "outside" not in seen
        assert "cali6e3af3cfe93" in wait_for(tmp_path / "agent.log", "cali")
        (node,) = client.list("v1", "Node")
        assert "player v1.0" in node["metadata"]["annotations"].values()
        assert backend.failure(cluster) == ""
        assert cluster.dataplane.endswith("policies by A player v1.0")


CALICO = """
account=/var/run/secrets/kubernetes.io/serviceaccount
for resource in tiers networkpolicies clusterinformations/default; do
  curl -sS --cacert $account/ca.crt -H "Authorization: Bearer $(cat $account/token)" \\
    "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/apis/crd.projectcalico.org/v1/$resource"
done
echo; echo read
exec sleep 1000
"""


def test_what_an_agent_needs_exists_before_it_starts(tmp_path: Path) -> None:
    definition = load("felix")
    objects = definition.agent(write_program(tmp_path / "calico-node", "#!/bin/sh\necho v3.32.1\n")).objects
    with running(tmp_path, agent(CALICO, objects=objects)):
        seen = wait_for(tmp_path / "agent.log", "read")
    for name in ("kube-admin", "kube-baseline", '"datastoreReady":true', "crd.projectcalico.org/v1"):
        assert name in seen
    assert "not found" not in seen


def test_a_definition_that_extends_another_changes_what_it_writes() -> None:
    base, variant = load("felix"), load("felix-nftables")
    assert (variant.binary, variant.command, variant.objects) == (base.binary, base.command, base.objects)
    assert variant.title == "Calico's Felix (nftables)"
    assert set(variant.needs) == {"nft", *base.needs}, "it removes the rules of the other mode when it starts"
    assert "FELIX_DebugSkipCTLBCleanup" in base.environment, "Felix asks the environment for it in this very case"
    assert variant.environment == {**base.environment, "FELIX_NFTABLESMODE": "Enabled"}


def test_a_named_interface_is_free_again_when_its_pod_is_gone(tmp_path: Path) -> None:
    with running(tmp_path, agent("sleep 1000", "cali")) as (_, cluster):
        client = api(cluster)
        for _ in range(3):
            client.create(pod("again", {}))
            for _ in Deadline(10).ticks(0.02):
                (found,) = client.list("v1", "Pod", namespace="default")
                if found["status"]["phase"] == "Running":
                    break
            assert found["status"]["phase"] == "Running"
            client.delete(ObjectKey("v1", "Pod", "default", "again"))
            for _ in Deadline(10).ticks(0.02):
                if not client.list("v1", "Pod", namespace="default"):
                    break


def test_an_agent_is_restarted_by_a_new_process(tmp_path: Path) -> None:
    with running(tmp_path, agent("echo started $$; exec sleep 1000")) as (backend, cluster):
        wait_for(tmp_path / "agent.log", "started")
        backend.restart_agent(cluster)
        first, second = wait_for(tmp_path / "agent.log", "started", 2).splitlines()
        assert first != second
        assert backend.failure(cluster) == ""


ON_NODES = """
account=/var/run/secrets/kubernetes.io/serviceaccount
code=$(curl -sS --cacert $account/ca.crt -H "Authorization: Bearer $(cat $account/token)" -o /dev/null \\
  -w '%{http_code}' "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/nodes/$NODE_NAME")
echo "started $WORD: $code"
exec sleep 1000
"""


def test_every_node_has_an_agent_that_is_restarted_with_the_others(tmp_path: Path) -> None:
    with running(tmp_path, agent(ON_NODES), nodes=2) as (backend, cluster):
        logs = {"192.0.2.1": tmp_path / "agent.log", "192.0.2.3": tmp_path / "agent-embedded-worker.log"}
        for address, log in logs.items():
            assert wait_for(log, "started") == f"started at {address}: 200\n"
        backend.restart_agent(cluster)
        for log in logs.values():
            wait_for(log, "started", 2)
        assert backend.failure(cluster) == ""
        (tmp_path / "logs").mkdir()
        backend.collect_logs(cluster, tmp_path / "logs")
        assert {log.name for log in logs.values()} <= {path.name for path in (tmp_path / "logs").iterdir()}


def test_the_end_of_one_nodes_agent_is_the_end_of_the_cluster(tmp_path: Path) -> None:
    script = '[ "$WORD" = "at 192.0.2.1" ] && exec sleep 1000; echo worn out; exit 3'
    with running(tmp_path, agent(script), nodes=2):
        failure = wait_for(tmp_path / "agent.failure", "exit code")
        assert failure == "the agent player v1.0 has ended with exit code 3; its log ends: worn out"
        assert failure in wait_for(tmp_path / "stderr.log", "exit code 3")


def test_the_end_of_an_agent_is_the_end_of_its_cluster(tmp_path: Path) -> None:
    with running(tmp_path, agent("echo out of memory; exit 3")) as (backend, cluster):
        failure = wait_for(tmp_path / "agent.failure", "exit code")
        assert failure == "the agent player v1.0 has ended with exit code 3; its log ends: out of memory"
        assert backend.failure(cluster) == failure
        assert failure in wait_for(tmp_path / "stderr.log", "exit code 3")


def test_nothing_of_an_agent_outlives_its_cluster(tmp_path: Path) -> None:
    with running(tmp_path, agent("setsid sleep 54321 & echo started; exec sleep 54322")):
        wait_for(tmp_path / "agent.log", "started")
    assert not [argv for argv in _command_lines() if b"54321" in argv or b"54322" in argv]


def test_a_cluster_whose_process_is_killed_has_failed(tmp_path: Path) -> None:
    with running(tmp_path, agent("exec sleep 1000")) as (backend, cluster):
        assert backend.failure(cluster) == ""
        pid = int((tmp_path / "embedded.pid").read_text())
        os.kill(pid, 9)
        for _ in Deadline(10).ticks(0.02):
            if failure := backend.failure(cluster):
                break
        assert failure.startswith("the embedded cluster played has ended")


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


def test_the_program_is_handed_over_as_data(tmp_path: Path) -> None:
    player = agent("sleep 1000")
    with running(tmp_path, player):
        assert AgentProgram.parse(json.loads((tmp_path / "agent.json").read_text())) == player.program
