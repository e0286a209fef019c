"""One version of a custom kind: how its objects are read, completed, checked and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.emulator.apiserver.cells import AGE, NAME
from netpol_harness.emulator.apiserver.custom import rules, structural
from netpol_harness.emulator.apiserver.custom.checks import SchemaCheck
from netpol_harness.emulator.apiserver.custom.json_paths import find_all
from netpol_harness.emulator.apiserver.custom.structural import Schema
from netpol_harness.emulator.apiserver.decode import DecodedObject, decode
from netpol_harness.emulator.apiserver.errors import Cause
from netpol_harness.emulator.apiserver.schema import ANYTHING, SchemaForm, Type
from netpol_harness.emulator.apiserver.table import Cell, Column, age
from netpol_harness.model.json_object import JsonMapping, JsonObject

METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_OF_EVERYTHING = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """The places of an object that its scale subresource reads: fields from the top. Empty for no such place."""

    replicas: tuple[str, ...]
    current: tuple[str, ...]
    selector: tuple[str, ...] = ()


class CustomVersion:
    """One version of a custom kind."""

    def __init__(
        self, schema: Schema, columns: Sequence[JsonMapping], scale: ScalePaths | None, *, status: bool
    ) -> None:
        self.schema = schema
        self.scale = scale
        self.columns = (NAME, *map(_column, columns)) if columns else (NAME, AGE)
        self.type = _root_type(schema, status=status)
        self._check = SchemaCheck(schema)
        self._has_rules = rules.has_rules(schema)

    def decode(self, value: Any) -> DecodedObject:
        """Read an object. Raises StatusError 400 for metadata of a wrong type."""
        own = {name: item for name, item in value.items() if name not in _OF_EVERYTHING}
        decoded = DecodedObject({name: value[name] for name in ("apiVersion", "kind") if value.get(name)})
        metadata = decode(METADATA, value.get("metadata") or {})
        decoded.object["metadata"] = metadata.object
        decoded.unknown += [f"metadata.{path}" for path in metadata.unknown]
        decoded.object |= structural.prune(self.schema, own, "", decoded.unknown)
        return decoded

    def apply_defaults(self, obj: JsonObject) -> None:
        """Fill in the defaults of the schema, in place."""
        structural.apply_defaults(self.schema, obj)

    def causes(self, obj: JsonObject) -> list[Cause]:
        """Return all causes to refuse an object, apart from its metadata."""
        causes = [*self._check.causes(obj), *rules.duplicates(self.schema, obj)]
        if not self._has_rules:
            return causes
        if any(map(rules.prevents_rules, causes)):
            return [*causes, rules.unchecked_rules()]
        return [*causes, *rules.broken_rules(self.schema, obj)]


def _root_type(schema: Schema, *, status: bool) -> Type:
    own = dict(structural.as_type({**schema, "properties": schema.get("properties") or {"spec": {}}}).fields)
    text = Type(SchemaForm.STRING)
    if not status and "status" in own:  # an ordinary field
        own["status"] = ANYTHING
    return Type(
        SchemaForm.RECORD,
        fields={**own, "apiVersion": text, "kind": text, "metadata": Type(SchemaForm.RECORD, definition=METADATA)},
    )


def _column(data: JsonMapping) -> Column:
    kind = data.get("type", "string")
    return Column(data["name"], _cell(data["jsonPath"], kind), wide=data.get("priority", 0) > 0, type=kind)


def _cell(path: str, kind: str) -> Cell:
    """Return a cell that shows the value at the path; empty if there is none."""

    def cell(obj: Mapping[str, Any]) -> object:
        values = find_all(path, obj)
        if not values:
            return None
        if kind == "date":
            return age(values[0])
        return " ".join(map(str, values)) if kind == "string" else values[0]

    return cell
