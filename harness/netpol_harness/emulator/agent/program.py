"""The program of an agent, as the cluster's owner gives it: what to run, and what it expects of the node. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class AgentProgram:
    """``argv`` and the values of ``environment`` may hold ``{node}``, ``{address}`` and ``{kubeconfig}``,
    ``{services}``, the ranges of ClusterIPs with commas between them, and ``{ipv4}`` and ``{ipv6}``, which are ``true``
    or ``false``: whether pods have addresses of the family.

    ``version`` is empty if it is not known. ``waits``: it starts when it is restarted for the first time, after objects
    that it needs have been created. ``interfaces`` is the prefix of the veths that it takes for
    pods', or empty if it does not read their names.
    """

    name: str
    version: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    interfaces: str = ""
    waits: bool = False

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "AgentProgram":
        """Return the program that ``to_data`` wrote."""
        return cls(**{**data, "argv": tuple(data["argv"])})

    def to_data(self) -> dict[str, Any]:
        """Return the program as a JSON object."""
        return asdict(self)

    @property
    def title(self) -> str:
        """The name and version, for people."""
        return f"{self.name} {self.version}".rstrip()

    def filled(self, values: Mapping[str, str]) -> "AgentProgram":
        """Return the program with these values in place of the placeholders of their names."""

        def fill(text: str) -> str:
            for name, value in values.items():
                text = text.replace("{" + name + "}", value)
            return text

        environment = {name: fill(value) for name, value in self.environment.items()}
        return replace(self, argv=tuple(map(fill, self.argv)), environment=environment)
