"""Which of the host's programs a container finds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.emulator.kernel.applets import LINKS
from netpol_harness.emulator.kubelet import images, podspec
from netpol_harness.emulator.pod import SEARCH_PATH
from netpol_harness.model.json_object import JsonMapping

BUSYBOX = "busybox"
"""The option by which containers find busybox's tools alone."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What holds for the whole cluster: ``hidden`` programs; ``only``: BUSYBOX, or empty for all that the host has.

    ``has_busybox``: this host has it, so that images of tools find there what the host lacks otherwise.
    """

    hidden: Sequence[str] = ()
    only: str = ""
    has_busybox: bool = False

    def path(self, pod: JsonMapping, container: Mapping[str, Any]) -> str:
        """The PATH of a container. Containers beside its own ones, as those that probe, have images of their own."""
        is_own = any(own["name"] == container.get("name") for own in pod["spec"]["containers"])
        if self.only == BUSYBOX and is_own:
            return LINKS
        hides = self.hidden or podspec.hidden_tools(pod)
        completed = self.has_busybox and images.is_of_tools(container) and not hides
        return f"{SEARCH_PATH}:{LINKS}" if completed else SEARCH_PATH
