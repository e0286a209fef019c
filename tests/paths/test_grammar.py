"""The syntax of paths: one table of what reads, one of what does not, and the round trip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.grammar import Sentence, Specificity, parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import ProbeMode, Scheme
from netpol_harness.paths.port_terms import WIDEST_RANGE, PortRange, PortTerm
from netpol_harness.paths.terms import Form, Name

HERE = Place("scenario.yaml", 7, 3)


def read(text: str) -> Sentence | Problem:
    return parse(text, Expected.ALLOWED, HERE)


@pytest.mark.parametrize(
    ("text", "scheme", "form", "target", "port"),
    [
        ("a -> b:80", Scheme.TCP, Form.NAME, Name("", "b"), 80),
        ("a->b:80", Scheme.TCP, Form.NAME, Name("", "b"), 80),
        ("a -> tcp://b:80", Scheme.TCP, Form.NAME, Name("", "b"), 80),
        ("a -> http://b", Scheme.HTTP, Form.NAME, Name("", "b"), 80),
        ("a -> http://b:8080", Scheme.HTTP, Form.NAME, Name("", "b"), 8080),
        ("a -> http://ns/b", Scheme.HTTP, Form.NAME, Name("ns", "b"), 80),
        ("a -> udp://ns/b:53", Scheme.UDP, Form.NAME, Name("ns", "b"), 53),
        ("a -> sctp://b:7777", Scheme.SCTP, Form.NAME, Name("", "b"), 7777),
        ("a -> icmp://b", Scheme.ICMP, Form.NAME, Name("", "b"), 0),
        ("a -> https://b", Scheme.HTTPS, Form.NAME, Name("", "b"), 443),
        ("a -> https://ip(b):8443", Scheme.HTTPS, Form.IP, Name("", "b"), 8443),
        ("a -> dns", Scheme.TCP, Form.NAME, Name("", "dns"), 0),
        ("a -> tcp://api", Scheme.TCP, Form.NAME, Name("", "api"), 0),
        ("a -> https://api", Scheme.HTTPS, Form.NAME, Name("", "api"), 443),
        ("a -> dns:53", Scheme.TCP, Form.NAME, Name("", "dns"), 53),
        ("a -> any:80", Scheme.TCP, Form.ANY, Name("", ""), 80),
        ("a -> http://shop/any", Scheme.HTTP, Form.ANY, Name("shop", ""), 80),
        ("a -> pod(any):80", Scheme.TCP, Form.POD, Name("", "any"), 80),
        ("a -> app=web:80", Scheme.TCP, Form.LABELS, Name("", ""), 80),
        ("a -> udp://shop/app=web:53", Scheme.UDP, Form.LABELS, Name("shop", ""), 53),
        ("a -> b.c.svc:80", Scheme.TCP, Form.FULL_NAME, Name("c", "b"), 80),
        ("a -> http://b.c.svc.cluster.local", Scheme.HTTP, Form.FULL_NAME, Name("c", "b"), 80),
        ("a -> b.c:80", Scheme.TCP, Form.NAME, Name("", "b.c"), 80),
        ("a -> ip(ns/b):80", Scheme.TCP, Form.IP, Name("ns", "b"), 80),
        ("a -> udp://ip(b):53", Scheme.UDP, Form.IP, Name("", "b"), 53),
        ("a -> lb(ns/b):80", Scheme.TCP, Form.LB, Name("ns", "b"), 80),
        ("a -> node(b):30080", Scheme.TCP, Form.NODE, Name("", "b"), 30080),
        ("a -> pod(b):80", Scheme.TCP, Form.POD, Name("", "b"), 80),
        ("a -> service(ns/b):80", Scheme.TCP, Form.SERVICE, Name("ns", "b"), 80),
        ("a -> 10.0.0.1:80", Scheme.TCP, Form.ADDRESS, Name("", "10.0.0.1"), 80),
        ("a -> icmp://[2001:DB8::0:1]", Scheme.ICMP, Form.ADDRESS, Name("", "2001:db8::1"), 0),
        ("a -> [2001:db8::1]:65535", Scheme.TCP, Form.ADDRESS, Name("", "2001:db8::1"), 65535),
    ],
)
def test_reads(text: str, scheme: Scheme, form: Form, target: Name, port: int) -> None:
    sentence = read(text)
    assert isinstance(sentence, Sentence), sentence
    assert (sentence.scheme, sentence.target.form, sentence.target.name) == (scheme, form, target)
    assert sentence.ports == ((PortRange(port, port),) if port else ())
    assert sentence.source.name == Name("", "a")


@pytest.mark.parametrize(
    ("text", "namespace", "labels"),
    [
        ("app=web", "", {"app": "web"}),
        ("shop/app=web", "shop", {"app": "web"}),
        ("app=web,tier=Front_1.2", "", {"app": "web", "tier": "Front_1.2"}),
        ("example.com/app=web", "", {"example.com/app": "web"}),
        ("shop/example.com/app=web,x=", "shop", {"example.com/app": "web", "x": ""}),
        ("App_2.x=web,example.com/y=z", "", {"App_2.x": "web", "example.com/y": "z"}),
    ],
)
def test_a_set_may_be_given_by_labels_at_both_ends(text: str, namespace: str, labels: dict[str, str]) -> None:
    sentence = read(f"{text} -> http://{text}:80")
    assert isinstance(sentence, Sentence), sentence
    for term in (sentence.source, sentence.target):
        assert (term.form, term.name.namespace, dict(term.labels)) == (Form.LABELS, namespace, labels)
        assert term.is_set
        assert not term.is_everything


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("http", ("http",)),
        ("8000-8003", (PortRange(8000, 8003),)),
        ("{80,443}", (PortRange(80, 80), PortRange(443, 443))),
        ("{80, http-admin, 8000-8003}", (PortRange(80, 80), "http-admin", PortRange(8000, 8003))),
        ("{8001,8000}", (PortRange(8001, 8001), PortRange(8000, 8000))),
        ("1-100", (PortRange(1, 100),)),
    ],
)
def test_ports_are_numbers_names_ranges_and_lists_of_these(text: str, ports: tuple[PortTerm, ...]) -> None:
    sentence = read(f"a -> b:{text}")
    assert isinstance(sentence, Sentence), sentence
    assert sentence.ports == ports
    assert sentence.text == f"a -> b:{text}".replace(", ", ",")


@pytest.mark.parametrize(
    ("more", "less"),
    [("a -> b:80", "any -> any:80"), ("shop/any -> b:80", "any -> b:80"), ("app=x -> a=b:80", "any -> a=b:80")],
)
def test_a_line_is_more_specific_if_one_of_its_ends_is(more: str, less: str) -> None:
    one, other = read(more), read(less)
    assert isinstance(one, Sentence)
    assert isinstance(other, Sentence)
    assert one.specificity.exceeds(other.specificity)
    assert not other.specificity.exceeds(one.specificity)
    assert not one.specificity.exceeds(one.specificity)


def test_lines_that_are_each_more_specific_in_one_end_are_not_ordered() -> None:
    assert not Specificity(2, 0).exceeds(Specificity(0, 2))
    assert not Specificity(0, 2).exceeds(Specificity(2, 0))


@pytest.mark.parametrize(
    ("text", "mode", "source", "port"),
    [
        ("a -> b:80", ProbeMode.NEW, Name("", "a"), 0),
        ("a:40000 -> udp://b:80", ProbeMode.NEW, Name("", "a"), 40000),
        ("held ns/a -> http://b", ProbeMode.PERSISTENT, Name("ns", "a"), 0),
        ("held a:40000 -> udp://b:80", ProbeMode.PERSISTENT, Name("", "a"), 40000),
        ("first a -> icmp://b", ProbeMode.FIRST_PACKET, Name("", "a"), 0),
        ("throughout any -> b:80", ProbeMode.CONTINUOUS, Name("", ""), 0),
        ("throughout shop/any -> b:80", ProbeMode.CONTINUOUS, Name("shop", ""), 0),
        ("held pod(ns/a) -> http://b", ProbeMode.PERSISTENT, Name("ns", "a"), 0),
        ("held -> b:80", ProbeMode.NEW, Name("", "held"), 0),
        ("first first -> b:80", ProbeMode.FIRST_PACKET, Name("", "first"), 0),
    ],
)
def test_a_source_may_say_how_it_asks_and_from_which_port(text: str, mode: ProbeMode, source: Name, port: int) -> None:
    sentence = read(text)
    assert isinstance(sentence, Sentence), sentence
    assert (sentence.mode, sentence.source.name, sentence.source_port) == (mode, source, port)


@pytest.mark.parametrize(
    ("text", "source", "container"),
    [("a[side]", Name("", "a"), "side"), ("held ns/a[c-1]", Name("ns", "a"), "c-1"), ("pod(a)[c]", Name("", "a"), "c")],
)
def test_a_source_may_name_one_container(text: str, source: Name, container: str) -> None:
    sentence = read(f"{text} -> http://b:80")
    assert isinstance(sentence, Sentence), sentence
    assert (sentence.source.name, sentence.source.container) == (source, container)


@pytest.mark.parametrize(
    ("text", "form", "name", "replica"),
    [
        ("a/0", Form.NAME, Name("", "a"), 0),
        ("ns/a/12", Form.NAME, Name("ns", "a"), 12),
        ("pod(a/1)", Form.POD, Name("", "a"), 1),
        ("node(ns/a/1)", Form.NODE, Name("ns", "a"), 1),
        ("node(a)", Form.NODE, Name("", "a"), None),
        ("db-0", Form.NAME, Name("", "db-0"), None),
    ],
)
def test_both_ends_may_be_one_replica(text: str, form: Form, name: Name, replica: int | None) -> None:
    sentence = read(f"{text} -> {text}:80")
    assert isinstance(sentence, Sentence), sentence
    for term in (sentence.source, sentence.target):
        assert (term.form, term.name, term.replica) == (form, name, replica)


@pytest.mark.parametrize("verdict", [Expected.UNRESOLVED, Expected.DROPPED, Expected.REJECTED])
def test_a_held_connection_passes_data_or_does_not(verdict: Expected) -> None:
    problem = parse("held a -> http://b", verdict, HERE)
    assert isinstance(problem, Problem)
    assert "write allowed, blocked or undefined" in str(problem)


def test_canonical_text_keeps_the_authors_spelling() -> None:
    sentence = read("  held   ns/a  ->   http://b ")
    assert isinstance(sentence, Sentence)
    assert sentence.text == "held ns/a -> http://b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a path"),
        ("a", "is not a path"),
        ("a -> ", "is not a path"),
        (" -> b:80", "is not a path"),
        ("a -> b:80 -> c:80", "is not a path"),
        ("a → b:80", "is not a path"),
        ("a -> b", "has no port"),
        ("a -> ns/dns", "has no port"),
        ("a -> pod(dns)", "has no port"),
        ("a -> udp://b", "has no port"),
        ("a -> b:", "is not a port"),
        ("a -> b:HTTP", "is not a port"),
        ("a -> b:ht--tp", "is not a port"),
        ("a -> b:80-", "is not a port"),
        ("a -> b:{}", "'' is not a port"),
        ("a -> b:{80,}", "'' is not a port"),
        ("a -> b:{80", "'{80' is not a port"),
        ("a -> b:80,443", "several in braces: {80,443}"),
        ("a -> b:{80,79-81}", "has a port twice"),
        ("a -> b:{http,http}", "has a port twice"),
        ("a -> b:8003-8000", "ends before it begins; write 8000-8003"),
        ("a -> b:8000-70000", "'70000' is not a port"),
        (
            "a -> b:1-65535",
            f"stands for 65535 ports, and each of them is a test; name the ports that matter, at most {WIDEST_RANGE}",
        ),
        ("a -> b:{1-99,x,y}", "stands for 101 ports"),
        ("a -> b:0", "is not a port"),
        ("a -> b:080", "is not a port"),
        ("a -> b:65536", "is not a port"),
        ("a -> icmp://b:80", "ICMP has no ports"),
        ("a -> http://b:80/index.html", "remove '/index.html'"),
        ("a -> http://b.c.svc/", "remove '/'"),
        ("a -> htp://b:80", "did you mean http"),
        ("a[] -> b:80", "is not the name of a source"),
        ("a[Side] -> b:80", "is not the name of a source"),
        ("any[side] -> b:80", "'any[side]' names a container of several pods"),
        ("shop/app=x[side] -> b:80", "'shop/app=x[side]' names a container of several pods; name one workload"),
        ("a -> b[side]:80", "is not a target"),
        ("first a[side] -> b:80", "from a container before any container of the pod runs; remove '[side]'"),
        ("node(a)[c] -> b:80", "names a container, but a node has none; write node(a)"),
        ("first a/0 -> b:80", "the first packets of one replica, but all replicas start alike; remove '/0'"),
        ("a -> service(b/0/0):80", "is not the name of an object for service()"),
        ("a -> ftp://b:21", "is not a scheme"),
        ("a -> app==x:80", "'app==x' is not a label"),
        ("a -> =x:80", "'=x' is not a label; write KEY=VALUE"),
        ("app=x, -> b:80", "'' is not a label"),
        ("shop/=x -> b:80", "'shop/=x' is not a label"),
        ("a=-x -> b:80", "'a=-x' is not a label"),
        ("held shop/any -> http://b", "combines held with shop/any"),
        ("first a -> app=b:80", "combines first with app=b"),
        ("app=a:40000 -> b:80", "combines a source port with app=a"),
        ("a -> IP(b):80", "is not a target"),
        ("a -> pods(b):80", "did you mean pod?"),
        ("a -> ip():80", "an empty text"),
        ("a -> ip(b)c:80", "is not a target"),
        ("a -> Web:80", "is not a target"),
        ("a -> b c:80", "is not a target"),
        ("A -> b:80", "is not the name of a source"),
        ("hold a -> b:80", "'hold' is not a probe mode; did you mean held?"),
        ("held first a -> b:80", "is not a source"),
        ("a:http -> b:80", "'http' is not a port"),
        ("a: -> b:80", "'' is not a port"),
        ("a:65536 -> b:80", "is not a port"),
        ("a:40000 -> http://b", "binds a source port over http"),
        ("a:40000 -> icmp://b", "binds a source port over icmp"),
        ("any:40000 -> b:80", "combines a source port with any"),
        ("a:40000 -> any:80", "combines a source port with any"),
        ("held a -> b:80", "over tcp, on which no server answers twice; write http:// or udp://"),
        ("held a -> sctp://b:80", "write http:// or udp://"),
        ("held any -> http://b", "combines held with any"),
        ("first a -> any:80", "combines first with any"),
        ("ip(a) -> b:80", "is not the name of a source"),
        ("lb(a) -> b:80", "is not the name of a source"),
        ("a -> lb(b/0/0):80", "is not the name of an object for lb()"),
        ("a -> 300.0.0.1:80", "is not an IP address"),
        ("a -> [10.0.0.x]:80", "is not an IP address"),
        ("a -> [fe80::1%eth0]:80", "has a zone"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    problem = read(text)
    assert isinstance(problem, Problem)
    assert message in str(problem)
    assert problem.place == HERE
    assert problem.remedy


PORT_NUMBERS = st.integers(1, 65535).map(str)
PORT_NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name)
RANGES = st.builds(lambda first, more: f"{first}-{first + more}", st.integers(1, 65000), st.integers(0, 90))
PORTS = st.one_of(
    PORT_NUMBERS,
    PORT_NAMES,
    RANGES,
    st.builds(lambda items: f"{{{','.join(items)}}}", st.lists(PORT_NUMBERS | PORT_NAMES, min_size=1, unique=True)),
)
LABELS = st.builds(
    lambda namespace, labels: f"{namespace}{','.join(labels)}",
    st.sampled_from(["", "shop/"]),
    st.lists(
        st.from_regex(r"(example\.com/)?[A-Za-z]([A-Za-z0-9_.-]{0,5}[a-z])?=([A-Z0-9]?|a[a-z._-]*z)", fullmatch=True),
        min_size=1,
    ),
)
SETS = st.sampled_from(["any", "shop/any"]) | LABELS
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
REFS = st.builds(lambda parts: "/".join(parts), st.lists(NAMES, min_size=1, max_size=2))
MEMBERS = st.builds(lambda ref, index: f"{ref}/{index}", REFS, st.integers(0, 9999))
PODS = REFS | MEMBERS | REFS.map(lambda ref: f"pod({ref})")
SOURCES = st.one_of(
    PODS,
    PODS.filter(lambda ref: "(" not in ref).map(lambda ref: f"node({ref})"),
    SETS,
    st.builds(lambda pod, name: f"{pod}[{name}]", PODS.filter(lambda ref: ref != "any"), NAMES),
)
TERMS = st.one_of(
    REFS,
    SETS,
    MEMBERS,
    st.builds(lambda form, ref: f"{form}({ref})", st.sampled_from(["ip", "lb", "node", "pod", "service"]), REFS),
    st.builds(lambda form, ref: f"{form}({ref})", st.sampled_from(["node", "pod"]), MEMBERS),
    st.builds(lambda a, b, tail: f"{a}.{b}.svc{tail}", NAMES, NAMES, st.sampled_from(["", ".cluster.local"])),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
TARGETS = st.one_of(
    st.builds(
        lambda scheme, term, port: f"{scheme}{term}:{port}",
        st.sampled_from(["", "tcp://", "http://", "https://", "udp://", "sctp://"]),
        TERMS,
        PORTS,
    ),
    TERMS.map(lambda term: f"icmp://{term}"),
    TERMS.map(lambda term: f"http://{term}"),
    TERMS.map(lambda term: f"https://{term}"),
)


@given(SOURCES, TARGETS, st.sampled_from(["->", " -> ", "  ->\t"]))
def test_every_sentence_of_the_grammar_reads_and_its_text_reads_the_same(source: str, target: str, arrow: str) -> None:
    sentence = read(f"{source}{arrow}{target}")
    assert isinstance(sentence, Sentence), sentence
    assert sentence.text == f"{source} -> {target}"
    assert read(sentence.text) == sentence


@given(st.text() | st.from_regex(r"[a-z]+ -> .*", fullmatch=True))
def test_no_text_raises(text: str) -> None:
    result = read(text)
    assert isinstance(result, Problem) or read(result.text) == result
