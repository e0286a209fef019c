"""The agents that have shown the bugs of mutants, from their files of known deviations."""

from collections.abc import Mapping, Sequence

from netpol_harness.backends.embedded.agents import shipped
from netpol_harness.backends.known.file import deviations


def agents_by_mutant() -> Mapping[str, Sequence[str]]:
    """Return the shipped agents, with their versions, that have shown the bug of each mutant."""
    agents: dict[str, list[str]] = {}
    for agent in shipped():
        for known in deviations(agent.known, agent.known.name) if agent.known else ():
            title = f"{agent.name} {str(known.versions or '').removeprefix('==')}".strip()
            for mutant in known.fault.mutants:
                if title not in agents.setdefault(mutant, []):
                    agents[mutant].append(title)
    return agents
