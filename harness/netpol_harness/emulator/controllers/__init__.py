"""Controllers: workloads become pods, Services get endpoints, and objects whose owners are deleted are deleted too.

Each controller reads the store's current state only, and moves it one step closer to the desired one. It may be called
too often.
"""

from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.controllers.cronjobs import CronJobController
from netpol_harness.emulator.controllers.daemonsets import DaemonSetController
from netpol_harness.emulator.controllers.definitions import DefinitionController
from netpol_harness.emulator.controllers.deploymentconfigs import DeploymentConfigController
from netpol_harness.emulator.controllers.deployments import DeploymentController
from netpol_harness.emulator.controllers.endpoints import EndpointsController
from netpol_harness.emulator.controllers.endpoints_mirror import EndpointsMirror
from netpol_harness.emulator.controllers.garbage_collector import Delete, GarbageCollector
from netpol_harness.emulator.controllers.jobs import JobController
from netpol_harness.emulator.controllers.load_balancers import LoadBalancerController
from netpol_harness.emulator.controllers.replicasets import ReplicaSetController
from netpol_harness.emulator.controllers.statefulsets import StatefulSetController
from netpol_harness.emulator.controllers.work_queue import Controller, WorkQueue
from netpol_harness.emulator.store import Store


def start(store: Store, delete: Delete, catalog: Catalog) -> WorkQueue:
    """Run all controllers on the running event loop for as long as the store lives.

    ``delete`` does what a user's DELETE does (grace, finalizers, dependents), like
    ``apiserver.lifecycle.Lifecycle.delete``.
    """
    return WorkQueue(store, all_controllers(store, delete, catalog))


def all_controllers(store: Store, delete: Delete, catalog: Catalog) -> list[Controller]:
    """Return the controllers of a cluster."""
    return [
        DeploymentController(store, delete),
        ReplicaSetController(store, delete),
        ReplicaSetController(store, delete, "replicationcontrollers", "ReplicationController"),
        StatefulSetController(store, delete),
        DaemonSetController(store, delete),
        JobController(store, delete),
        CronJobController(store, delete),
        DeploymentConfigController(store, delete),
        EndpointsController(store),
        EndpointsMirror(store),
        LoadBalancerController(store),
        DefinitionController(store, delete, catalog),
        GarbageCollector(store, delete, catalog),
    ]
