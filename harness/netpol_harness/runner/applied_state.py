"""The objects of one scenario on the cluster: changed from state to state, listed, and removed."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from netpol_harness.backends.runs.owner import with_owner
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ExecFailed, WorkloadFailed
from netpol_harness.kube.wait import wait_ready
from netpol_harness.model.cluster_policy import selects_nodes
from netpol_harness.model.domain_names import resolved
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import is_cluster_scoped
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import AnyServiceTarget
from netpol_harness.paths.path import Path
from netpol_harness.runner.available_kinds import AvailableKinds
from netpol_harness.runner.cluster_objects import node_objects, service_objects, services_of
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.external_hosts import ScenarioHosts
from netpol_harness.runner.load_balancers import LoadBalancers
from netpol_harness.runner.name_server import NameServerFinder
from netpol_harness.runner.node_pods import node_pods, nodes_without_pod
from netpol_harness.runner.reconcile import REFUSALS, Reconciler
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import Act, Change, State, changes
from netpol_harness.runner.target_state import created_namespaces, described, domain_records, lift_policy, namespaces_of
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Restart, Scenario, Step

log = logging.getLogger("netpol_harness.runner")

LIFT_REFUSED = "lift-refused"
"""The run directory's key for the reason why the API refuses to lift policies."""

PrepareChanges = Callable[[Sequence[Change]], Sequence[Change]]
"""Returns the changes to make in place of those that a new state asks for."""


