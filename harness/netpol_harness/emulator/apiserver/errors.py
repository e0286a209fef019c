"""Refusals as the API server words them: one exception, and the one place that turns problems into
`metav1.Status`.

Wording follows apimachinery's `pkg/api/errors` and `pkg/util/validation/field`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.emulator.store import AlreadyExists, Conflict, Key, NotFound, StoreError


class Reason(StrEnum):
    """Why a field is refused (`metav1.CauseType`)."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    FORBIDDEN = "FieldValueForbidden"
    DUPLICATE = "FieldValueDuplicate"
    NOT_FOUND = "FieldValueNotFound"
    TOO_LONG = "FieldValueTooLong"


@dataclass(frozen=True, slots=True)
class Cause:
    """One refused field: its path (`spec.ports[0].port`) and the server's words."""

    reason: Reason
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(path: str, detail: str = "") -> Cause:
    return Cause(Reason.REQUIRED, path, _words("Required value", detail))


def invalid(path: str, value: object, detail: str) -> Cause:
    return Cause(Reason.INVALID, path, f"Invalid value: {json.dumps(value)}: {detail}")


def not_supported(path: str, value: object, supported: Sequence[str]) -> Cause:
    listed = ", ".join(json.dumps(word) for word in sorted(supported))
    return Cause(Reason.NOT_SUPPORTED, path, f"Unsupported value: {json.dumps(value)}: supported values: {listed}")


def forbidden(path: str, detail: str) -> Cause:
    return Cause(Reason.FORBIDDEN, path, f"Forbidden: {detail}")


def duplicate(path: str, value: object) -> Cause:
    return Cause(Reason.DUPLICATE, path, f"Duplicate value: {json.dumps(value)}")


def not_found(path: str, value: object) -> Cause:
    return Cause(Reason.NOT_FOUND, path, f"Not found: {json.dumps(value)}")


def _words(start: str, detail: str) -> str:
    return f"{start}: {detail}" if detail else start


@dataclass(frozen=True, slots=True)
class ErrorSubject:
    """What a Status is about: the group and the kind or plural, and the object's name."""

    group: str
    kind: str
    name: str

    @property
    def qualified(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class StatusError(Exception):
    """A request that is not done, as the HTTP code, reason, message and details of a Status."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})

    def status(self) -> dict[str, Any]:
        """The `metav1.Status` object."""
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        details = {"details": self.details} if self.details else {}
        return {**body, "reason": self.reason, **details, "code": self.code}


def unprocessable(subject: ErrorSubject, causes: Sequence[Cause]) -> StatusError:
    """422 with all causes."""
    distinct = list(dict.fromkeys(causes))
    listed = ", ".join(map(str, distinct))
    message = f'{subject.qualified} "{subject.name}" is invalid: ' + (listed if len(distinct) == 1 else f"[{listed}]")
    rows = [{"reason": cause.reason.value, "message": cause.message, "field": cause.field} for cause in distinct]
    return StatusError(422, "Invalid", message, {**_details(subject), "causes": rows})


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def object_not_found(subject: ErrorSubject) -> StatusError:
    return StatusError(404, "NotFound", f'{subject.qualified} "{subject.name}" not found', _details(subject))


def object_exists(subject: ErrorSubject) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{subject.qualified} "{subject.name}" already exists', _details(subject))


def conflict(subject: ErrorSubject, why: str = "") -> StatusError:
    """409: the writer saw another version, or `why`."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {subject.qualified} "{subject.name}": {why}'
    return StatusError(409, "Conflict", message, _details(subject))


def forbidden_request(subject: ErrorSubject, why: str, causes: Sequence[Mapping[str, str]] = ()) -> StatusError:
    """403."""
    message = f'{subject.qualified} "{subject.name}" is forbidden: {why}'
    return StatusError(403, "Forbidden", message, {**_details(subject), **({"causes": list(causes)} if causes else {})})


def no_such_path() -> StatusError:
    """404 for a path that names nothing we serve."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed() -> StatusError:
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message)


def unsupported_media_type(understood: Sequence[str]) -> StatusError:
    listed = ", ".join(understood)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return StatusError(415, "UnsupportedMediaType", message)


def version_expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def from_store(error: StoreError, subject_of: Callable[[Key], ErrorSubject]) -> StatusError:
    """A store's refusal as a Status; `subject_of` tells what a key of the store is to clients."""
    subject = subject_of(error.key)
    match error:
        case NotFound():
            return object_not_found(subject)
        case AlreadyExists():
            return object_exists(subject)
        case Conflict():
            return conflict(subject)
        case _:
            return StatusError(500, "InternalError", str(error))


def _details(subject: ErrorSubject) -> dict[str, Any]:
    group = {"group": subject.group} if subject.group else {}
    return {"name": subject.name, **group, "kind": subject.kind}
