"""What true clusters may be like, as values: admission, shells, networks and policy agents that are a nuisance."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ExecFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import Exec, ExecReply
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.names import NamespacedName, ObjectKey
from tests.liars.network.wire import Wire

Webhook = Callable[[JsonMapping], JsonMapping]
"""From a pod as it was sent to the API, to the pod that the API stores."""

Network = Callable[[Wire, Sequence[str]], AbstractContextManager[None]]
"""Changes the node's network for some pods, by their addresses."""

NAME_SERVER, NODE = "15053", "192.0.2.1"
SIDECAR = "mesh-proxy"


class AdmittingClient(Client):
    """A client whose API server has a mutating webhook for pods, and refuses some objects and subresources."""

    def __init__(self, access: Access, circumstance: "Circumstance") -> None:
        super().__init__(access)
        self._webhook = circumstance.webhook
        self._refused = frozenset(circumstance.refused)
        self._only_at_work = circumstance.only_at_work

    def create(self, data: JsonMapping) -> JsonObject:
        """Create the object as the webhook has changed it."""
        self._admit(data["kind"] + "/" + data["metadata"]["name"])
        return super().create(self._webhook(data) if data["kind"] == "Pod" else data)

    def create_dry_run(self, data: JsonMapping) -> None:
        """Have the object admitted as ``create`` would."""
        if not self._only_at_work:
            self._admit(data["kind"] + "/" + data["metadata"]["name"])
        super().create_dry_run(data)

    def patch_subresource(self, key: ObjectKey, subresource: str, patch: JsonMapping) -> JsonObject:
        """Change a subresource if that is allowed."""
        self._admit(subresource)
        return super().patch_subresource(key, subresource, patch)

    def _admit(self, what: str) -> None:
        if what in self._refused:
            raise ApiError(403, "Forbidden", f"{what} is forbidden: exceeded quota")


@dataclass(frozen=True, slots=True)
class Circumstance:
    """``command`` changes what runs for an exec, ``reply`` what comes back. ``seconds`` is the settle deadline.
    ``only_at_work``: a dry run is not ``refused``.

    ``known`` are the paths of which something can be known in spite of it, by their texts.
    """

    name: str
    webhook: Webhook = lambda pod: pod
    refused: tuple[str, ...] = ()
    only_at_work: bool = False
    refuse_exec: Callable[[str], bool] = lambda container: False
    script: Callable[[bytes], bytes] = lambda text: text
    reply: Callable[[ExecReply], ExecReply] = lambda reply: reply
    environment: tuple[str, ...] = ()
    network: Network | None = None
    mutant: str = ""
    seconds: float = 0.2
    known: Callable[[str], bool] = lambda text: True


@dataclass(slots=True)
class NuisanceExec:
    """An exec in the circumstance's containers."""

    pods: Exec
    circumstance: Circumstance
    calls: list[str] = field(default_factory=list)

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command."""
        case = self.circumstance
        self.calls.append(container)
        if case.refuse_exec(container):
            raise ExecFailed('exec: "sh": executable file not found in $PATH')
        argv = ("env", *case.environment, *argv) if case.environment else argv
        return case.reply(self.pods(pod, argv, stdin=case.script(stdin), deadline=deadline, container=container))


def _sidecar(position: str, **fields: object) -> Webhook:
    def webhook(pod: JsonMapping) -> JsonMapping:
        added = {"name": SIDECAR, "image": "sidecar", **fields}
        own = pod["spec"]["containers"]
        containers = [added, *own] if position == "first" else [*own, added]
        return {**pod, "spec": {**pod["spec"], "containers": containers}}

    return webhook


def _default_container(webhook: Webhook) -> Webhook:
    """Have the webhook make its container the one that kubectl takes."""

    def changed(pod: JsonMapping) -> JsonMapping:
        annotations = {**(pod["metadata"].get("annotations") or {}), "kubectl.kubernetes.io/default-container": SIDECAR}
        pod = webhook(pod)
        return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}

    return changed


def _init_container(pod: JsonMapping) -> JsonMapping:
    added = {"name": SIDECAR, "image": "sidecar", "restartPolicy": "Always"}
    return {**pod, "spec": {**pod["spec"], "initContainers": [added]}}


def _rule(*rules: str, **where: object) -> Network:
    return lambda wire, _: wire.rules(*rules, **where)  # type: ignore[arg-type]


def _slow_names(seconds: float) -> Network:
    """Names that are answered late: by a server that passes the question on to the cluster's own."""

    @contextmanager
    def network(wire: Wire, sources: Sequence[str]) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(wire.serving(SLOW_NAMES, NAME_SERVER, str(seconds)))
            text = f"ip saddr {{ {', '.join(sources)} }} udp dport 53 dnat to {NODE}:{NAME_SERVER}"
            stack.enter_context(wire.rules(text, hook="prerouting", priority=-150, kind="nat"))
            yield

    return network


