import shlex
from dataclasses import replace

import pytest

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.commands import PREFERENCE, CommandRequest, command_for, lookup_command
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.toolbox import Netcat, Tool, Toolbox

ALL = frozenset(Tool)
TOKEN = "0123456789abcdef"


def _shell(probe: Probe, toolbox: Toolbox, *, timeout: float = 0.2, forced: Tool | None = None) -> str:
    command = command_for(CommandRequest(probe, toolbox, timeout, TOKEN), forced)
    return command.shell if command else ""


TCP = Probe(Scheme.TCP, "10.0.0.1", 80)
NAMED = Probe(Scheme.TCP, "web", 80)
HTTP = Probe(Scheme.HTTP, "fd00::1", 80)
UDP = Probe(Scheme.UDP, "10.0.0.1", 5353)
SCTP = Probe(Scheme.SCTP, "10.0.0.1", 80)
ICMP = Probe(Scheme.ICMP, "web", 0)
NAME = Probe(Scheme.TCP, "web", 80, asks_name=True)


@pytest.mark.parametrize(
    ("probe", "toolbox", "shell"),
    [
        (TCP, Toolbox(ALL, Netcat.OPENBSD), "timeout 0.2 nc -vz -w 1 10.0.0.1 80"),
        (TCP, Toolbox(ALL, Netcat.COMPATIBLE, fractional=False), "timeout 1 nc -vz -w 1 10.0.0.1 80"),
        (TCP, Toolbox(ALL, Netcat.NCAT, nc="ncat"), "timeout 0.2 ncat -vz -w 1 10.0.0.1 80"),
        (TCP, Toolbox(ALL, Netcat.TRADITIONAL), "timeout 0.2 nc -vzn -w 1 10.0.0.1 80"),
        (NAMED, Toolbox(ALL, Netcat.TRADITIONAL), "timeout 0.2 nc -vz -w 1 web 80"),
        (TCP, Toolbox(frozenset({Tool.NC, Tool.WGET}), Netcat.PLAIN), "timeout 2 nc -w 1 10.0.0.1 80"),
        (
            TCP,
            Toolbox(frozenset({Tool.NC, Tool.AGNHOST}), Netcat.PLAIN, agnhost="/agnhost"),
            "/agnhost connect --timeout=200ms --protocol=tcp 10.0.0.1:80",
        ),
        (NAMED, Toolbox(frozenset({Tool.WGET})), "timeout 0.2 wget -S -O /dev/null http://web:80/"),
        (NAMED, Toolbox(frozenset({Tool.BASH})), "timeout 0.2 bash -c 'exec 3<>/dev/tcp/web/80'"),
        (SCTP, Toolbox(ALL, Netcat.NCAT), "timeout 0.2 nc --sctp -vz -w 1 10.0.0.1 80"),
        (SCTP, Toolbox(ALL, Netcat.OPENBSD), "agnhost connect --timeout=200ms --protocol=sctp 10.0.0.1:80"),
        (ICMP, Toolbox(ALL), "timeout 0.2 ping -n -c 1 -W 1 web"),
        (ICMP, Toolbox(ALL - {Tool.PING}), ""),
        (UDP, Toolbox(frozenset({Tool.CURL, Tool.WGET})), ""),
    ],
)
def test_the_command_of_the_first_suitable_tool_is_what_a_user_would_type(
    probe: Probe, toolbox: Toolbox, shell: str
) -> None:
    assert _shell(probe, toolbox) == shell


@pytest.mark.parametrize(
    ("toolbox", "shell"),
    [
        (Toolbox(ALL, Netcat.OPENBSD), "timeout 0.2 nc -6 -vz -w 1 web 80"),
        (Toolbox(ALL, Netcat.NCAT), "timeout 0.2 nc -6 -vz -w 1 web 80"),
        (Toolbox(frozenset({Tool.NC, Tool.WGET}), Netcat.COMPATIBLE), "timeout 0.2 nc -vz -w 1 web 80"),
        (Toolbox(frozenset({Tool.AGNHOST})), "agnhost connect --timeout=200ms --protocol=tcp web:80"),
    ],
)
def test_a_name_of_both_ip_versions_is_probed_over_one_if_a_tool_can_choose(toolbox: Toolbox, shell: str) -> None:
    assert _shell(replace(NAMED, ip_version=6), toolbox) == shell


