"""The workloads that a set of the path language stands for: all, those of a namespace, or those with labels. Pure."""

from collections.abc import Sequence

from netpol_harness.paths.diagnostics import ProblemWithoutPlace, suggest
from netpol_harness.paths.path import Inventory, Workload
from netpol_harness.paths.terms import Term


class WorkloadSets:
    """Selects workloads of one inventory. Sets leave out workloads without pods, and those on their nodes' network.

    A CronJob has no pods that could be probed.
    """

    def __init__(self, inventory: Inventory) -> None:
        workloads = inventory.workloads.values()
        self._workloads = [w for w in workloads if w.in_closed_world and not w.is_on_request]

    def of(self, term: Term) -> Sequence[Workload]:
        """Return the workloads of a set; all of them may be none, if the scenario has none.

        Raises ``ProblemWithoutPlace`` if a namespace or labels match no workload.
        """
        namespace = term.name.namespace
        inside = [w for w in self._workloads if namespace in ("", w.ref.namespace)]
        if namespace and not inside:
            namespaces = (workload.ref.namespace for workload in self._workloads)
            raise ProblemWithoutPlace(f"no workload is in a namespace '{namespace}'", suggest(namespace, namespaces))
        wanted = dict(term.labels)
        matching = [w for w in inside if len(wanted) == len(term.labels) and wanted.items() <= w.labels.items()]
        if term.labels and not matching:
            raise ProblemWithoutPlace(f"no workload has the labels of '{term}'", _nearest(term, inside))
        return matching


def _nearest(term: Term, workloads: Sequence[Workload]) -> str:
    """Return a remedy: the workload that has most of the labels, and those that it lacks."""
    wanted = [f"{key}={value}" for key, value in term.labels]
    own = {workload.ref: [f"{key}={value}" for key, value in workload.labels.items()] for workload in workloads}
    missing = {ref: [label for label in wanted if label not in labels] for ref, labels in own.items()}
    closest = min(missing, key=lambda ref: len(missing[ref]), default=None)
    if closest is not None and len(missing[closest]) < len(wanted):
        return f"{closest} has all but {', '.join(missing[closest])}; its labels are {', '.join(own[closest])}"
    return suggest(wanted[0], (label for labels in own.values() for label in labels))
