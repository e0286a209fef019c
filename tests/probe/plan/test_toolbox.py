import pytest

from netpol_harness.errors import ToolMissing
from netpol_harness.probe.plan.toolbox import Netcat, Tool, Toolbox, discovery, parse

NONCE = "a1b2c3d4"


def _answer(text: str) -> bytes:
    return f"\n[{NONCE} tools 0 0 0\n{text}\n{NONCE} tools 0]\n".encode()


DEBIAN = """\
has curl
has nc
has bash
has python3
has getent
has timeout
nc OpenBSD netcat (Debian patchlevel 1.219-1)
nc [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
timeout timeout (GNU coreutils) 9.1
has ahosts"""
ALPINE = """\
has nc
has wget
has ping
has getent
has nslookup
has timeout
nc BusyBox v1.36.1 (2023-11-07 18:53:09 UTC) multi-call binary.
nc -z Zero-I/O mode (scanning)
timeout timeout: unrecognized option: version"""
PLAIN = "has nc\nhas timeout\nhas nslookup\nnc BusyBox v1.35.0 multi-call binary.\ntimeout BusyBox v1.35.0"
RED_HAT = (
    "has ncat\nhas bash\nhas timeout\nnc Ncat 7.93 ( https://nmap.org/ncat )\ntimeout timeout (GNU coreutils) 8.32"
)
TRADITIONAL = "has nc\nnc [v1.10-47]\nnc -z zero-I/O mode"


@pytest.mark.parametrize(
    ("text", "toolbox"),
    [
        (
            DEBIAN,
            Toolbox(
                frozenset({Tool.CURL, Tool.NC, Tool.BASH, Tool.PYTHON}),
                Netcat.OPENBSD,
                receives_once=True,
                lookup="getent ahosts",
            ),
        ),
        (
            ALPINE,
            Toolbox(
                frozenset({Tool.NC, Tool.WGET, Tool.PING}), Netcat.COMPATIBLE, fractional=False, lookup="getent hosts"
            ),
        ),
        (PLAIN, Toolbox(frozenset({Tool.NC}), Netcat.PLAIN, fractional=False, lookup="nslookup")),
        (RED_HAT, Toolbox(frozenset({Tool.NC, Tool.BASH}), Netcat.NCAT, nc="ncat")),
        (TRADITIONAL, Toolbox(frozenset({Tool.NC}), Netcat.TRADITIONAL, has_timeout=False, fractional=False)),
        ("has /agnhost\nhas timeout", Toolbox(frozenset({Tool.AGNHOST}), agnhost="/agnhost", fractional=False)),
    ],
)
def test_the_variants_of_tools_are_recognized_by_their_output(text: str, toolbox: Toolbox) -> None:
    found = parse(NONCE, _answer(text))
    assert found.tools == toolbox.tools
    assert found.netcat is toolbox.netcat
    assert (found.nc, found.receives_once) == (toolbox.nc, toolbox.receives_once)
    assert (found.has_timeout, found.fractional) == (toolbox.has_timeout, toolbox.fractional)
    assert found.lookup == toolbox.lookup


def test_a_container_without_tools_is_an_error_that_names_them() -> None:
    with pytest.raises(ToolMissing, match=r"found none of curl, nc, agnhost.*use an image"):
        parse(NONCE, _answer("has getent"))


@pytest.mark.parametrize(
    "stdout", [b"", b"hello", _answer("has nc").replace(NONCE.encode(), b"ffff"), _answer("has nc") * 2]
)
def test_output_of_another_batch_is_ignored(stdout: bytes) -> None:
    with pytest.raises(ToolMissing, match="did not report"):
        parse(NONCE, stdout)


def test_the_script_carries_its_nonce_and_ends_itself() -> None:
    script = discovery(NONCE)
    assert script.count(NONCE) == 2
    assert script.endswith("exit 0\n")


@pytest.mark.parametrize(("fractional", "timeout", "seconds"), [(True, 0.2, 0.2), (False, 0.2, 1.0), (False, 2.0, 2.0)])
def test_whole_seconds_are_rounded_up(timeout: float, seconds: float, *, fractional: bool) -> None:
    assert Toolbox(frozenset(), fractional=fractional).probe_seconds(timeout) == seconds
