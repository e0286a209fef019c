"""The lies: each breaks or fakes some paths behind the back of policies, so that no verdict on them is true."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from netpol_harness.model.names import NamespacedName
from tests.liars.network.wire import ACCEPT_AND, NAMES, Wire

PROXY, PROXY_UDP, NAME_SERVER = "15001", "15002", "15053"
NODE = "192.0.2.1"
UNUSED = "10.244.0.250"
"""An address of the pods' network that no pod has."""


@dataclass(frozen=True, slots=True)
class Town:
    """A scenario's pods and Service, as they are on the cluster. ``exec_in`` redirects what is run in one pod."""

    wire: Wire
    address: Mapping[str, str]
    cluster_ip: str
    dns: str
    port: int
    redirect: dict[NamespacedName, NamespacedName] = field(default_factory=dict)
    ref: Mapping[str, NamespacedName] = field(default_factory=dict)
    patch: Callable[..., object] = lambda **_: None


Tell = Callable[[Town], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Lie:
    """``touches`` are the paths, by their texts' beginnings and ends, of which nothing true can be said."""

    name: str
    tell: Tell
    touches: Callable[[str], bool]


def _from(*sources: str, to: str = "") -> Callable[[str], bool]:
    return lambda text: text.split(" -> ")[0].rpartition("/")[2] in sources and to in text


def _rule(*rules: str, **where: object) -> Tell:
    """Rules in which ``{client}``, ``{friend}``, ``{server}``, ``{vip}``, ``{dns}``, ``{decoy}``, ``{port}`` stand."""

    def tell(town: Town) -> AbstractContextManager[None]:
        words = {**town.address, "vip": town.cluster_ip, "dns": town.dns, "port": town.port, "unused": UNUSED}
        return town.wire.rules(*(rule.format(**words) for rule in rules), **where)  # type: ignore[arg-type]

    return tell


def _link_down(name: str) -> Tell:
    @contextmanager
    def tell(town: Town) -> Iterator[None]:
        wire, veth = town.wire, town.wire.veth(town.address[name])
        routes, neighbours = (wire.lines("ip", what, "show", "dev", veth) for what in ("route", "neigh"))
        wire.run("ip", "link", "set", veth, "down")
        try:
            yield
        finally:
            wire.run("ip", "link", "set", veth, "up")
            for route in routes:
                wire.run("ip", "route", "replace", *route, "dev", veth)
            for address, _, mac, *_ in neighbours:
                wire.run("ip", "neigh", "replace", address, "lladdr", mac, "nud", "permanent", "dev", veth)

    return tell


def _no_route(name: str) -> Tell:
    @contextmanager
    def tell(town: Town) -> Iterator[None]:
        (route,) = town.wire.lines("ip", "route", "show", town.address[name])
        town.wire.run("ip", "route", "del", *route)
        town.wire.run("ip", "route", "add", "unreachable", town.address[name])
        try:
            yield
        finally:
            town.wire.run("ip", "route", "del", "unreachable", town.address[name])
            town.wire.run("ip", "route", "add", *route)

    return tell


def _proxied(answer: str, rule: str) -> Tell:
    """Connections that match go to a server on the node, which accepts all."""

    @contextmanager
    def tell(town: Town) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(town.wire.serving(ACCEPT_AND, "tcp", PROXY, answer))
            text = f"{rule} dnat to {NODE}:{PROXY}"
            stack.enter_context(_rule(text, hook="prerouting", priority=-150, kind="nat")(town))
            yield

    return tell


def _echoed(rule: str) -> Tell:
    @contextmanager
    def tell(town: Town) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(town.wire.serving(ACCEPT_AND, "udp", PROXY_UDP, "echo"))
            text = f"{rule} dnat to {NODE}:{PROXY_UDP}"
            stack.enter_context(_rule(text, hook="prerouting", priority=-150, kind="nat")(town))
            yield

    return tell


def _names(answer: str, source: str) -> Tell:
    @contextmanager
    def tell(town: Town) -> Iterator[None]:
        record = town.address.get(answer, answer)
        with ExitStack() as stack:
            stack.enter_context(town.wire.serving(NAMES, NAME_SERVER, record))
            text = f"ip saddr {{{source}}} udp dport 53 dnat to {NODE}:{NAME_SERVER}"
            stack.enter_context(_rule(text, hook="prerouting", priority=-150, kind="nat")(town))
            yield

    return tell


def _elsewhere(source: str, other: str) -> Tell:
    @contextmanager
    def tell(town: Town) -> Iterator[None]:
        town.redirect[town.ref[source]] = town.ref[other]
        try:
            yield
        finally:
            town.redirect.clear()

    return tell


NAT = {"hook": "prerouting", "priority": -150, "kind": "nat"}
_client, _friend = _from("client"), _from("friend")
_friend_tcp = lambda text: _friend(text) and "udp" not in text  # noqa: E731
_friend_service = _from("friend", to="svc")
_by_service = lambda text: "svc" in text and "lonely" not in text  # noqa: E731
_by_name = lambda text: "client -> svc" in text  # noqa: E731

LIES: tuple[Lie, ...] = (
    Lie("source-interface-down", _link_down("client"), _client),
    Lie("target-interface-down", _link_down("server"), lambda text: "lonely" not in text),
    Lie("no-route-to-target", _no_route("server"), lambda text: "lonely" not in text),
    Lie("no-route-to-source", _no_route("client"), _client),
    Lie("all-dropped", _rule("drop"), lambda text: True),
    Lie("all-rejected", _rule("reject with icmp type admin-prohibited"), lambda text: True),
    Lie("all-reset", _rule("meta l4proto tcp reject with tcp reset", "drop"), lambda text: True),
    Lie("source-dropped", _rule("ip saddr {client} drop"), _client),
    Lie("source-rejected", _rule("ip saddr {client} reject with icmp type host-unreachable"), _client),
    Lie("return-path-dropped", _rule("ip daddr {client} drop"), _client),
    Lie(
        "answers-dropped",
        _rule("tcp flags syn,ack / syn,ack drop", "ip protocol udp udp sport != 53 drop"),
        lambda text: "lonely" not in text,
    ),
    Lie("target-firewall-drops", _rule("ip daddr {server} drop"), lambda text: "lonely" not in text),
    Lie("target-firewall-rejects", _rule("ip daddr {server} reject"), lambda text: "lonely" not in text),
    Lie(
        "target-firewall-drops-one-port",
        _rule("ip daddr {server} tcp dport {port} drop"),
        lambda text: "lonely" not in text and "udp" not in text,
    ),
    Lie(
        "target-firewall-resets-one-port",
        _rule("ip daddr {server} tcp dport {port} reject with tcp reset"),
        lambda text: "lonely" not in text and "udp" not in text,
    ),
    Lie("pair-dropped", _rule("ip saddr {client} ip daddr {server} drop"), _client),
    Lie("udp-dropped", _rule("ip daddr {server} ip protocol udp drop"), lambda text: "udp" in text),
    Lie("udp-answers-dropped", _rule("ip saddr {server} ip protocol udp drop"), lambda text: "udp" in text),
    Lie(
        "udp-answers-from-elsewhere",
        _rule("ip saddr {server} ip protocol udp ip saddr set {unused}"),
        lambda text: "udp" in text,
    ),
    Lie("udp-rejected", _rule("ip daddr {server} ip protocol udp reject"), lambda text: "udp" in text),
    Lie("kube-proxy-dead", _rule("ip daddr {vip} drop", hook="prerouting"), _by_service),
    Lie("kube-proxy-rejects", _rule("ip daddr {vip} ip protocol tcp dnat to 192.0.2.1:1", **NAT), _by_service),
    Lie("stale-cluster-ip", _rule("ip daddr {vip} dnat to {unused}", **NAT), _by_service),
    Lie("wrong-service-port", _rule("ip daddr {vip} ip protocol tcp dnat to {server}:1", **NAT), _by_service),
    Lie("stale-name", _names(UNUSED, "client"), _by_name),
    Lie("wildcard-name", _names("decoy", "client"), _by_name),
    Lie("name-of-the-node", _names("192.0.2.1", "client"), _by_name),
    Lie("name-does-not-exist", _names("NXDOMAIN", "client"), _by_name),
    Lie("name-server-fails", _names("SERVFAIL", "client"), _by_name),
    Lie("name-server-silent", _rule("ip saddr {client} udp dport 53 drop", hook="prerouting"), _by_name),
    Lie("every-name-server-silent", _rule("udp dport 53 drop", hook="prerouting"), lambda text: "-> svc" in text),
    Lie("blocked-source-is-another-pod", _elsewhere("client", "lonely"), _client),
    Lie("proxy-accepts-all", _proxied("silent", "ip saddr {friend} ip protocol tcp"), _friend_tcp),
    Lie("proxy-accepts-one-port", _proxied("silent", "ip saddr {friend} tcp dport {port}"), _friend_tcp),
    Lie("proxy-answers-200", _proxied("200", "ip saddr {friend} tcp dport {port}"), _friend_tcp),
    Lie("proxy-answers-502", _proxied("502", "ip saddr {friend} ip protocol tcp"), _friend_tcp),
    Lie("proxy-answers-503", _proxied("503", "ip saddr {friend} tcp dport {port}"), _friend_tcp),
    Lie("proxy-answers-504", _proxied("504", "ip saddr {friend} tcp dport {port}"), _friend_tcp),
    Lie("proxy-resets", _proxied("reset", "ip saddr {friend} ip protocol tcp"), _friend_tcp),
    Lie("proxy-closes", _proxied("close", "ip saddr {friend} tcp dport {port}"), _friend_tcp),
    Lie("proxy-echoes-datagrams", _echoed("ip saddr {friend} udp dport != 53"), lambda text: "friend -> udp" in text),
    Lie(
        "wrong-backend",
        _rule("ip saddr {friend} ip daddr {server} dnat to {decoy}", **NAT),
        lambda text: "friend -> server" in text or "friend -> udp" in text,
    ),
    Lie("wrong-backend-of-service", _rule("ip saddr {friend} ip daddr {vip} dnat to {decoy}", **NAT), _friend_service),
    Lie(
        "isolated-wrong-backend",
        _rule("ip saddr {client} ip daddr {server} dnat to {decoy}", **NAT),
        lambda text: "client -> server" in text or "client -> udp" in text,
    ),
    Lie(
        "isolated-wrong-backend-of-service",
        _rule("ip saddr {client} ip daddr {vip} dnat to {decoy}", **NAT),
        lambda text: "client -> svc" in text or "client -> ip" in text,
    ),
    Lie(
        "name-of-another-pod",
        _names("decoy", "friend"),
        lambda text: "friend -> svc" in text or "friend -> http" in text,
    ),
    Lie("allowed-source-is-another-pod", _elsewhere("friend", "decoy"), _friend),
)
