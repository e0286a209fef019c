import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed, ToolMissing
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName

TOOLS = "has nc\nhas getent\nhas timeout\nnc OpenBSD netcat\ntimeout timeout (GNU coreutils) 9.1\nhas ahosts"
RESULTS = {
    "open": (0, "Connection to x port succeeded!"),
    "dropped": (124, ""),
    "refused": (1, "nc: connect failed: Connection refused"),
}
Ask = Callable[[NamespacedName, str, int], str]


class FakePods:
    """Pods whose network is a function of (pod, host, port) -> open, dropped or refused; counts what it is asked.

    ``spare``: the name of a probe container in each; ``breaks``: execs whose connection breaks from now on.
    """

    def __init__(self, network: Ask) -> None:
        self.network = network
        self.python = False
        self.shells = True
        self.seconds = 0.01
        self.spare = ""
        self.breaks = 0
        self.execs: list[tuple[NamespacedName, str]] = []

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        self.execs.append((pod, argv[0]))
        if self.breaks:
            self.breaks -= 1
            return ExecReply(None, b"", broken="the connection broke")
        if container and container != self.spare:
            raise ExecFailed(f"container {container} is not valid for pod {pod.name} (HTTP 400)")
        if argv[0] == "python3":
            able = self.python or container
            return self._python(pod, stdin.decode()) if able else ExecReply(127, b"", b"python3: not found")
        if not self.shells and not container:
            raise ExecFailed('exec: "sh": executable file not found in $PATH')
        return ExecReply(0, self._shell(pod, stdin.decode()).encode())

    def names(self, pod: NamespacedName) -> Sequence[str]:
        return ["app"]

    def fingerprint(self, pod: NamespacedName) -> str:
        return ""

    def ensure_probe_container(self, pod: NamespacedName) -> str:
        if not self.spare:
            raise ToolMissing("a probe container cannot be added: forbidden")
        return self.spare

    def _shell(self, pod: NamespacedName, script: str) -> str:
        if "discover" in script:
            found = re.search(r"\$\(discover\)\" (\w+)", script)
            assert found is not None
            return self._frame(found[1], "tools", 0, f"{TOOLS}\nhas python3" if self.spare else TOOLS)
        nonce = script.split("\n", 1)[0].removeprefix("N=")
        lines = re.findall(r"^[pq] (\w+) \d '(.*)'$", script, re.MULTILINE)
        return "".join(self._line(pod, nonce, index, command) for index, command in lines)

    def _line(self, pod: NamespacedName, nonce: str, index: str, command: str) -> str:
        if index.startswith("name"):
            return self._frame(nonce, index, 0, "10.0.0.1 STREAM x")
        host, port = command.split()[-2:]
        state = "refused" if index.startswith("pulse") else self.network(pod, host, int(port))
        code, message = RESULTS[state]
        return self._frame(nonce, index, code, message)

    def _python(self, pod: NamespacedName, stdin: str) -> ExecReply:
        call = str(eval(stdin)).rstrip().rsplit("\n", 1)[-1]
        nonce, _, jobs = eval(call.removeprefix("main"))
        codes = {"open": 0, "dropped": 110, "refused": 111}
        text = "".join(
            self._frame(nonce, index, 111 if index == "pulse" else codes[self.network(pod, host, port)], "")
            for index, _, host, port, _ in jobs
        )
        return ExecReply(0, text.encode())

    def _frame(self, nonce: str, index: str, code: int, message: str) -> str:
        return f"\n[{nonce} {index} {code} 5.00 {5 + self.seconds}\n{message}\n{nonce} {index} {code}]\n"


@pytest.fixture
def fake_pods() -> Callable[[Ask | Mapping[str, str]], FakePods]:
    """Make fake pods from a function, or from a mapping of hosts to what they do."""

    def make(network: Ask | Mapping[str, str]) -> FakePods:
        if callable(network):
            return FakePods(network)
        hosts = dict(network)
        return FakePods(lambda pod, host, port: hosts[host])

    return make
