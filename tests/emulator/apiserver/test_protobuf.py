"""Protobuf bodies, written by hand as Go's encoder writes them."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.apiserver import protobuf
from netpol_harness.emulator.apiserver.built_in_kinds import RESOURCES
from netpol_harness.emulator.apiserver.errors import StatusError


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    head = bytearray()
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*head, number])


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Return a message of numbers and of texts or messages."""
    written = b""
    for number, value in fields:
        if isinstance(value, int):
            written += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            written += varint(number << 3 | 2) + varint(len(content)) + content
    return written


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\0" + message((1, message((1, api_version), (2, kind))), (2, raw), (3, ""), (4, ""))


def decoded(api_version: str, kind: str, *fields: tuple[int, int | str | bytes]) -> Any:
    return protobuf.decode(body(api_version, kind, message(*fields)))


def test_zeros_that_go_omits_from_json_are_absent() -> None:
    metadata = message((1, "x"), (2, ""), (3, ""), (5, ""), (6, ""), (7, 0), (8, b""))
    assert decoded("v1", "Namespace", (1, metadata), (2, b""), (3, message((1, "")))) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "x", "creationTimestamp": None},
        "spec": {},
        "status": {},
    }


def test_a_pointer_to_zero_is_present() -> None:
    assert decoded("apps/v1", "Deployment", (2, message((1, 0), (5, 0))))["spec"] == {"replicas": 0}


def test_maps_lists_bytes_and_numbers() -> None:
    entry = message((1, "a"), (2, "1"))
    assert decoded("v1", "Secret", (2, entry))["data"] == {"a": base64.b64encode(b"1").decode()}
    assert decoded("v1", "ConfigMap", (2, entry), (2, message((1, "b"))))["data"] == {"a": "1", "b": ""}
    assert decoded("v1", "DeleteOptions", (1, -3))["gracePeriodSeconds"] == -3


@pytest.mark.parametrize(
    ("port", "expected"), [(message((1, 0), (2, 80), (3, "")), 80), (message((1, 1), (3, "h")), "h")]
)
def test_an_integer_or_a_string(port: bytes, expected: object) -> None:
    service = decoded("v1", "Service", (2, message((1, message((1, ""), (2, "TCP"), (3, 80), (4, port))))))
    assert service["spec"]["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": expected}]


def test_inline_structs_are_merged_into_their_parent() -> None:
    source = message((2, message()))
    pod = decoded("v1", "Pod", (2, message((1, message((1, "v"), (2, source))))))
    assert pod["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_times_and_quantities() -> None:
    metadata = message((9, message((1, 1_700_000_000))))
    limits = message((1, message((1, "cpu"), (2, message((1, "100m"))))))
    pod = decoded("v1", "Pod", (1, metadata), (2, message((2, message((1, "c"), (8, limits))))))
    assert pod["metadata"] == {"deletionTimestamp": "2023-11-14T22:13:20Z"}
    assert pod["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "100m"}}
    event = decoded("v1", "Event", (10, message((1, 1), (2, 5000))))
    assert event["eventTime"] == "1970-01-01T00:00:01.000005Z"


def test_fields_of_a_newer_release_are_skipped() -> None:
    fields = message((999, "new"), (998, 5)) + varint(997 << 3 | 5) + b"1234" + varint(996 << 3 | 1) + b"12345678"
    assert protobuf.decode(body("v1", "Namespace", fields)) == {"apiVersion": "v1", "kind": "Namespace"}


def test_delete_options_exist_in_every_group() -> None:
    assert decoded("apps/v1", "DeleteOptions", (4, "Orphan"))["propagationPolicy"] == "Orphan"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "expected prefix"),
        (body("v1", "Nonsense", b""), 'no kind "Nonsense" is registered for version "v1"'),
        (body("v1", "Pod", b"\x0a\x05ab"), "unexpected EOF"),
        (body("v1", "Pod", b"\x0f"), "illegal tag"),
        (body("v1", "Pod", b"\xff" * 12), "integer overflow"),
        (body("v1", "Pod", message((1, 5))), "wrong wireType"),
        (body("v1", "Pod", message((1, message((1, b"\xff"))))), "invalid start byte"),
    ],
)
def test_unreadable_bodies_are_reported(content: bytes, words: str) -> None:
    with pytest.raises(StatusError, match=words) as refusal:
        protobuf.decode(content)
    assert refusal.value.code == 400


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(StatusError):
        assert protobuf.decode(body("v1", "Pod", raw))["kind"] == "Pod"


@pytest.mark.parametrize(
    "row", [row for row in RESOURCES if row.definition.startswith("io.k8s.api.")], ids=lambda row: row.plural
)
def test_every_served_kind_can_be_read(row: Any) -> None:
    named = decoded(row.api_version, row.kind, (1, message((1, "x"))))
    assert named["metadata"]["name"] == "x"


def test_a_body_in_protobuf_over_http(served: Any) -> None:
    namespace = body("v1", "Namespace", message((1, message((1, "demo")))))
    headers = {"Content-Type": protobuf.MEDIA_TYPE, "Accept": f"{protobuf.MEDIA_TYPE},application/json"}
    answer = served.send("POST", "/api/v1/namespaces", namespace, headers=headers)
    assert (answer.code, answer.body["metadata"]["name"]) == (201, "demo")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/cbor", "(" * 5000]
)
def test_a_body_of_another_type_is_refused(served: Any, media_type: str) -> None:
    answer = served.send("POST", "/api/v1/namespaces", b"{}", headers={"Content-Type": media_type})
    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")