def test_a_tool_that_can_choose_the_ip_version_is_preferred() -> None:
    probe = replace(NAMED, ip_version=6)
    assert _shell(probe, Toolbox(ALL, Netcat.TRADITIONAL)).startswith("curl -q -6 ")
    assert "AF_INET6" in _shell(probe, Toolbox(frozenset({Tool.AGNHOST, Tool.PYTHON})))
    assert " -6 " in _shell(replace(NAME, ip_version=6), Toolbox(ALL, Netcat.OPENBSD))


def test_http_is_asked_by_curl_without_a_proxy_file_and_with_brackets() -> None:
    shell = _shell(HTTP, Toolbox(ALL, Netcat.OPENBSD))
    assert shell.startswith("curl -q ")
    assert shell.endswith(" --max-time 0.2 http://[fd00::1]:80/")


def test_https_is_asked_by_curl_which_accepts_any_certificate_or_by_whatever_opens_a_connection() -> None:
    https = Probe(Scheme.HTTPS, "web", 443)
    assert _shell(https, Toolbox(ALL, Netcat.OPENBSD)).startswith("curl -q -gsSvk ")
    assert _shell(https, Toolbox(ALL)).endswith(" --max-time 0.2 https://web:443/")
    assert _shell(https, Toolbox(ALL - {Tool.CURL}, Netcat.OPENBSD)) == "timeout 0.2 nc -vz -w 1 web 443"
    assert "/dev/tcp/web/443" in _shell(https, Toolbox(frozenset({Tool.BASH, Tool.WGET})))


def test_curl_opens_tcp_in_telnet_mode() -> None:
    assert _shell(TCP, Toolbox(frozenset({Tool.CURL}))).endswith("telnet://10.0.0.1:80/")


def test_a_datagram_is_sent_three_times_within_the_time_out() -> None:
    command = command_for(CommandRequest(UDP, Toolbox(ALL, Netcat.OPENBSD, receives_once=True), 0.3, TOKEN), None)
    assert command is not None
    assert command.shell == f"printf 'echo {TOKEN}\\012' | timeout 0.1 nc -u -w 2 -W 1 10.0.0.1 5353"
    assert (command.tries, command.data_only) == (3, True)


@pytest.mark.parametrize("kind", [Netcat.NCAT, Netcat.PLAIN])
def test_a_netcat_that_cannot_wait_for_datagrams_is_passed_over(kind: Netcat) -> None:
    assert _shell(UDP, Toolbox(frozenset({Tool.NC, Tool.BASH}), kind)).startswith("timeout 0.08 bash -c")


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("forced", list(Tool))
def test_a_forced_tool_is_the_only_one_used(scheme: Scheme, forced: Tool) -> None:
    probe = Probe(scheme, "10.0.0.1", 0 if scheme is Scheme.ICMP else 80)
    command = command_for(CommandRequest(probe, Toolbox(ALL, Netcat.NCAT), 0.2, TOKEN), forced)
    assert command is None or (command.tool is forced and forced in PREFERENCE[scheme])


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("forced", list(Tool))
@pytest.mark.parametrize("kind", list(Netcat))
def test_a_command_is_one_line_that_a_shell_can_split(scheme: Scheme, forced: Tool, kind: Netcat) -> None:
    probe = Probe(scheme, "a.b", 0 if scheme is Scheme.ICMP else 53)
    shell = _shell(probe, Toolbox(ALL, kind), forced=forced)
    assert "\n" not in shell
    assert not shell or len(shlex.split(shell)) > 2


def test_a_lookup_has_the_time_of_a_probe() -> None:
    assert lookup_command("web", Toolbox(ALL, lookup="getent ahosts"), 0.2) == "timeout 0.2 getent ahosts web"


def test_names_are_asked_for_by_the_tool_that_starts_fastest() -> None:
    by_nc = _shell(NAME, Toolbox(ALL, Netcat.OPENBSD))
    assert by_nc.startswith("printf 'GET /hostname HTTP/1.1")
    assert by_nc.endswith("' | timeout 0.2 nc -w 2 web 80")
    assert _shell(NAME, Toolbox(ALL, Netcat.PLAIN)) == "curl -q -gsS --max-time 0.2 http://web:80/hostname"
    assert _shell(NAME, Toolbox(frozenset({Tool.NC}), Netcat.PLAIN)).endswith("' | timeout 0.2 nc -w 2 web 80")
