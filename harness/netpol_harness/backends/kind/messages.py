"""The useful part of kind's error output: its first ERROR, the output of the failed command, and a remedy. Pure.

kind writes everything to standard error and exits with 1 for every failure. With ``-v`` a Go stack trace follows, and
the same error may be repeated. For some failures the error itself is not the useful part.
"""

import re
from dataclasses import dataclass

_ERROR = "ERROR: "
_OUTPUT = "Command Output:"
_TRACE = "Stack Trace:"
_MOST_LINES = 12
_MOST_COLUMNS = 400


@dataclass(frozen=True, slots=True)
class KnownError:
    """An error of kind. ``output`` of the failed command and ``remedy`` may be empty."""

    problem: str
    output: str
    remedy: str


def known_error(stderr: str) -> KnownError:
    """Return the useful part of kind's standard error; its last line if there is no ERROR."""
    lines = [line.rstrip() for line in stderr.partition(_TRACE)[0].splitlines()]
    start = next((i for i, line in enumerate(lines) if line.startswith(_ERROR)), None)
    if start is None:
        messages = [line for line in lines if line]
        return KnownError(messages[-1] if messages else "kind wrote no message", "", _remedy(stderr))
    block = lines[start:]
    following = next((i for i, line in enumerate(block) if line.startswith(_ERROR) and i), len(block))
    problem, output = _split("\n".join(block[:following]))
    return KnownError(_shorten(problem.removeprefix(_ERROR)), output, _remedy(f"{problem}\n{output}"))


def _split(text: str) -> tuple[str, str]:
    """Return the error itself, and the shortened output of the failed command."""
    problem, _, output = text.partition(_OUTPUT)
    lines = [_shorten(line) for line in output.strip().splitlines() if line.strip()]
    return problem.strip(), "\n".join(lines[:_MOST_LINES])


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_COLUMNS else f"{text[: _MOST_COLUMNS - 3]}..."


_REMEDIES = (
    (r"Cannot connect to the Docker daemon", "start the engine, such as with `systemctl start docker`"),
    (
        r"permission denied while trying to connect",
        "allow your user to use the engine, such as with `sudo usermod -aG docker $USER`, and log in again",
    ),
    (r'"docker": executable file not found', "install docker, or podman"),
    (
        r'failed to pull image "(?P<image>[^"]+)"',
        "`docker pull {image}`; without a network, `docker load` an archive of it, or choose an image that the engine "
        "has with --kube-image",
    ),
    (
        r"unable to apply caps|operation not permitted|failed to create shim task",
        "this host does not let the engine run privileged containers, which kind's nodes are: use another host or "
        "--cluster embedded",
    ),
    (
        r"kubeadm init .* exit status 12[67]",
        "this is not a node image of kind: choose one of kind's releases with --kube-image",
    ),
    (
        r"failed to init node with kubeadm|failed to join node with kubeadm",
        "the node did not start: see kubelet.log in the exported logs (--report-dir), and check the host's memory, "
        "inotify limits and cgroup version",
    ),
    (
        r'node\(s\) already exist for a cluster with the name "(?P<name>[^"]+)"',
        "use it with --reuse-cluster {name}, or remove it with `kind delete cluster --name {name}`",
    ),
    (
        r"unable to decode config|error reading file",
        "fix kind-config.yaml; see kind.sigs.k8s.io/docs/user/configuration",
    ),
    (r"invalid (pod|service) subnet", "fix the subnet in kind-config.yaml or in the CNI's definition"),
    (r"not present locally", "`docker pull` it first, or load an archive with --load-image"),
    (
        r"no nodes found for cluster|could not locate any control plane nodes",
        "there is no such cluster: `kind get clusters` lists them",
    ),
    (
        r"content digest sha256:\S+ not found",
        "the archive refers to platforms that it does not contain: create it with "
        "`docker save --platform linux/amd64 IMAGE -o FILE`",
    ),
    (
        r"failed to detect containerd snapshotter|unknown containerd config version",
        "this kind is older than the node image: install the kind release of the image, or choose an image of this "
        "kind's release with --kube-image",
    ),
    (
        r"too many open files|could not find a line that matches|could not find a log line that matches",
        "raise the host's limits: `sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288`",
    ),
    (r"no space left on device", "make room on the disk of the engine, such as with `docker system prune`"),
)
"""Pattern of a message -> remedy. The first match is taken, so the specific patterns come first."""


def _remedy(text: str) -> str:
    for pattern, remedy in _REMEDIES:
        if match := re.search(pattern, text):
            return remedy.format(**match.groupdict())
    return ""
