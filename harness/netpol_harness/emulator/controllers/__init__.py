"""What turns intent into objects: Deployments into pods, Services into endpoints, and owners' ends into deletions.

Each controller looks at the store's present state alone and moves it one step nearer to the wanted one; it may be
called too often.
"""

from collections.abc import Callable

from netpol_harness.emulator.controllers.deployments import Deployments
from netpol_harness.emulator.controllers.endpoints import ServiceEndpoints
from netpol_harness.emulator.controllers.garbage import Garbage
from netpol_harness.emulator.controllers.replicasets import ReplicaSets
from netpol_harness.emulator.controllers.work import Work
from netpol_harness.emulator.store import Key, Store


def start(store: Store, delete: Callable[[Key], object]) -> Work:
    """Run all controllers on the running event loop for as long as the store lives.

    ``delete`` is what a user's DELETE does (grace, finalizers), as in ``api.lifecycle.Lifecycle.delete``.
    """
    return Work(
        store, [Deployments(store, delete), ReplicaSets(store, delete), ServiceEndpoints(store), Garbage(store, delete)]
    )
