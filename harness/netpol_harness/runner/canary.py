"""The canary: shows, once per cluster and before any verdict counts, that NetworkPolicies have effect there.

Without it, a cluster whose CNI ignores policies would fail every `blocked` path, and pass every `allowed` one. First
all paths are open; else the network is broken, whatever policies do. Then come a default deny and an allowing rule for
each direction. Now the admitted pod must get through where the rule is, nobody where only the deny is, and the control
pod nowhere: a dataplane that ignores policies fails the one half, one that closes whatever a policy selects the other.
Where two nodes take pods, callers stand on both.

All pods meet the pod security standard `restricted`, and nothing but our own labels is selected: the canary may sing in
a namespace that it shares.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.backends.runs.owner import marked
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, NotEnforcing
from netpol_harness.kube.wait import wait_ready
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.converge import ask, satisfied
from netpol_harness.probe.ephemeral import IMAGE, RESTRICTED
from netpol_harness.probe.prober import ProbeMethod
from netpol_harness.probe.question import Probe, Question
from netpol_harness.results.evidence import Reply
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.reconcile import Reconciler
from netpol_harness.runner.state import Act, Change

PORT = 8080
LABEL = "netpol-harness/canary"
ROLE = "netpol-harness/role"

_LASTING = 3  # rounds in a row after which a change is taken for settled
_PATIENCE = 8  # times the settle time, for pods that cannot be asked
_NEAR, _FAR = "near", "far"
_GUARDED = "canary-guarded"


@dataclass(frozen=True, slots=True)
class Crossing:
    """From a pod to a pod, by name, and what it must be once the policies are there."""

    source: str
    target: str
    then: Expected


def watch(context: RunContext, given: Mapping[str, str]) -> str:
    """Sing; what was shown, in a few words. ``given`` maps to namespaces that are there, if none may be made.

    Raises ``NotEnforcing`` where policies have no effect or the wrong one, ``ClusterFailed`` where the network is
    broken before any policy, and ``LabError`` where the pods could not be had or asked.
    """
    return _Canary(context, next(iter(given.values()), "")).run()


class _Canary:
    """One song in one namespace."""

    def __init__(self, context: RunContext, given: str) -> None:
        self._context = context
        self._run = context.rundir.run
        self._given = given
        self._namespace = given or f"netpol-canary-{self._run}"
        self._reconciler = Reconciler(context.client, context.timeouts, self._run)

    def run(self) -> str:
        sides = self._sides()
        guarded = self._object(self._pod(_GUARDED, "guarded", {}))
        policies = [self._object(data) for data in self._policies()]
        made = [guarded, *policies]
        try:
            if not self._given:
                self._make(Act.CREATE_NAMESPACE, [self._namespace_object()])
            self._make(Act.START, [guarded])
            callers = [self._object(data) for data in self._callers(sides, self._home(sides))]
            made += callers
            self._make(Act.START, callers)
            self._observe(sides, policies)
        finally:
            self._clean(made)
        return f"policies have effect, {'on one node and across two' if _FAR in sides else 'on one node'}"

    def _observe(self, sides: Sequence[str], policies: Sequence[JsonObject]) -> None:
        self._wait_ready()
        addresses = self._addresses()
        paths = tuple(_paths(sides))
        closed = self._wrong({path: self._question(path, Expected.ALLOWED, addresses) for path in paths})
        for path, reply in closed.items():
            raise ClusterFailed(
                f"{path.source} cannot connect to {path.target} ({reply.outcome} {reply.detail}), and the canary has "
                f"made no policy yet; is the cluster's network up, and is namespace {self._namespace} free of other "
                "policies? (--no-canary goes on regardless)"
            )
        self._make(Act.CREATE, policies)
        wrong = self._wrong({path: self._question(path, path.then, addresses) for path in paths})
        if wrong:
            raise verdict(self._context.cluster.dataplane, {path: reply.outcome for path, reply in wrong.items()})

    def _wait_ready(self) -> None:
        timeouts, namespaces, rundir = self._context.timeouts, [self._namespace], self._context.rundir
        rundir.tell("waiting for the pods of the canary", by="canary")
        try:
            wait_ready(self._context.client, namespaces, deadline=Deadline(timeouts.ready), interval=timeouts.interval)
        finally:
            rundir.tell("", by="canary")

    def _home(self, sides: Sequence[str]) -> str:
        """The node of the guarded pod, once it has one; empty where all may stand anywhere.

        It is placed before the others: were they all placed at once, those that keep away from it could take every
        node, and leave none for it.
        """
        if _FAR not in sides:
            return ""
        self._wait_ready()
        found = self._context.client.get(ObjectKey("v1", "Pod", self._namespace, _GUARDED))
        return str(found["spec"]["nodeName"])

    def _wrong(self, questions: Mapping[Crossing, Question]) -> Mapping[Crossing, Reply]:
        """The paths that are not as expected when the settle time is over; none once all have been, in a row.

        Once is enough from the beginning. What has only become so must last for longer. A machine that is too slow to
        be asked gets more time.
        """
        timeouts, wanted, row = self._context.timeouts, 1, 0
        settle, patience = Deadline(timeouts.settle), Deadline(_PATIENCE * timeouts.settle)
        while True:
            seen = ask(self._context.prober, tuple(questions.values()), ProbeMethod.PYTHON)
            row = row + 1 if all(satisfied(*answer) for answer in seen.items()) else 0
            wanted = wanted if row else _LASTING
            unheard = any(attempt.reply.outcome is Outcome.PROBE_FAILED for attempt in seen.values())
            if row >= wanted or (patience if unheard else settle).passed:
                return {path: seen[one].reply for path, one in questions.items() if not satisfied(one, seen[one])}
            if not row:
                settle.pause(timeouts.interval)

    def _question(self, path: Crossing, expected: Expected, addresses: Mapping[str, str]) -> Question:
        probe = Probe(Scheme.TCP, addresses[path.target], PORT)
        liveness_checks = ((NamespacedName(self._namespace, path.target), probe),) if expected.needs_proof else ()
        return Question(NamespacedName(self._namespace, path.source), probe, expected, liveness_checks)

    def _sides(self) -> tuple[str, ...]:
        """Where callers stand, seen from what they call: on its node, and on another if there is one."""
        try:
            nodes = self._context.client.list("v1", "Node")
        except ApiError as error:
            if error.code != 403:
                raise
            return (_NEAR,)
        return (_NEAR, _FAR) if sum(map(_takes_pods, nodes)) > 1 else (_NEAR,)

    def _addresses(self) -> Mapping[str, str]:
        selector = f"{LABEL}={self._run}"
        found = self._context.client.list("v1", "Pod", namespace=self._namespace, labels=selector)
        return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in found}

    def _make(self, act: Act, objects: Sequence[JsonObject]) -> None:
        self._reconciler.make(Change(act, ObjectKey.of(data), data) for data in objects)

    def _clean(self, objects: Sequence[JsonObject]) -> None:
        self._make(Act.DELETE, objects if self._given else [self._namespace_object()])

    def _namespace_object(self) -> JsonObject:
        return marked({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}}, self._run)

    def _object(self, data: JsonObject) -> JsonObject:
        """An object in our namespace; what shares it with others carries the marks by which it is found again."""
        placed = {**data, "metadata": {**data["metadata"], "namespace": self._namespace}}
        return marked(placed, self._run) if self._given else placed

    def _callers(self, sides: Sequence[str], home: str) -> Iterator[JsonObject]:
        for side in sides:
            affinity = _placed(side, home) if home else {}
            for role in ("friend", "stranger", "closed"):
                yield self._pod(_at(role, side), role, affinity)

    def _pod(self, name: str, role: str, affinity: JsonObject) -> JsonObject:
        container = {
            "name": "agnhost",
            "image": IMAGE,
            "args": ["netexec", f"--http-port={PORT}"],
            "ports": [{"containerPort": PORT}],
            "securityContext": RESTRICTED,
        }
        spec = {
            "containers": [container],
            "affinity": affinity,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        }
        labels = {LABEL: self._run, ROLE: role}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}

    def _policies(self) -> Iterator[JsonObject]:
        friend = {"podSelector": self._select("friend")}
        port = {"port": PORT, "protocol": "TCP"}
        yield self._policy("deny-ingress", ["guarded", "closed"], {"policyTypes": ["Ingress"]})
        yield self._policy("admit", ["guarded"], {"policyTypes": ["Ingress"], "ingress": [{"from": [friend]}]})
        yield self._policy("deny-egress", ["closed"], {"policyTypes": ["Egress"]})
        yield self._policy(
            "let-out", ["closed"], {"policyTypes": ["Egress"], "egress": [{"to": [friend], "ports": [port]}]}
        )

    def _policy(self, name: str, subjects: Sequence[str], rules: JsonObject) -> JsonObject:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"netpol-canary-{name}"},
            "spec": {"podSelector": self._select(*subjects), **rules},
        }

    def _select(self, *roles: str) -> JsonObject:
        among = {"key": ROLE, "operator": "In", "values": list(roles)}
        return {"matchLabels": {LABEL: self._run}, "matchExpressions": [among]}


def _placed(side: str, home: str) -> JsonObject:
    """On this node, or on another."""
    field = {"key": "metadata.name", "operator": "In" if side == _NEAR else "NotIn", "values": [home]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _at(role: str, side: str) -> str:
    return f"canary-{role}-{side}"


def _paths(sides: Sequence[str]) -> Iterator[Crossing]:
    """The closed pods let nobody in, and are let out to friends alone."""
    for side in sides:
        yield Crossing(_at("friend", side), _GUARDED, Expected.ALLOWED)
        yield Crossing(_at("stranger", side), _GUARDED, Expected.BLOCKED)
        yield Crossing(_at("friend", side), _at("closed", _NEAR), Expected.BLOCKED)
        yield Crossing(_at("closed", side), _at("friend", _NEAR), Expected.ALLOWED)
        yield Crossing(_at("closed", side), _at("stranger", _NEAR), Expected.BLOCKED)


def _takes_pods(node: JsonObject) -> bool:
    """Whether an ordinary pod may be put on this node."""
    spec = node.get("spec") or {}
    keeps_out = any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in spec.get("taints") or ())
    return not (spec.get("unschedulable") or keeps_out)


def verdict(dataplane: str, wrong: Mapping[Crossing, Outcome]) -> ClusterFailed:
    """What is the matter with a cluster in which these paths are not what the policies say."""
    told = ", ".join(f"{p.source} -> {p.target} should be {p.then} and is {outcome}" for p, outcome in wrong.items())
    opened = [path for path, outcome in wrong.items() if outcome is Outcome.CONNECTED]
    closed = [path for path, outcome in wrong.items() if path.then is Expected.ALLOWED]
    if opened:
        return NotEnforcing(
            f"{_which(opened)} no effect on this cluster ({dataplane}): {told}. Every verdict would be about a network "
            "without policies, so the run stops; install a CNI that enforces NetworkPolicy (flannel alone does not), "
            "or go on regardless with --no-canary"
        )
    if closed and Outcome.PROBE_FAILED not in wrong.values():
        return NotEnforcing(
            f"policies have the wrong effect on this cluster ({dataplane}), it closes what a rule admits: {told}; see "
            "what else is in the way, or go on regardless with --no-canary"
        )
    return ClusterFailed(f"the canary could not find out whether policies have effect: {told}; is the cluster well?")


def _which(opened: Sequence[Crossing]) -> str:
    """Whose effect is missing: all policies', or those of one direction."""
    egress = [path.source.startswith(_at("closed", "")) for path in opened]
    return "egress policies have" if all(egress) else "policies have" if any(egress) else "ingress policies have"
