"""Agents as data: the policy engines of network plugins that can enforce in an embedded cluster.

A definition is one file in manifests/agents, validated and parsed. All problems of a file are reported at once.
``AGENT`` is the reference of the format; manifests/agents/kube-router.yaml is an example.
"""

import mmap
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import yaml

from netpol_harness.backends.base import Capability
from netpol_harness.backends.definitions import DefinitionForm, display
from netpol_harness.backends.embedded.host import refused_rules
from netpol_harness.emulator.agent.program import AgentProgram
from netpol_harness.emulator.pod import SEARCH_PATH
from netpol_harness.errors import ClusterFailed
from netpol_harness.model.json_object import JsonObject
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.shape import anything, mapping, one_of, sequence, text
from netpol_harness.scenario.source import read
from netpol_harness.yaml_loader import SAFE_LOADER

DEFINITIONS = Path(__file__).resolve().parents[2] / "manifests/agents"
_GO_MODULE = re.compile(rb"\nmod\t[^\t\n]+\t(v[^\t\n]+)")
_VERSION = re.compile(r"\bv?[0-9]+\.[0-9]+\.[0-9]+[^\s,\"']*")
_SECONDS = 10.0

_CAPABILITIES = (Capability.CLUSTER_POLICIES, Capability.ADMIN_POLICIES, Capability.CALICO_POLICIES)
_TEXTS = sequence(text("a text", r"[^\0]*"), "a list of texts")

