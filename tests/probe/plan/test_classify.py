import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe.plan.classify import curl_seconds, read
from netpol_harness.probe.plan.commands import Dialect

CURL_CONNECTED = "*   Trying 10.9.0.1:80...\n* Connected to 10.9.0.1 (10.9.0.1) port 80 (#0)\n"
CONNECTED, REFUSED, TIMED_OUT = Outcome.CONNECTED, Outcome.REFUSED, Outcome.TIMED_OUT
UNREACHABLE, NAME_FAILED, PROBE_FAILED = Outcome.UNREACHABLE, Outcome.NAME_FAILED, Outcome.PROBE_FAILED

RECORDED = [
    # openbsd
    (Dialect.NC, 0, "Connection to 10.9.0.1 80 port [tcp/http] succeeded!", CONNECTED),
    (Dialect.NC, 1, "nc: connect to 10.9.0.1 port 82 (tcp) failed: Connection refused", REFUSED),
    (Dialect.NC, 1, "nc: connect to 10.9.0.1 port 84 (tcp) failed: No route to host", UNREACHABLE),
    (Dialect.NC, 1, "nc: connect to 10.79.0.1 port 80 (tcp) failed: Permission denied", UNREACHABLE),
    (Dialect.NC, 1, "nc: connect to 10.80.0.1 port 80 (tcp) failed: Network is unreachable", UNREACHABLE),
    (Dialect.NC, 1, "nc: connect to 10.9.0.1 port 81 (tcp) timed out: Operation now in progress", TIMED_OUT),
    (Dialect.NC, 124, "", TIMED_OUT),
    (Dialect.NC, 1, 'nc: getaddrinfo for host "nx" port 80: Name or service not known', NAME_FAILED),
    (Dialect.NC, 1, 'nc: getaddrinfo for host "x" port 80: Temporary failure in name resolution', NAME_FAILED),
    (
        Dialect.NC,
        0,
        "nc: connect to web (10.0.0.1) port 80 (tcp) failed: Connection refused\n"
        "Connection to web (10.0.0.2) 80 port [tcp/http] succeeded!",
        CONNECTED,
    ),
    # traditional, ncat, busybox
    (Dialect.NC, 0, "(UNKNOWN) [10.9.0.1] 80 (http) open", CONNECTED),
    (Dialect.NC, 1, "nx: forward host lookup failed: Unknown host", NAME_FAILED),
    (Dialect.NC, 0, "Ncat: Version 7.93\nNcat: Connected to 10.9.0.1:80.\nNcat: 0 bytes sent", CONNECTED),
    (Dialect.NC, 1, "Ncat: TIMEOUT.", TIMED_OUT),
    (Dialect.NC, 2, 'Ncat: Could not resolve hostname "nx": Name or service not known. QUITTING.', NAME_FAILED),
    (Dialect.NC, 1, "Ncat: Protocol not supported.", PROBE_FAILED),
    (Dialect.NC, 1, "nc: 10.0.0.1 (10.0.0.1:81): Host is unreachable", UNREACHABLE),
    (Dialect.NC, 1, "nc: invalid option -- 'v'\nUsage: nc [-iN] [-wN]", PROBE_FAILED),
    (Dialect.NC, 143, "Terminated", TIMED_OUT),
    (Dialect.NC_PLAIN, 0, "hello", CONNECTED),
    (Dialect.NC_PLAIN, 0, "", CONNECTED),
    (Dialect.NC_PLAIN, 124, "", CONNECTED),
    (Dialect.NC_PLAIN, 1, "nc: timed out", TIMED_OUT),
    (Dialect.NC_PLAIN, 1, "nc: bad address 'nx'", NAME_FAILED),
    # no output is no information
    (Dialect.NC, 0, "", PROBE_FAILED),
    (Dialect.NC, 1, "", PROBE_FAILED),
    (Dialect.NC, 139, "Segmentation fault", PROBE_FAILED),
    (Dialect.NC, 137, "Killed", PROBE_FAILED),
    (Dialect.NC, 127, "timeout: failed to run command 'nc': No such file or directory", PROBE_FAILED),
    (Dialect.NC, 126, "sh: nc: Permission denied", PROBE_FAILED),
    (Dialect.CURL, 127, "sh: curl: not found", PROBE_FAILED),
    # datagrams
    (Dialect.NC_UDP, 0, "token", CONNECTED),
    (Dialect.NC_UDP, 124, "token", CONNECTED),
    (Dialect.NC_UDP, 0, "", REFUSED),
    (Dialect.NC_UDP, 124, "", TIMED_OUT),
    (Dialect.NC_UDP, 1, "", UNREACHABLE),
    (Dialect.BASH_UDP, 1, "", REFUSED),
    # curl
    (Dialect.CURL, 0, CURL_CONNECTED + "< HTTP/1.1 404 Not Found", CONNECTED),
    (Dialect.CURL, 0, "* Established connection to web (10.0.0.1 port 80)\n< HTTP/1.1 200 OK", CONNECTED),
    (Dialect.CURL, 52, CURL_CONNECTED + "curl: (52) Empty reply from server", CONNECTED),
    (Dialect.CURL, 56, CURL_CONNECTED + "curl: (56) Recv failure: Connection reset by peer", CONNECTED),
    (Dialect.CURL, 1, CURL_CONNECTED + "curl: (1) Received HTTP/0.9 when not allowed", CONNECTED),
    (Dialect.CURL, 35, CURL_CONNECTED + "curl: (35) SSL routines::wrong version number", CONNECTED),
    (Dialect.CURL, 60, CURL_CONNECTED + "curl: (60) SSL certificate problem", CONNECTED),
    (Dialect.CURL, 28, CURL_CONNECTED + "curl: (28) Operation timed out after 200 milliseconds", CONNECTED),
    (Dialect.CURL, 28, "* Connection timed out after 201 milliseconds", TIMED_OUT),
    (Dialect.CURL, 28, "* Resolving timed out after 201 milliseconds", NAME_FAILED),
    (Dialect.CURL, 6, "curl: (6) Could not resolve host: nx", NAME_FAILED),
    (Dialect.CURL, 7, "* connect to 10.9.0.1 port 82 failed: Connection refused\ncurl: (7) Failed to connect", REFUSED),
    (Dialect.CURL, 7, "* Immediate connect fail for 10.77.0.1: No route to host\ncurl: (7) Failed", UNREACHABLE),
    (Dialect.CURL, 2, "curl: option -gsSv: is unknown", PROBE_FAILED),
    (Dialect.CURL, 5, "curl: (5) Could not resolve proxy", PROBE_FAILED),
    # agnhost
    (Dialect.AGNHOST, 0, "", CONNECTED),
    (Dialect.AGNHOST, 1, "TIMEOUT", TIMED_OUT),
    (Dialect.AGNHOST, 1, "REFUSED", REFUSED),
    (Dialect.AGNHOST, 1, "DNS: no such host", NAME_FAILED),
    (Dialect.AGNHOST, 1, "OTHER: connect: no route to host", UNREACHABLE),
    (Dialect.AGNHOST, 1, "OTHER: strange", PROBE_FAILED),
    (Dialect.AGNHOST, 1, "UNKNOWN", PROBE_FAILED),
    # wget
    (Dialect.WGET, 0, "  HTTP/1.1 200 OK", CONNECTED),
    (Dialect.WGET, 8, "  HTTP/1.1 404 Not Found", CONNECTED),
    (Dialect.WGET, 1, "wget: error getting response: Connection reset by peer", CONNECTED),
    (Dialect.WGET, 4, "Connecting to 10.9.0.1:82... failed: Connection refused.", REFUSED),
    (Dialect.WGET, 4, "wget: unable to resolve host address 'nx'", NAME_FAILED),
    (Dialect.WGET, 143, "Terminated", TIMED_OUT),
    (Dialect.WGET, 139, "Segmentation fault", PROBE_FAILED),
    # bash, python3, ping
    (Dialect.BASH, 0, "", CONNECTED),
    (Dialect.BASH, 1, "bash: connect: Connection refused\nbash: line 1: /dev/tcp/1/2: Connection refused", REFUSED),
    (Dialect.BASH, 1, "bash: line 1: nx: Name or service not known", NAME_FAILED),
    (Dialect.PYTHON, 0, "b'token'", CONNECTED),
    (Dialect.PYTHON, 1, "Traceback\nConnectionRefusedError: [Errno 111] Connection refused", REFUSED),
    (Dialect.PYTHON, 1, "Traceback\nsocket.gaierror: [Errno -2] Name or service not known", NAME_FAILED),
    (Dialect.PYTHON, 1, "Traceback\nOSError: [Errno 93] Protocol not supported", PROBE_FAILED),
    (Dialect.PYTHON, 1, "SyntaxError: invalid syntax", PROBE_FAILED),
    (Dialect.PING, 0, "1 packets transmitted, 1 received", CONNECTED),
    (Dialect.PING, 1, "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\n100% packet loss", UNREACHABLE),
    (Dialect.PING, 1, "1 packets transmitted, 0 received, 100% packet loss", TIMED_OUT),
    (Dialect.PING, 2, "ping: socket: Operation not permitted", PROBE_FAILED),
    (Dialect.PING, 2, "ping: nx: Name or service not known", NAME_FAILED),
    # lookups, and errno of the python script
    (Dialect.LOOKUP, 0, "10.0.0.1 STREAM web", CONNECTED),
    (Dialect.LOOKUP, 2, "", NAME_FAILED),
    (Dialect.LOOKUP, 124, "", TIMED_OUT),
    (Dialect.LOOKUP, 1, "** server can't find nx: NXDOMAIN", NAME_FAILED),
    (Dialect.LOOKUP, 1, "Name:\tweb\nAddress: 10.0.0.1\n** can't find web: NXDOMAIN", CONNECTED),
    (Dialect.PYTHON_SCRIPT, 0, "", CONNECTED),
    (Dialect.PYTHON_SCRIPT, 111, "", REFUSED),
    (Dialect.PYTHON_SCRIPT, 110, "", TIMED_OUT),
    (Dialect.PYTHON_SCRIPT, 113, "", UNREACHABLE),
    (Dialect.PYTHON_SCRIPT, 93, "", PROBE_FAILED),
    (Dialect.PYTHON_SCRIPT, 124, "", PROBE_FAILED),
]


