"""What kind says when it fails, made short: its first ERROR, the output of the command behind it, and what to do.

Pure. kind writes everything to standard error and ends with 1 whatever the failure; with ``-v`` a Go stack trace
follows, and the same error may come again. Some failures are not the useful part of their own message.
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
    """What went wrong, what the failed command said (may be empty), and the remedy (may be empty)."""

    what: str
    output: str
    remedy: str


def known_error(stderr: str) -> KnownError:
    """The useful part of what kind said; its last line where there is no ERROR."""
    lines = [line.rstrip() for line in stderr.partition(_TRACE)[0].splitlines()]
    start = next((i for i, line in enumerate(lines) if line.startswith(_ERROR)), None)
    if start is None:
        said = [line for line in lines if line]
        return KnownError(said[-1] if said else "kind said nothing", "", _remedy(stderr))
    block = lines[start:]
    following = next((i for i, line in enumerate(block) if line.startswith(_ERROR) and i), len(block))
    what, output = _parted("\n".join(block[:following]))
    return KnownError(_short(what.removeprefix(_ERROR)), output, _remedy(f"{what}\n{output}"))


def _parted(text: str) -> tuple[str, str]:
    """The error itself, and the output of the command behind it, cut to size."""
    what, _, output = text.partition(_OUTPUT)
    lines = [_short(line) for line in output.strip().splitlines() if line.strip()]
    return what.strip(), "\n".join(lines[:_MOST_LINES])


def _short(text: str) -> str:
    return text if len(text) <= _MOST_COLUMNS else f"{text[: _MOST_COLUMNS - 3]}..."


_REMEDIES = (
    (r"Cannot connect to the Docker daemon", "start the engine, such as with `systemctl start docker`"),
    (
        r"permission denied while trying to connect",
        "let your user talk to the engine, such as with `sudo usermod -aG docker $USER`, and log in again",
    ),
    (r'"docker": executable file not found', "install docker, or podman"),
    (
        r'failed to pull image "(?P<image>[^"]+)"',
        "where there is a network, `docker pull {image}`; where there is none, `docker load` an archive of it; "
        "or name an image that is there with --kube-image",
    ),
    (
        r"unable to apply caps|operation not permitted|failed to create shim task",
        "this host does not let the engine run privileged containers, which kind's nodes are: use another host, or "
        "--cluster embedded",
    ),
    (
        r"kubeadm init .* exit status 12[67]",
        "this is no node image of kind's: name one of kind's releases with --kube-image",
    ),
    (
        r"failed to init node with kubeadm|failed to join node with kubeadm",
        "the node did not come up: see kubelet.log in the exported logs (--report-dir), and the host's memory, "
        "inotify limits and cgroup version",
    ),
    (
        r'node\(s\) already exist for a cluster with the name "(?P<name>[^"]+)"',
        "use it with --reuse-cluster {name}, or remove it with `kind delete cluster --name {name}`",
    ),
    (r"unable to decode config|error reading file", "mend kind-config.yaml; kind.sigs.k8s.io/docs/user/configuration"),
    (r"invalid (pod|service) subnet", "mend the subnet in kind-config.yaml, or in the file of the CNI"),
    (r"not present locally", "`docker pull` it first, or load an archive with --load-image"),
    (
        r"no nodes found for cluster|could not locate any control plane nodes",
        "there is no such cluster: `kind get clusters` lists them",
    ),
    (
        r"content digest sha256:\S+ not found",
        "the archive refers to platforms that it does not hold: make it with "
        "`docker save --platform linux/amd64 IMAGE -o FILE`",
    ),
    (
        r"failed to detect containerd snapshotter|unknown containerd config version",
        "this kind is older than the node image: install the kind release that the image belongs to, or name an "
        "image of this kind's release with --kube-image",
    ),
    (
        r"too many open files|could not find a line that matches|could not find a log line that matches",
        "raise the host's limits: `sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288`",
    ),
    (r"no space left on device", "make room on the disk of the engine, such as with `docker system prune`"),
)
"""What the message holds, and the remedy; the first that fits is taken, so the closer ones stand first."""


def _remedy(text: str) -> str:
    for pattern, remedy in _REMEDIES:
        if found := re.search(pattern, text):
            return remedy.format(**found.groupdict())
    return ""