AGENT = mapping(
    {
        "title": text("a title"),
        "binary": text("the name of a program", r"[A-Za-z0-9._-]+", "write its name, without a folder"),
        "install": text("how to get the program"),
        "command": _TEXTS,
        "extends": text("the name of another agent", r"[a-z0-9-]+", "write the name of a file here, without .yaml"),
        "objects": sequence(text("a file", r"[^\0]+", "write it relative to this file"), "a list of files"),
        "environment": mapping({}, what="a mapping of names to texts", rest=anything),
        "version": _TEXTS,
        "needs": sequence(text("the name of a program", r"[A-Za-z0-9._-]+"), "a list of programs"),
        "rules": text("rules of nftables that the kernel must take", r"[^\0]+"),
        "module": text("the name of a kernel module", r"[a-z0-9_]+"),
        "known": text("a file", r"[^\0]+", "write it relative to this file"),
        "interfaces": text("a prefix", r"[a-z]{1,4}", "write at most four letters"),
        "capabilities": sequence(one_of(_CAPABILITIES, "a capability"), "a list of capabilities"),
    },
    required=("title",),
    what="an agent (a mapping with title, binary, install and command)",
)
_FORM = DefinitionForm("agent", "--netpol-agent", AGENT, required=("binary", "install", "command"))


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that this host can run. ``title`` is for people, and ends in its version if that is known.

    ``objects`` are created in the cluster before it starts. ``known_deviations`` is a file of tests that it is known to
    fail, of this and other versions.
    """

    title: str
    program: AgentProgram
    capabilities: frozenset[Capability] = frozenset()
    objects: tuple[JsonObject, ...] = ()
    known_deviations: Path | None = None


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """One agent. ``binary`` is its program, and ``install`` says how a user gets it.

    ``command`` are its arguments, and ``version`` those that make it print its version. ``needs`` are programs that it
    calls, ``objects`` files with objects that must exist before it starts, and ``rules`` are rules of nftables like its
    own, which a kernel without ``module`` refuses. ``interfaces`` is the prefix of the interfaces that it takes for
    pods'. ``capabilities`` are the further policies that it enforces. ``known`` is a file of its known deviations.
    """

    name: str
    title: str
    binary: str
    install: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    version: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    rules: str = ""
    module: str = ""
    objects: tuple[Path, ...] = ()
    interfaces: str = ""
    capabilities: frozenset[Capability] = frozenset()
    known: Path | None = None

    def locate(self, binary: Path | None = None) -> Path | None:
        """Return the program: ``binary`` if it is given, else the one in PATH; ``None`` if there is none."""
        found = shutil.which(str(binary) if binary else self.binary)
        return Path(found).absolute() if found else None

    @property
    def missing(self) -> tuple[str, ...]:
        """What the agent needs and this host does not have: programs, and features of the kernel."""
        programs = tuple(name for name in self.needs if not shutil.which(name, path=SEARCH_PATH))
        refusal = refused_rules(self.rules) if self.rules else ""
        return (*programs, self._kernel_without(refusal)) if refusal else programs

    def _kernel_without(self, refusal: str) -> str:
        if not self.module:
            return f"a kernel that takes its rules ({refusal})"
        return f"a kernel with {self.module} (try: modprobe {self.module}; its rules are refused: {refusal})"

    def agent(self, binary: Path | None = None) -> "Agent":
        """Return the agent as this host can run it. Raises ``ClusterFailed`` that says what is missing."""
        found = self.locate(binary)
        if found is None:
            where = f"{binary} is no program" if binary else f"there is no {self.binary} in PATH"
            raise ClusterFailed(
                f"agent {self.name}: {where}; get it by: {self.install} (or name it: --netpol-agent-binary PATH)"
            )
        if missing := self.missing:
            raise ClusterFailed(f"agent {self.name}: it needs {', '.join(missing)}, which this host does not have")
        argv = (str(found), *self.command)
        objects = tuple(data for path in self.objects for data in _objects(path))
        version = self.version_of(found)
        program = AgentProgram(self.name, version, argv, self.environment, self.interfaces, waits=bool(objects))
        return Agent(f"{self.title} {version}".rstrip(), program, self.capabilities, objects, self.known)

    def version_of(self, binary: Path) -> str:
        """Return the version of the program: that of its Go module, or else what it prints; empty for neither."""
        with (
            suppress(OSError, ValueError),
            binary.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents,
        ):
            if match := _GO_MODULE.search(contents):
                return match[1].decode()
        return _printed_version([str(binary), *self.version]) if self.version else ""


def load(name: str, directory: Path = DEFINITIONS) -> AgentDefinition:
    """Return a definition by its name in ``directory``, or by its path. Raises ``ClusterFailed``."""
    path = _FORM.find(name, directory)
    node = _FORM.the_one(*read(path, display(path)), path)
    own = _definition(path.stem, node, path.parent)
    base = node.at("extends").text
    return _extended(load(base, path.parent), own, node) if base else own


def shipped() -> Iterator[AgentDefinition]:
    """Yield the agents that this package knows, by name."""
    for path in sorted(DEFINITIONS.glob("*.yaml")):
        yield load(path.stem)


def _extended(base: AgentDefinition, own: AgentDefinition, node: YamlNode) -> AgentDefinition:
    """Return the base with the keys of this definition; its environment is added to that of the base."""
    written = [entry.name for entry in fields(own) if node.get(entry.name) is not None]
    changes = {name: getattr(own, name) for name in ("name", *written)}
    return replace(base, **{**changes, "environment": {**base.environment, **own.environment}})


def _definition(name: str, node: YamlNode, directory: Path) -> AgentDefinition:
    return AgentDefinition(
        name=name,
        title=node.at("title").text,
        binary=node.at("binary").text,
        install=node.at("install").text,
        command=_texts(node.at("command").items),
        environment={key: str(value) for key, value in (node.at("environment").plain() or {}).items()},
        version=_texts(node.at("version").items),
        needs=_texts(node.at("needs").items),
        rules=node.at("rules").text,
        module=node.at("module").text,
        objects=tuple(directory / item.text for item in node.at("objects").items),
        interfaces=node.at("interfaces").text,
        capabilities=frozenset(Capability(item.text) for item in node.at("capabilities").items),
        known=directory / node.at("known").text if node.get("known") else None,
    )


def _texts(nodes: Iterable[YamlNode]) -> tuple[str, ...]:
    return tuple(node.text for node in nodes)


def _objects(path: Path) -> Iterator[JsonObject]:
    """Yield the objects of a file. Raises ``ClusterFailed``."""
    try:
        with path.open(encoding="utf-8") as file:
            yield from filter(None, yaml.load_all(file, SAFE_LOADER))
    except (OSError, yaml.YAMLError) as problem:
        raise ClusterFailed(f"cannot read the agent's objects from {path}: {problem}") from problem


def _printed_version(argv: list[str]) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        result = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if match := _VERSION.search(result.stdout + result.stderr):
            return match[0]
    return ""