class AppliedState:
    """The objects of one scenario on the cluster, and the monotonic time of their last change (``changed``).

    ``lift_refusal``: why the API does not admit the policies that lift all others; empty if it does. ``kinds`` knows
    what the cluster lacks.

    Invariant: ``_state`` names every object that was created or is about to be. It is written before the cluster is
    changed, so that ``remove`` deletes a half-built scenario too.
    """

    def __init__(self, scenario: Scenario, placement: Placement, context: RunContext, hosts: ScenarioHosts) -> None:
        self.changed = time.monotonic()
        self.kinds = AvailableKinds(context.client.serves)
        self._name = scenario.name
        self._placement = placement
        self._context = context
        self._hosts = hosts
        self._cluster_services = frozenset(service.ref for service in scenario.inventory.cluster_services)
        run, describe = context.run_directory.run, partial(described, scenario=scenario, placement=placement)
        self._reconciler = Reconciler(context.client, context.timeouts, run, describe)
        self._state: State = {}
        self._name_server = NameServerFinder(context.client, context.run_directory.once, self._text_of)
        self._load_balancers = LoadBalancers(context.client, context.timeouts)
        self._node_pods: State = {}
        self._unready: frozenset[NamespacedName] = frozenset()
        self._used_services: frozenset[NamespacedName] = frozenset()
        self.lift_refusal = ""

    @property
    def keys(self) -> tuple[ObjectKey, ...]:
        """All objects that were created or are about to be, without those that the API has refused."""
        return tuple(key for key in self._state if self._reconciler.refused.isdisjoint((key, _namespace(key))))

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._state

    def apply(
        self,
        target: State,
        recreate: Collection[ObjectKey] = (),
        *,
        step: Step | None = None,
        prepare: PrepareChanges = tuple,
    ) -> None:
        """Change the cluster to ``target``, restart what ``step`` restarts, and wait for the pods that this starts."""
        target = self._marked(self.kinds.adapt({**target, **self._node_pods}))
        todo = changes(self._state, target, self.kinds.adapted_keys(recreate))
        self._state = {**self._state, **target}
        self._reconciler.make(prepare(todo), f"step {step.name}" if step else "")
        self._state = target
        if step is not None and step.restart is Restart.AGENT:
            self._context.backend.restart_agent(self._context.cluster)
        before, self._unready = self._unready, self._expected(step, ready=False)
        if any(change.starts_pods for change in todo) or before - self._unready:
            self._wait_ready(self._expected(step, ready=True))
        self.changed = time.monotonic()

    def _expected(self, step: Step | None, *, ready: bool) -> frozenset[NamespacedName]:
        """Return the workloads whose pods a step expects to be Ready, or not to be, by real names."""
        expected = (one.ref for one in (step.readiness if step else ()) if one.ready is ready)
        return frozenset(NamespacedName(self._placement.real(ref.namespace), ref.name) for ref in expected)

    def live_pods(self) -> list[JsonMapping]:
        """Return the pods in the scenario's namespaces, as the API shows them."""
        client = self._context.client
        return [
            pod for namespace in namespaces_of(self._state) for pod in client.list("v1", "Pod", namespace=namespace)
        ]

    def recreate_namespace(self, name: str) -> None:
        """Delete a namespace with its contents, create all of it again, and wait for the pods."""
        others = {key: data for key, data in self._state.items() if name not in (key.namespace, _namespace_of(key))}
        contents = changes(others, self._state, ())
        self._reconciler.make(Change(Act.DELETE, c.key, c.data) for c in contents if _namespace_of(c.key) == name)
        self._reconciler.make(contents, f"namespace {name}")
        self._wait_ready()
        self.changed = time.monotonic()

    @property
    def can_be_lifted(self) -> bool:
        """Whether one policy more can admit everything, and only to pods of this run.

        The policy selects every pod of a namespace, so the run must have created it; and it says nothing against the
        policies of another API. And the API must admit it. A pod that is not to become Ready would do so.
        """
        if self._unready:
            return False
        families = (ApiGroupFamily.of(key.kind, key.api_version) for key in self._state)
        is_own = set(namespaces_of(self._state)) <= created_namespaces(self._state)
        return is_own and not self.lift_refusal and all(family is None or family.can_be_lifted for family in families)

    def check_lift(self) -> None:
        """Find out by a dry run whether the API admits the policies that lift all others: ``lift_refusal``."""
        try:
            for data in self._lift().values():
                self._context.client.create_dry_run(data)
        except ApiError as error:
            if "dry run" not in str(error):  # a webhook that does not support it says nothing about the policy
                self._record_refusal(error)

    @contextmanager
    def lifted(self) -> Iterator[bool]:
        """Admit all traffic from and to the scenario's pods inside the context, by one policy more a namespace.

        Yields ``False`` if the API does not admit these policies.
        """
        lift = self._lift()
        before = self._state
        self._state = {**before, **lift}
        try:
            yield self._create_lift(lift)
        finally:
            self._reconciler.make((Change(Act.DELETE, key, data) for key, data in lift.items()), "lift")
            self._state = before

    def remove(self) -> None:
        """Delete all objects. Namespaces take their contents along; objects that are gone already are no error."""
        namespaces = created_namespaces(self._state)
        self._reconciler.make(
            Change(Act.DELETE, key, self._state[key])
            for key in self.keys
            if is_cluster_scoped(key.group_kind) or key.namespace not in namespaces
        )
        self._state = {}

    def snapshot(self, without: Collection[str] = ()) -> ClusterSnapshot:
        """Return the live pods, Services, EndpointSlices, external hosts and nodes, except the objects of these uids.

        Of EndpointSlices only those count that are not derived from pods, so without Services that need them none is
        listed. Nodes are listed for policies that select some.
        """
        client = self._context.client
        objects: list[JsonMapping] = []
        has_services = any(key.kind == "Service" for key in self._state)
        for namespace in namespaces_of(self._state):
            objects += client.list("v1", "Pod", namespace=namespace)
            objects += (services := services_of(client, namespace, needed=has_services))
            if self._has_written_slices(services):
                objects += client.list("discovery.k8s.io/v1", "EndpointSlice", namespace=namespace)
        objects += (data for ref in sorted(self._used_services) for data in service_objects(client, ref))
        if any(key.kind == "ClusterNetworkPolicy" and selects_nodes(data) for key, data in self._state.items()):
            objects += node_objects(client)
        objects = [data for data in objects if data["metadata"].get("uid") not in without]
        server = self._name_server.find(objects)
        servers = self._name_server.pods_of(server)
        snapshot = ClusterSnapshot.of([*servers, *objects, *self._hosts.machines], self._placement, server)
        hosts = {name: host.addresses for name, host in snapshot.externals.items()}
        world = replace(snapshot.world, domain_names=resolved(domain_records(self._state), hosts))
        return replace(snapshot, world=world, unready=self._unready)

    def use(self, paths: Iterable[Path]) -> None:
        """Have snapshots contain the Services of the cluster itself that these paths lead to."""
        targets = (path.target for path in paths)
        refs = {target.ref for target in targets if isinstance(target, AnyServiceTarget)}
        self._used_services |= refs & self._cluster_services

    def _has_written_slices(self, services: Collection[JsonMapping]) -> bool:
        """Whether EndpointSlices say more than the pods of these Services: those that are not Ready get no traffic."""
        written = any(key.kind in ("EndpointSlice", "Endpoints") for key in self._state)
        return (
            bool(self._unready)
            or written
            or any(s.selector is None and not s.external_name for s in map(Service.parse, services))
        )

    def snapshot_for(self, paths: Iterable[Path], snapshot: ClusterSnapshot | None = None) -> ClusterSnapshot:
        """Return the live objects, after starting the pods that probe for nodes and that these paths need.

        So are the addresses of load balancers waited for.

        ``snapshot`` spares a request if nothing must be started. Raises ``WorkloadFailed`` if the API refuses the pods.
        """
        before = self._used_services
        self.use(paths := tuple(paths))
        snapshot = snapshot if snapshot and before == self._used_services else self.snapshot()
        if self._load_balancers.wait(paths, snapshot):
            snapshot = self.snapshot()
        if not (nodes := nodes_without_pod(paths, snapshot)):
            return snapshot
        pods = node_pods(nodes, self._placement)
        self._node_pods = {**self._node_pods, **pods}
        new = self._marked({key: data for key, data in pods.items() if key not in self._state})
        self._state = {**self._state, **new}
        try:
            self._reconciler.make(changes({}, new), "pods for nodes")
            self._wait_ready()
        except (ApiError, WorkloadFailed) as error:
            raise WorkloadFailed(f"paths from node(...) need a pod on the node's network: {error}") from error
        return self.snapshot()

    def lost_policies(self) -> Sequence[str]:
        """Return the names of policies that were applied and are not on the cluster any more."""
        policies = [key for key in self._state if key.kind == "NetworkPolicy"]
        return tuple(key.name for key in policies if self._context.client.find(key) is None)

    def _text_of(self, pod: NamespacedName, container: str, path: str) -> str:
        """Return the text of a file in a container. Raises ``ExecFailed``."""
        deadline = Deadline(self._context.timeouts.exec)
        reply = self._context.router(pod, ["cat", path], container=container, deadline=deadline)
        if reply.exit_code:
            raise ExecFailed(f"cat {path} in {pod}: exit code {reply.exit_code}")
        return reply.stdout.decode("utf-8", "replace")

    def _lift(self) -> State:
        return self._marked({ObjectKey.of(data): data for data in map(lift_policy, namespaces_of(self._state))})

    def _create_lift(self, lift: State) -> bool:
        try:
            self._reconciler.make((Change(Act.CREATE, key, data) for key, data in lift.items()), "lift")
        except ApiError as error:
            self._record_refusal(error)
        return not self.lift_refusal

    def _record_refusal(self, error: ApiError) -> None:
        """Remember why the API refuses. Raises any other error again."""
        if error.code not in REFUSALS:
            raise error
        self.lift_refusal = str(error)
        log.warning("policies cannot be lifted, so denials are proven by the baseline: %s", error)
        self._context.run_directory.once(LIFT_REFUSED, lambda: str(error))

    def _marked(self, state: State) -> State:
        """Put the run's marks on the objects that do not disappear with a namespace of this scenario."""
        namespaces, run = created_namespaces(state), self._context.run_directory.run
        return {key: data if key.namespace in namespaces else with_owner(data, run) for key, data in state.items()}

    def _wait_ready(self, expected: Collection[NamespacedName] = ()) -> None:
        """Wait for all pods. Those of ``expected`` workloads may stay unready: the step has a verdict about them."""
        timeouts, run_directory = self._context.timeouts, self._context.run_directory
        run_directory.report_activity(f"waiting for the pods of scenario {self._name}", by=self._name)
        try:
            first_pause = timeouts.interval / 4  # pods often start sooner, and later pauses are longer
            wait = partial(wait_ready, self._context.client, namespaces_of(self._state), interval=first_pause)
            wait(deadline=Deadline(timeouts.ready), unready=self._unready | frozenset(expected))
            if expected:
                with suppress(WorkloadFailed):
                    wait(deadline=Deadline(timeouts.ready), unready=self._unready)
        finally:
            run_directory.report_activity("", by=self._name)


def _namespace_of(key: ObjectKey) -> str:
    """Return the name of a Namespace; empty for any other object."""
    return key.name if key.kind == "Namespace" else ""


def _namespace(key: ObjectKey) -> ObjectKey:
    return ObjectKey("v1", "Namespace", "", key.namespace)
