"""Which of the host's programs a container finds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.emulator.kernel.applets import LINKS
from netpol_harness.emulator.kubelet import images, podspec
from netpol_harness.emulator.pod import SEARCH_PATH
from netpol_harness.model.json_object import JsonMapping

BUSYBOX = "busybox"
"""Value of the option that gives containers only busybox's tools."""


@dataclass(frozen=True, slots=True)
class HostTools:
    """The programs of all pods: ``hidden`` ones are missing; ``only`` is BUSYBOX, or empty for all of the host's.

    ``has_busybox`` tells whether this host has it; then images of tools find there what the host lacks otherwise.
    """

    hidden: Sequence[str] = ()
    only: str = ""
    has_busybox: bool = False

    def path(self, pod: JsonMapping, container: Mapping[str, Any]) -> str:
        """Return the PATH of a container. Containers outside ``spec.containers``, such as probe containers, have other
        images.
        """
        is_own = any(own["name"] == container.get("name") for own in pod["spec"]["containers"])
        if self.only == BUSYBOX and is_own:
            return LINKS
        hides = self.hidden or podspec.hidden_tools(pod)
        completed = self.has_busybox and images.is_tool_image(container) and not hides
        return f"{SEARCH_PATH}:{LINKS}" if completed else SEARCH_PATH
