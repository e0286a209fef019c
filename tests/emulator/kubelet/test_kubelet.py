"""Pods of a real embedded cluster: sandboxes, stand-ins, names, external hosts, and their lives. Real packets."""

import json
import subprocess
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION, EXTERNAL_HOST_ANNOTATION, HIDE_TOOLS_ANNOTATION
from tests.emulator.kubelet.live_pods import curl, pod, shell

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    "target", ["db:3306", "headless:3306", "db.default.svc:3306", "db.default.svc.cluster.local:3306"]
)
def test_pods_reach_services_by_name(pods: Any, target: str) -> None:
    assert curl(pods, "web", target).stdout.startswith("db.default port 3306/TCP to 10.244.0.")


def test_a_pod_reaches_itself_and_its_own_loopback(pods: Any) -> None:
    assert curl(pods, "web", "127.0.0.1").stdout == "web.default port 80/TCP to 127.0.0.1\n"
    assert curl(pods, "web", pods.address("web")).stdout.startswith("web.default")


def test_udp_is_echoed(pods: Any) -> None:
    script = f"echo nonce-42 | nc -u -w1 {pods.address('db')} 53"
    assert pods.ok("exec", "web", "--", "sh", "-c", script) == "nonce-42\n"


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("db:3307", 7, "connect"),
        ("10.96.77.77", 7, "connect"),
        ("198.18.0.1", 7, "connect"),
        ("nosuch", 6, "resolve"),
        ("example.com", 6, "resolve"),
    ],
)
def test_unreachable_targets_fail_at_once(pods: Any, target: str, code: int, message: str) -> None:
    done = curl(pods, "web", target)
    assert (done.returncode, message in done.stderr) == (code, True)  # a time-out has another code


def test_external_hosts_are_outside(pods: Any) -> None:
    assert pods.address("user").startswith("203.0.113.")
    assert pods.address("partner") == "198.51.100.7"
    assert curl(pods, "user", f"{pods.address('web')}").stdout == f"web.default port 80/TCP to {pods.address('user')}\n"
    assert curl(pods, "web", "198.51.100.7").stdout.startswith("partner.default")
    assert curl(pods, "user", "db:3306").returncode == 6, "no cluster names out there"


def test_an_unavailable_address_is_an_event(pods: Any) -> None:
    wrong = pod("wrong", annotations={EXTERNAL_HOST_ANNOTATION: "10.244.0.77"})
    pods.ok("create", "-f", "-", data=json.dumps(wrong))
    assert pods.ok("get", "pod", "wrong", "-o", "jsonpath={.status.phase}") == "Pending"
    assert "10.244.0.77 belongs to the cluster" in pods.ok("describe", "pod", "wrong")
    pods.ok("delete", "pod", "wrong")


def test_host_network_pods_have_the_address_of_the_node(pods: Any) -> None:
    assert pods.address("agent") == "192.0.2.1"
    assert curl(pods, "web", "192.0.2.1:9100").stdout.startswith("agent.default")
    assert curl(pods, "agent", f"{pods.address('web')}").stdout == "web.default port 80/TCP to 192.0.2.1\n"


def test_a_dead_port_refuses_until_it_is_opened_again(pods: Any) -> None:
    pods.ok("annotate", "pod", "db", "netpol-harness/dead-ports=3306, 53/UDP")
    assert curl(pods, "web", "db:3306").returncode == 7
    assert pods.ok("get", "pod", "db", "-o", "jsonpath={.status.containerStatuses[0].ready}") == "true"
    pods.ok("annotate", "pod", "db", "netpol-harness/dead-ports-")
    assert curl(pods, "web", "db:3306").returncode == 0


