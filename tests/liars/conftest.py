import re
from collections.abc import Callable, Sequence

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName

TOOLS = "has nc\nhas getent\nhas timeout\nnc OpenBSD netcat\ntimeout timeout (GNU coreutils) 9.1\nhas ahosts"
RESULTS = {"open": (0, "Connection to x port succeeded!"), "dropped": (124, ""), "refused": (1, "Connection refused")}
ERRNO = {"open": 0, "dropped": 110, "refused": 111}


def _frame(nonce: str, index: str, code: int, message: str) -> str:
    return f"\n[{nonce} {index} {code} 5.00 5.01\n{message}\n{nonce} {index} {code}]\n"


class HonestPods:
    """An exec that tells the truth: pods named ``target*`` reach themselves, the others meet ``state``."""

    def __init__(self, state: str) -> None:
        self.state = state

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        state = "open" if pod.name.startswith("target") else self.state
        text = stdin.decode()
        answer = self._python(text, state) if argv[0] == "python3" else self._shell(text, state)
        return ExecReply(0, answer.encode())

    def _shell(self, script: str, state: str) -> str:
        asked = re.search(r"\$\(discover\)\" (\w+)", script)
        if asked is not None:
            return _frame(asked[1], "tools", 0, TOOLS)
        nonce = script.split("\n", 1)[0].removeprefix("N=")
        indexes = re.findall(r"^[pq] (\w+) ", script, re.MULTILINE)
        return "".join(_frame(nonce, i, *RESULTS["refused" if i.startswith("pulse") else state]) for i in indexes)

    def _python(self, stdin: str, state: str) -> str:
        call = str(eval(stdin)).rstrip().rsplit("\n", 1)[-1]
        nonce, _, jobs = eval(call.removeprefix("main"))
        return "".join(_frame(nonce, job[0], 111 if job[0] == "pulse" else ERRNO[state], "") for job in jobs)


@pytest.fixture(scope="session")
def honest_pods() -> Callable[[str], HonestPods]:
    """Make an honest exec over a network in one state: open, dropped or refused."""
    return HonestPods
