"""IP addresses as text."""

import pytest

from netpol_harness.model.addresses import ip_version, is_address


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("10.244.0.5", 4),
        ("fe80::1", 6),
        ("fe80::1%eth0", None),
        ("10.244.0", None),
        ("10.244.0.05", None),
        ("db", None),
        ("", None),
    ],
)
def test_literal_addresses_have_a_version(text: str, version: int | None) -> None:
    assert ip_version(text) == version
    assert is_address(text) == (version is not None)
