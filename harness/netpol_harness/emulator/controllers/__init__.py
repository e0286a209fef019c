"""Controllers: Deployments become pods, Services get endpoints, and objects whose owners are deleted are deleted too.

Each controller reads the store's current state only, and moves it one step closer to the desired one. It may be called
too often.
"""

from collections.abc import Callable

from netpol_harness.emulator.controllers.deployments import DeploymentController
from netpol_harness.emulator.controllers.endpoints import EndpointsController
from netpol_harness.emulator.controllers.garbage_collector import GarbageCollector
from netpol_harness.emulator.controllers.replicasets import ReplicaSetController
from netpol_harness.emulator.controllers.work_queue import WorkQueue
from netpol_harness.emulator.store import Key, Store


def start(store: Store, delete: Callable[[Key], object]) -> WorkQueue:
    """Run all controllers on the running event loop for as long as the store lives.

    ``delete`` does what a user's DELETE does (grace, finalizers), like ``apiserver.lifecycle.Lifecycle.delete``.
    """
    return WorkQueue(
        store,
        [
            DeploymentController(store, delete),
            ReplicaSetController(store, delete),
            EndpointsController(store),
            GarbageCollector(store, delete),
        ],
    )
