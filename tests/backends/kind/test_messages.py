"""kind's error texts, as recorded from kind v0.33.0, and the remedy for each."""

import pytest

from netpol_harness.backends.kind.messages import known_error

NODE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
CGROUP = (
    "cgroup v1 is deprecated in Kubernetes and will not be supported in a future kind release, "
    "please upgrade to cgroup v2\n"
)
CREATE = "ERROR: failed to create cluster: "


@pytest.mark.parametrize(
    ("stderr", "problem", "output", "remedy"),
    [
        pytest.param(
            f'{CREATE}failed to pull image "{NODE}": command "docker pull {NODE}" failed with error: exit status 1\n\n'
            'Command Output: Error response from daemon: Get "https://REGISTRY/v2/": dial tcp: lookup REGISTRY: '
            "no such host",
            f'failed to create cluster: failed to pull image "{NODE}"',
            "no such host",
            f"`docker pull {NODE}`",
            id="no image, no registry",
        ),
        pytest.param(
            "Preparing nodes 📦  ✗ Preparing nodes 📦\n"
            'Deleted nodes: ["demo-control-plane"]\n'
            f'{CREATE}command "docker run --name demo-control-plane --privileged" failed with error: exit status 125\n'
            "Command Output: 0123abcd\n"
            "docker: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create "
            "failed: unable to start container process: unable to apply caps: operation not permitted: unknown",
            'failed to create cluster: command "docker run',
            "unable to apply caps",
            "privileged containers",
            id="engine without the capability",
        ),
        pytest.param(
            f'{CREATE}failed to init node with kubeadm: command "docker exec --privileged demo-control-plane kubeadm '
            'init --config=/kind/kubeadm.conf --skip-token-print --v=6" failed with error: exit status 126',
            "failed to init node with kubeadm",
            "",
            "not a node image",
            id="no kubeadm in the image",
        ),
        pytest.param(
            f'{CREATE}failed to init node with kubeadm: command "docker exec demo kubeadm init" failed with error: '
            "exit status 1\nCommand Output: [init] timed out",
            "failed to init node",
            "[init] timed out",
            "kubelet.log",
            id="kubeadm fails",
        ),
        pytest.param(
            f'{CREATE}node(s) already exist for a cluster with the name "demo"',
            "node(s) already exist",
            "",
            "--reuse-cluster demo, or remove it with `kind delete cluster --name demo`",
            id="cluster exists",
        ),
        pytest.param(
            f"{CREATE}failed to get docker info: command \"docker info --format '{{{{json .}}}}'\" failed with error: "
            'exit status 1\nCommand Output: {"ID":""}\n'
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "failed to get docker info",
            "Is the docker daemon running?",
            "systemctl start docker",
            id="daemon down",
        ),
        pytest.param(
            f'{CREATE}failed to get docker info: command "docker info" failed with error: exec: "docker": executable '
            "file not found in $PATH",
            "failed to get docker info",
            "",
            "install docker",
            id="no docker",
        ),
        pytest.param(
            f"{CREATE}unable to decode config: yaml: unmarshal errors:\n"
            "  line 3: field disableDefaultCni not found in type v1alpha4.Networking",
            "line 3: field disableDefaultCni not found",
            "",
            "fix kind-config.yaml",
            id="unknown config field",
        ),
        pytest.param(
            f'{CREATE}invalid pod subnet failed to parse cidr value:"1.2.3" with error: invalid CIDR address: 1.2.3',
            "invalid pod subnet",
            "",
            "fix the subnet",
            id="bad CIDR",
        ),
        pytest.param(
            f"{CREATE}error reading file: open /nonexist.yaml: no such file or directory",
            "error reading file",
            "",
            "fix kind-config.yaml",
            id="no config file",
        ),
        pytest.param(
            'ERROR: image: "nosuch:1" not present locally',
            'image: "nosuch:1" not present locally',
            "",
            "--load-image",
            id="load an image that is not here",
        ),
        pytest.param(
            'ERROR: no nodes found for cluster "nosuch"',
            'no nodes found for cluster "nosuch"',
            "",
            "`kind get clusters`",
            id="load into no cluster",
        ),
        pytest.param(
            "ERROR: could not locate any control plane nodes for cluster named 'nosuch'. "
            "Use the --name option to select a different cluster",
            "could not locate any control plane nodes",
            "",
            "`kind get clusters`",
            id="kubeconfig of no cluster",
        ),
        pytest.param(
            'ERROR: failed to load image: command "docker exec --privileged -i demo ctr" failed with error: exit 1\n'
            "Command Output: ctr: content digest sha256:0123: not found",
            "failed to load image",
            "content digest",
            "docker save --platform",
            id="an archive of several platforms",
        ),
        pytest.param(
            "ERROR: failed to load image: failed to detect containerd snapshotter",
            "failed to detect containerd snapshotter",
            "",
            "older than the node image",
            id="kind older than the image",
        ),
    ],
)
@pytest.mark.parametrize("before", ["", CGROUP])
def test_recorded_failures(before: str, stderr: str, problem: str, output: str, remedy: str) -> None:
    error = known_error(before + stderr)
    assert problem in error.problem
    assert not error.problem.startswith("ERROR")
    assert output in error.output
    assert remedy in error.remedy
    assert CGROUP.strip() not in f"{error.problem}{error.output}"


def test_only_the_first_error_counts_and_no_stack_trace() -> None:
    output = (
        "ERROR: first\nCommand Output: a\n\nb\nERROR: second\nCommand Output: c\n\nStack Trace:\nERROR: third\nmain.go"
    )
    assert (known_error(output).problem, known_error(output).output) == ("first", "a\nb")


def test_without_an_error_the_last_line_is_the_problem() -> None:
    assert known_error("a\nsomething odd\n\n").problem == "something odd"
    assert known_error("").problem == "kind wrote no message"


def test_long_output_is_shortened() -> None:
    error = known_error("ERROR: x\nCommand Output: " + "\n".join("y" * 5000 for _ in range(500)))
    assert len(error.output) < 5000