def test_a_pod_listens_where_its_service_sends_and_its_probes_ask(pods: Any) -> None:
    probe = {"tcpSocket": {"port": 8081}, "initialDelaySeconds": 1}
    pods.run_pods(pod("quiet", container={"ports": [], "livenessProbe": probe}))
    at = pods.address("quiet")
    assert [curl(pods, "web", f"{at}:{number}").returncode for number in (8081, 8080, 9090)] == [0, 7, 7]
    pods.ok("expose", "pod", "quiet", "--port=80", "--target-port=8080")
    assert curl(pods, "web", "quiet").stdout.startswith("quiet.default port 8080/TCP")
    pods.ok("label", "pod", "db", "app=quiet", "--overwrite")
    assert curl(pods, "web", f"{pods.address('db')}:8080").returncode == 0
    pods.ok("label", "pod", "db", "app=db", "--overwrite")
    pods.ok("delete", "service", "quiet")
    assert curl(pods, "web", f"{at}:8080").returncode == 0, "a process goes on listening"
    assert "serving 8080/TCP" in pods.ok("logs", "quiet").splitlines()
    pods.ok("delete", "pod", "quiet")


def test_a_program_that_may_listen_keeps_its_ports(pods: Any) -> None:
    listening = {"image": "busybox", "command": ["sh", "-c", "exec nc -l -p 7070"], "ports": []}
    pods.run_pods(pod("program", container=listening))
    pods.ok("expose", "pod", "program", "--port=7071")
    assert curl(pods, "web", f"{pods.address('program')}:7071").returncode == 7
    pods.ok("delete", "pod,service", "program")


def test_logs_show_served_ports_and_requests(pods: Any) -> None:
    curl(pods, "web", "db:3306/some/path")
    lines = pods.ok("logs", "db").splitlines()
    assert {"serving 3306/TCP", "serving 53/UDP"} <= set(lines)
    assert '"GET /some/path" 200 on 3306/TCP' in lines[-1]


def test_events_are_described(pods: Any) -> None:
    text = pods.ok("describe", "pod", "web")
    assert "Successfully assigned default/web to embedded" in text
    assert "Started stand-in for container c" in text


def test_a_port_taken_twice_is_an_event(pods: Any) -> None:
    """The port of a well-known server, which no container declares, so that the scheduler does not know of it."""
    server = {"image": "nginx", "ports": []}
    pods.run_pods(*(pod(name, hostNetwork=True, container=server) for name in ("first", "second")))
    described = [pods.ok("describe", "pod", name) for name in ("first", "second")]
    assert ["cannot serve 80/TCP: Address already in use" in text for text in described] == [False, True]
    pods.ok("delete", "pod", "first", "second")


@pytest.mark.parametrize(
    "spec",
    [
        {"ports": [{"containerPort": 80, "hostPort": 9200}]},
        {"ports": [{"containerPort": 9200}], "hostNetwork": True},
    ],
    ids=["host port", "host network"],
)
def test_a_pod_waits_for_a_port_of_the_node(pods: Any, spec: dict[str, Any]) -> None:
    pods.run_pods(pod("first", **spec))
    pods.ok("create", "-f", "-", data=json.dumps(pod("second", **spec)))
    assert "didn't have free ports for the requested pod ports" in pods.ok("describe", "pod", "second")
    pods.ok("delete", "pod", "first")
    pods.ok("wait", "--for=condition=Ready", "pod/second", "--timeout=20s")
    assert curl(pods, "web", "192.0.2.1:9200").stdout.startswith("second.default port")
    assert curl(pods, "user", "192.0.2.1:9200").stdout.startswith("second.default port")
    pods.ok("delete", "pod", "second")


def test_a_new_pod_of_the_same_name_has_a_new_address(pods: Any) -> None:
    pods.run_pods(pod("again"))
    before = pods.address("again")
    pods.ok("delete", "pod", "again")
    assert curl(pods, "web", before).returncode == 7
    pods.run_pods(pod("again"))
    assert pods.address("again") != before
    pods.ok("delete", "pod", "again")


HAMMER = """
import errno, socket, sys, time
end, found = time.monotonic() + float(sys.argv[2]), set()
print("begun", flush=True)
while time.monotonic() < end:
    with socket.socket() as probe:
        probe.settimeout(0.05)
        try:
            probe.connect((sys.argv[1], 80))
            found.add("connected")
        except OSError as problem:
            found.add(errno.errorcode.get(problem.errno, "timeout"))
print(*sorted(found))
"""


