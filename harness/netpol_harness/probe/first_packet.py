"""The first packets of a pod: probes in an init container, before anything else runs in the pod. PURE.

Invariant: the container runs the usual probe scripts and writes their frames, so that its log is read like any output;
it exits with 0 whatever the results are, so that the pod starts. Its image is that of probe containers, which is
assumed to have sh, sleep for fractions of a second, and OpenBSD's nc: tools cannot be discovered before the pod's first
packet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe.ephemeral import RESTRICTED
from netpol_harness.probe.exec_targets import fresh_nonce
from netpol_harness.probe.pace import SLOW, TOO_SLOW
from netpol_harness.probe.plan import script
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.script import WIDEST, Batch
from netpol_harness.probe.plan.toolbox import Netcat, Tool, Toolbox
from netpol_harness.results.evidence import Reply

NAME = "netpol-first"
ROUNDS = 3
"""How often the container runs every probe."""

TOOLBOX = Toolbox(
    frozenset({Tool.NC, Tool.PING}), netcat=Netcat.OPENBSD, has_timeout=False, fractional=True, lookup="getent hosts"
)


@dataclass(frozen=True, slots=True)
class FirstPacketProbes:
    """The probes of a pod's first container. ``batches``, one for each round, run one after the other."""

    probes: tuple[Probe, ...]
    batches: tuple[Batch, ...]

    @classmethod
    def of(cls, probes: Sequence[Probe], timeout: float) -> "FirstPacketProbes":
        """Compose the batches for ``probes`` (distinct), ``timeout`` seconds each."""
        rounds = (
            script.compose(probes, TOOLBOX, timeout=timeout, width=WIDEST, nonce=fresh_nonce()) for _ in range(ROUNDS)
        )
        return cls(tuple(probes), tuple(rounds))

    def inject(self, spec: Mapping[str, Any], image: str) -> dict[str, Any]:
        """Return the pod's spec with the container before all others."""
        text = "\n".join(f"(\n{batch.text})" for batch in self.batches)
        container = {
            "name": NAME,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", text],
            "securityContext": RESTRICTED,
        }
        return {**spec, "initContainers": [container, *(spec.get("initContainers") or ())]}

    def read(self, log: bytes) -> tuple[tuple[Reply, ...], ...]:
        """Return the replies of each probe, by round, from the container's log."""
        rounds = [self._round(batch, log) for batch in self.batches]
        return tuple(tuple(replies[probe] for replies in rounds) for probe in self.probes)

    def _round(self, batch: Batch, log: bytes) -> Mapping[Probe, Reply]:
        answers = script.read(batch, log, why_lost=f"the log of container {NAME} lacks it")
        if answers.slowest <= SLOW * batch.timeout:
            return answers.replies
        why = f"the pod was {TOO_SLOW}"
        return {probe: script.doubted(reply, why) for probe, reply in answers.replies.items()}


def without_failed_start(replies: Sequence[Reply]) -> tuple[Reply, ...]:
    """Leave out failed rounds at the start, unless all failed."""
    valid = [number for number, reply in enumerate(replies) if reply.outcome is not Outcome.PROBE_FAILED]
    return tuple(replies[valid[0] :] if valid else replies)