SLOW_NAMES = """
import socket, socketserver, sys, time
port, seconds = int(sys.argv[1]), float(sys.argv[2])
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data, server = self.request
        time.sleep(seconds)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
            upstream.settimeout(2)
            upstream.sendto(data, ("10.96.0.10", 53))
            server.sendto(upstream.recv(4096), self.client_address)
server = socketserver.ThreadingUDPServer(("0.0.0.0", port), Handler)
print("ready", flush=True)
server.serve_forever()
"""
"""A name server that asks the cluster's own after a while."""

GARBAGE = b"\x1b[31mWelcome!\r\n[0 0 0 0]\n\xff\xfe\n"


def _noisy(reply: ExecReply) -> ExecReply:
    return ExecReply(reply.exit_code, GARBAGE + reply.stdout + GARBAGE, GARBAGE + reply.stderr, reply.broken)


def _profile(text: str) -> Callable[[bytes], bytes]:
    """What a shell reads before the script: a profile that it cannot be kept from."""
    return lambda script: text.encode() + script


_nothing: Callable[[str], bool] = lambda text: False  # noqa: E731
_by_address: Callable[[str], bool] = lambda text: "svc:" not in text  # noqa: E731

CIRCUMSTANCES: tuple[Circumstance, ...] = (
    Circumstance("none"),
    Circumstance("sidecar-first", _sidecar("first")),
    Circumstance("sidecar-last", _sidecar("last")),
    Circumstance("sidecar-first-and-default", _default_container(_sidecar("first"))),
    Circumstance("sidecar-of-init-containers", _init_container),
    Circumstance("sidecar-serves-ports", _sidecar("first", image="agnhost", args=["netexec"])),
    Circumstance("sidecar-declares-first-unused-port", _sidecar("first", ports=[{"containerPort": 47}])),
    Circumstance("sidecar-without-shell-first", _sidecar("first"), refuse_exec=lambda name: name == SIDECAR),
    Circumstance("sidecar-without-shell-last", _sidecar("last"), refuse_exec=lambda name: name == SIDECAR),
    Circumstance(
        "sidecar-without-shell-default",
        _default_container(_sidecar("first")),
        refuse_exec=lambda name: name in ("", SIDECAR),
    ),
    Circumstance("only-the-sidecar-has-a-shell", _sidecar("last"), refuse_exec=lambda name: name in ("", "c")),
    Circumstance("noisy-streams", reply=_noisy),
    Circumstance("noisy-profile", script=_profile("echo Welcome; echo Welcome >&2; printf '[1 2 3 4]\\n'\n")),
    Circumstance("noisy-exit", script=_profile("trap 'echo Goodbye; echo Goodbye >&2' EXIT\n")),
    Circumstance("strict-shell", script=_profile("set -u\n")),
    Circumstance("aliased-shell", script=_profile("alias echo=false timeout=false\n")),
    Circumstance("tracing-shell", script=_profile("set -x\n")),
    Circumstance(
        "proxy-variables",
        environment=(
            "http_proxy=http://192.0.2.9:3128",
            "HTTP_PROXY=http://192.0.2.9:1",
            "ALL_PROXY=socks5://192.0.2.9",
        ),
    ),
    Circumstance("odd-path", environment=("PATH=.::/no/such:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:./bin",)),
    Circumstance("other-language", environment=("LC_ALL=de_DE.UTF-8", "LANG=tr_TR.UTF-8", "LANGUAGE=tr")),
    Circumstance("startup-file", environment=("ENV=/etc/profile", "BASH_ENV=/etc/profile", "PS1=$(false)", "IFS=0123")),
    Circumstance("posix-shell", environment=("POSIXLY_CORRECT=1", "N=x", "GREP_OPTIONS=-v", "CURL_HOME=/no/such")),
    Circumstance("names-slow", network=_slow_names(0.06)),
    Circumstance("names-slower-than-a-probe", network=_slow_names(0.6), known=_by_address),
    Circumstance("loss-of-30-percent", network=_rule("numgen random mod 100 < 30 drop"), seconds=1.0, known=_nothing),
    Circumstance("loss-of-10-percent", network=_rule("numgen random mod 100 < 10 drop"), seconds=1.0, known=_nothing),
    Circumstance("policies-late-open", mutant="change-window-open", seconds=2.0),
    Circumstance("policies-late-closed", mutant="change-window-closed", seconds=2.0),
    Circumstance("pods-late", mutant="startup-window-open", seconds=3.0),
    Circumstance("lift-refused", refused=("NetworkPolicy/netpol-harness-lift",)),
    Circumstance(
        "lift-refused-after-a-dry-run",
        refused=("NetworkPolicy/netpol-harness-lift",),
        only_at_work=True,
        known=lambda text: "friend" in text,
    ),
    Circumstance("ephemeral-containers-refused", refused=("ephemeralcontainers",)),
)