def test_no_listener_opens_before_its_policy(pods: Any) -> None:
    policy = {"podSelector": {"matchLabels": {"app": "guarded"}}, "policyTypes": ["Ingress"]}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "guard"}}
    pods.ok("create", "-f", "-", data=json.dumps({**kind, "spec": policy}))
    pods.run_pods(pod("before"))
    network, _, last = pods.address("before").rpartition(".")
    coming = f"{network}.{int(last) + 1}"
    command = pods.command("exec", "web", "--", "python3", "-c", HAMMER, coming, "1.5")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as hammer:
        assert hammer.stdout is not None
        hammer.stdout.readline()
        pods.run_pods(pod("guarded"))
        assert pods.address("guarded") == coming
        assert pods.ok("exec", "guarded", "--", "curl", "-s", "127.0.0.1").startswith("guarded")
        outcomes = set(hammer.stdout.read().split())
    pods.ok("delete", "pod/before", "pod/guarded", "networkpolicy/guard")
    assert "timeout" in outcomes, "it was there, and guarded"
    assert "connected" not in outcomes  # refused it may be: it has an address before it has its policy and listeners


def test_an_init_container_runs_before_anything_listens(pods: Any) -> None:
    script = "curl -sS -m 1 127.0.0.1:80; echo code $?; curl -s db:3306; printf last"
    first = {"name": "first", "image": "agnhost", "command": ["sh", "-c", script]}
    pods.run_pods(pod("begun", initContainers=[first], annotations={HIDE_TOOLS_ANNOTATION: "curl"}))
    lines = pods.ok("logs", "begun", "-c", "first").splitlines()
    assert "code 7" in lines
    assert any(line.startswith("db.default port 3306/TCP to 10.244.0.") for line in lines)
    assert lines[-1] == "last"
    assert pods.field("begun", "{.status.initContainerStatuses[0].state.terminated.exitCode}") == "0"
    pods.ok("delete", "pod", "begun")


def test_a_failed_init_container_keeps_the_pod_pending_and_is_retried(pods: Any) -> None:
    first = {"name": "first", "image": "agnhost", "command": ["sh", "-c", "exit 3"]}
    pods.ok("create", "-f", "-", data=json.dumps(pod("stuck", initContainers=[first])))
    pods.wait_for("stuck", "{.status.initContainerStatuses[0].restartCount}", *map(str, range(1, 9)))
    assert pods.field("stuck", "{.status.phase}") == "Pending"
    pods.ok("delete", "pod", "stuck")


def test_a_completed_pod_frees_its_address_and_keeps_its_log(pods: Any) -> None:
    chosen = {CALICO_ADDRESSES_ANNOTATION: '["10.244.0.177"]'}
    job = shell("job", "echo done; id -u", restartPolicy="Never", annotations=chosen)
    pods.ok("create", "-f", "-", data=json.dumps(job))
    pods.wait_for("job", "{.status.phase}", "Succeeded")
    pods.run_pods(pod("heir", annotations=chosen))
    assert pods.address("job") == pods.address("heir") == "10.244.0.177"
    assert curl(pods, "web", "10.244.0.177").stdout.startswith("heir.default")
    assert pods.ok("logs", "job").startswith("done\n")
    assert "completed pod" in pods("exec", "job", "--", "true").stderr
    pods.ok("delete", "pod", "job", "heir")


def test_a_failed_pod_has_phase_failed(pods: Any) -> None:
    pods.ok("create", "-f", "-", data=json.dumps(shell("broken", "exit 4", restartPolicy="Never")))
    pods.wait_for("broken", "{.status.phase}", "Failed")
    assert pods.field("broken", "{.status.containerStatuses[0].state.terminated.exitCode}") == "4"
    pods.ok("delete", "pod", "broken")


def test_a_program_dies_with_its_pod(pods: Any) -> None:
    pods.run_pods(shell("doomed", "sleep 7531"))
    pods.ok("delete", "pod", "doomed")
    for _ in Deadline(3).ticks(0.02):
        if "sleep 7531" not in pods.ok("exec", "web", "--", "ps", "-eo", "args"):
            return
    pytest.fail("it lives on")


