"""Manifests without a scenario.yaml as a ``Scenario``: one step with all policies, whose verdicts are derived."""

from pathlib import Path

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.diagnostics import Place
from netpol_harness.scenario import MANIFEST_SUFFIXES, SCENARIO_FILE
from netpol_harness.scenario.api_objects import LocatedManifest, looks_like_an_object
from netpol_harness.scenario.listing import KUSTOMIZATIONS, manifests_below
from netpol_harness.scenario.load import load, raise_problems, scenario_of, whole_or_invalid
from netpol_harness.scenario.manifests import ManifestReader, check_unique
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.overlay import NOTHING, Overlay
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.scenario.shape import Report
from netpol_harness.scenario.source import read

DERIVED = "derived"
"""The name of the step."""

STANDARD_INPUT = "<stdin>"
"""The name of standard input in places."""

_WRITTEN_BY = "--derive"


def derive(source: Path, overlay: Overlay = NOTHING) -> Scenario:
    """Return the scenario of a folder of manifests, or of one file, with ``overlay`` applied over them.

    Raises ``ScenarioInvalid`` as ``load`` does.
    """
    _check_present(source)
    if source.is_dir():
        return _derived(source / SCENARIO_FILE, ".", source.absolute().name or "/", overlay=overlay)
    return _derived(source, source.name, source.stem, overlay=overlay)


def derive_text(text: str) -> Scenario:
    """Return the scenario of a stream of manifests. Raises ``ScenarioInvalid`` as ``load`` does."""
    return _derived(Path(STANDARD_INPUT), STANDARD_INPUT, "stdin", text)


def objects_at(source: Path) -> tuple[LocatedManifest, ...]:
    """Return the objects of a folder or a file of manifests. Raises ``ScenarioInvalid``."""
    _check_present(source)
    return _objects(source, ".") if source.is_dir() else _objects(source.parent, source.name)


def objects_in(text: str) -> tuple[LocatedManifest, ...]:
    """Return the objects of a stream of manifests. Raises ``ScenarioInvalid``."""
    return _objects(Path(), STANDARD_INPUT, text)


def _check_present(source: Path) -> None:
    """Raise ``ScenarioInvalid`` if there is nothing to read, with the name that the user gave."""
    if not source.exists():
        raise ScenarioInvalid([f"{source}: there is no such file or directory; name manifests"])
    if source.is_dir() and not any(manifests_below(source)):
        endings = ", ".join(MANIFEST_SUFFIXES)
        raise ScenarioInvalid([f"there is no manifest in {source}; add a file whose name ends in {endings}"])


def _objects(directory: Path, listed: str, text: str | None = None) -> tuple[LocatedManifest, ...]:
    report = Report()
    reader = ManifestReader(directory, report, globs=False, texts={} if text is None else {listed: text})
    names = [_noded(listed)]
    objects = (*reader.workloads(names), *reader.policies(names))
    check_unique(objects, report)
    raise_problems(report, directory)
    if not objects:
        raise ScenarioInvalid([f"there is no API object in {directory / listed}; name manifests"])
    return objects


def open_source(source: Path, overlay: Overlay = NOTHING) -> Scenario:
    """Load the scenario of a folder or a file if there is one, else derive it from the manifests there.

    Raises ``ScenarioInvalid``.
    """
    file = source / SCENARIO_FILE if source.is_dir() else source
    if file.is_file() and not (file == source and _is_manifest(file)):
        return load(file, overlay)
    if has_manifests(source):
        return derive(source, overlay)
    remedy = f"give a directory with a {SCENARIO_FILE}, or manifests"
    raise ScenarioInvalid([f"there is no scenario and no manifest at {source}; {remedy}"])


def has_manifests(path: Path) -> bool:
    """Return whether there are manifests to derive a scenario from: in a file, or in a folder without a scenario."""
    if path.is_dir():
        return any(manifests_below(path)) and not any(path.rglob(SCENARIO_FILE))
    return path.is_file() and _is_manifest(path)


def _is_manifest(file: Path) -> bool:
    """Return whether a file is a kustomization, or holds an API object; a scenario.yaml does not."""
    if file.name == SCENARIO_FILE or file.suffix not in MANIFEST_SUFFIXES:
        return file.name in KUSTOMIZATIONS
    documents, _ = read(file, file.name)
    return file.name in KUSTOMIZATIONS or any(map(looks_like_an_object, documents))


def _derived(file: Path, listed: str, name: str, text: str | None = None, *, overlay: Overlay = NOTHING) -> Scenario:
    """Return the scenario of what ``listed`` names, beside ``file``."""
    report = Report()
    step = {"name": DERIVED, "expect": "oracle", "strangers": True, "policies": [listed]}
    content = {"title": name, "workloads": [listed], "exclusive": True, "steps": [step]}
    texts = {} if text is None else {listed: text}
    reader = ManifestReader(file.parent, report, globs=False, texts=texts, overlay=overlay)
    scenario = scenario_of(_noded(content), file, reader, report, derived=name)
    if not (report.problems or reader.found_objects):
        raise ScenarioInvalid([f"there is no API object in {name}; name manifests"])
    return whole_or_invalid(scenario, report, file.parent)


def _noded(value: object) -> YamlNode:
    """Return plain data as if it had been read from YAML, which cannot hold all names of files."""
    place = Place(_WRITTEN_BY, 1)
    match value:
        case dict():
            entries = tuple((_noded(key), _noded(item)) for key, item in value.items())
            return YamlNode(place, YamlKind.MAPPING, entries=entries)
        case list():
            return YamlNode(place, YamlKind.LIST, items=tuple(map(_noded, value)))
        case bool():
            return YamlNode(place, YamlKind.FLAG, value, str(value).lower())
        case _:
            return YamlNode(place, YamlKind.TEXT, str(value), str(value))
