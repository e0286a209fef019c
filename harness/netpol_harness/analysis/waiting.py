"""What the init containers of a workload wait for, as far as their commands name it, and whether policies allow it.

Pure. A pod that is not Ready may wait for a connection that a policy closes: this names it.
"""

import re
from collections.abc import Iterator

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import PodSource, ServiceTarget
from netpol_harness.paths.names import Names
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path, Scheme


def waits_for(predictor: Predictor, workload: NamespacedName) -> Iterator[str]:
    """Yield a line for each port of a Service that an init container names, if the path to it is not allowed."""
    manifest = next((m for m in predictor.scenario.workloads if m.pod and m.name.ref == workload), None)
    containers = (manifest.pod.get("spec") or {}).get("initContainers") or () if manifest else ()
    for container in containers:
        for path in _asked(container, workload, predictor):
            verdict = predictor.verdict(path)
            if verdict is not Expected.ALLOWED:
                asks = f"init container '{container.get('name')}' asks {path.target_text}"
                yield f"{asks}: {path} is {verdict} in step {predictor.step.name}"


def _asked(container: JsonMapping, workload: NamespacedName, predictor: Predictor) -> Iterator[Path]:
    inventory = predictor.step.inventory
    names = Names(inventory)
    text = " ".join(map(str, [*(container.get("command") or ()), *(container.get("args") or ())]))
    for service in inventory.services.values():
        for port in service.ports:
            if _names(text, service, port.port.number, workload):
                target = ServiceTarget(service.ref, port.port.number)
                right = f"{names.spell_service(service.ref)}:{port.port.number}"
                yield Path(PodSource(workload), Scheme.TCP, target, names.spell_source(workload), right)


def _names(text: str, service: Service, number: int, workload: NamespacedName) -> bool:
    """Return whether a command names a Service and its port: ``db 5432``, ``http://db:5432``, ``-h db -p 5432``."""
    name, namespace = re.escape(service.ref.name), re.escape(service.ref.namespace)
    qualified = rf"{name}\.{namespace}(?:\.svc(?:\.cluster\.local)?)?"
    host = rf"(?:{qualified}|{name})" if service.ref.namespace == workload.namespace else qualified
    return re.search(rf"(?<![\w.-]){host}(?::|/|\s+(?:-p\s*|--port[= ])?){number}(?!\d)", text) is not None