@pytest.mark.parametrize("hook", [{"exec": {"command": ["sleep", "7532"]}}, {"sleep": {"seconds": 7532}}])
def test_a_pre_stop_hook_keeps_the_pod_running_for_its_grace_period(pods: Any, hook: dict[str, Any]) -> None:
    leaving = pod("leaving", container={"lifecycle": {"preStop": hook}})
    pods.run_pods(leaving)
    pods.ok("delete", "pod", "leaving", "--wait=false", "--grace-period=600")
    assert pods.field("leaving", "{.metadata.deletionGracePeriodSeconds}") == "600"
    assert curl(pods, "web", pods.address("leaving")).stdout.startswith("leaving.default")
    assert "sleep 7532" in pods.ok("exec", "leaving", "--", "ps", "-eo", "args")
    pods.ok("delete", "pod", "leaving", "--force", "--grace-period=0")
    assert "not found" in pods("get", "pod", "leaving").stderr


@pytest.mark.parametrize(
    ("command", "grace"), [(["true"], "600"), (["no-such-program"], "600"), (["sleep", "60"], "1")]
)
def test_termination_ends_with_the_hook_or_the_grace_period(pods: Any, command: list[str], grace: str) -> None:
    pods.run_pods(pod("brief", container={"lifecycle": {"preStop": {"exec": {"command": command}}}}))
    pods.ok("delete", "pod", "brief", f"--grace-period={grace}", "--timeout=10s")


@pytest.mark.parametrize("wanted", ["192.0.2.9", "10.244.1.5", "10.244.0.255"])
def test_an_unavailable_chosen_address_is_an_event(pods: Any, wanted: str) -> None:
    annotations = {CALICO_ADDRESSES_ANNOTATION: json.dumps([wanted])}
    pods.ok("create", "-f", "-", data=json.dumps(pod("picky", annotations=annotations)))
    assert pods.field("picky", "{.status.phase}") == "Pending"
    assert f"{wanted} is not an address of a pod on this node" in pods.ok("describe", "pod", "picky")
    pods.ok("delete", "pod", "picky")


def test_a_pod_waits_for_a_chosen_address_in_use(pods: Any) -> None:
    annotations = {CALICO_ADDRESSES_ANNOTATION: json.dumps([pods.address("db")])}
    pods.ok("create", "-f", "-", data=json.dumps(pod("rival", annotations=annotations)))
    assert "is in use" in pods.ok("describe", "pod", "rival")
    pods.ok("delete", "pod", "rival")


def test_http_connections_stay_open_for_several_requests(pods: Any) -> None:
    script = "curl -sv -m 3 db:3306 db:3306/hostname 2>&1 | grep -i 're-us'"
    assert "Re-us" in pods.ok("exec", "web", "--", "sh", "-c", script)


@pytest.mark.parametrize(
    "end", [["delete", "pod", "one", "--wait=true"], ["label", "pod", "one", "app=other", "--overwrite"]]
)
def test_an_open_datagram_flow_leaves_a_removed_endpoint(pods: Any, end: list[str]) -> None:
    ports = [{"containerPort": 5000, "protocol": "UDP"}]
    backends = [pod(name, ports=ports) for name in ("one", "two")]
    for backend in backends:
        backend["metadata"]["labels"] = {"app": "echo"}
    pods.run_pods(backends[0])
    service = {"selector": {"app": "echo"}, "ports": [{"port": 5000, "protocol": "UDP"}]}
    pods.ok(
        "create",
        "-f",
        "-",
        data=json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "echo"}, "spec": service}),
    )
    script = "echo hostname | timeout 2 nc -u -p 42000 -w 2 -W 1 echo 5000"
    assert pods.ok("exec", "web", "--", "sh", "-c", script) == "one"
    pods.run_pods(backends[1])
    assert pods.ok("exec", "web", "--", "sh", "-c", script) == "one", "the flow keeps its endpoint"
    pods.ok(*end)
    assert pods.ok("exec", "web", "--", "sh", "-c", script) == "two"
    pods.ok("delete", "pod/two", "service/echo")
    pods.ok("delete", "pod/one", "--ignore-not-found")