@pytest.mark.parametrize(("dialect", "code", "message", "outcome"), RECORDED)
def test_every_recorded_result_of_a_tool_has_one_outcome(
    dialect: Dialect, code: int, message: str, outcome: Outcome
) -> None:
    assert read(dialect, code, message).outcome is outcome


@pytest.mark.parametrize(
    ("dialect", "code", "message", "detail"),
    [
        (Dialect.CURL, 0, CURL_CONNECTED + "< HTTP/1.1 404 Not Found\n\ntime_connect 0.001", "HTTP 404"),
        (Dialect.CURL, 52, CURL_CONNECTED + "curl: (52) Empty reply", "connected, then curl: (52) Empty reply"),
        (Dialect.NC, 139, "Segmentation fault", "answer not understood: exit code 139, Segmentation fault"),
        (Dialect.NC, 127, "sh: nc: not found", "it could not be run (exit code 127): sh: nc: not found"),
        (Dialect.NC_UDP, 0, "", "an ICMP error came back"),
    ],
)
def test_the_detail_tells_the_rest(dialect: Dialect, code: int, message: str, detail: str) -> None:
    assert read(dialect, code, message).detail == detail


@given(st.sampled_from(list(Dialect)), st.integers(0, 255), st.text())
def test_any_output_is_classified_with_a_one_line_detail(dialect: Dialect, code: int, message: str) -> None:
    meaning = read(dialect, code, message)
    assert meaning.outcome in Outcome
    assert "\n" not in meaning.detail


@given(st.sampled_from(list(Dialect)), st.integers(2, 255))
def test_failure_without_a_word_is_never_a_connection(dialect: Dialect, code: int) -> None:
    if (dialect, code) in {(Dialect.CURL, 8), (Dialect.CURL, 52), (Dialect.CURL, 56)}:
        return
    if dialect is Dialect.NC_PLAIN and code in (124, 143):
        return
    assert read(dialect, code, "").outcome is not CONNECTED


@pytest.mark.parametrize(
    ("message", "seconds"), [("time_connect 0.25", 0.25), ("time_connect 0.000000", None), ("", None)]
)
def test_curl_tells_how_long_the_connection_took(message: str, seconds: float | None) -> None:
    assert curl_seconds(message) == seconds
