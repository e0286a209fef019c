import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.analysis.dependencies.references import DEFAULT_PORTS, expanded, references, resolved
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service


def service(name: str, *ports: int, namespace: str = "shop", headless: bool = False) -> Service:
    spec: dict[str, object] = {"ports": [{"port": port, "name": f"p{port}"} for port in ports], "selector": {}}
    spec |= {"clusterIP": "None"} if headless else {}
    return Service.parse({"metadata": {"name": name, "namespace": namespace}, "spec": spec})


SERVICES = {
    s.ref: s
    for s in (
        service("db", 5432),
        service("redis-cache", 6379, 16379),
        service("kafka", 9092, headless=True),
        service("api", 80, 8080, namespace="other"),
    )
}


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("DB_HOST", "db", [("db", 0)]),
        ("MYSQL_DATABASE", "db", []),
        ("", "db:5432", [("db", 5432)]),
        ("", "jdbc:postgresql://db:5432/db?user=db", [("db", 5432)]),
        ("", "jdbc:postgresql://db/orders", [("db", 5432)]),
        ("DATABASE_URL", "postgres://user:p%40ss@db/orders", [("db", 5432)]),
        ("", "host=db port=5432 dbname=db", [("db", 0)]),
        ("BROKERS", "kafka-0.kafka:9092, kafka-1.kafka.shop.svc.cluster.local.:9092", [("kafka", 9092)] * 2),
        ("SEEDS", "db,redis-cache", [("db", 0), ("redis-cache", 0)]),
        ("", "http://api.other/v1", [("api", 80)]),
        ("", "api.other.svc:8080", [("api", 8080)]),
        ("URL", "http://api:8080", []),  # of another namespace
        ("", "echo connecting to db", []),
        ("", "my-db:5432", []),
        ("", "db.example.com:5432", []),
        ("", "db-0.db:5432", []),  # only a headless Service has names of members
        ("IMAGE", "registry.test/db:5432x", []),
    ],
)
def test_a_service_is_found_where_a_host_stands(key: str, text: str, found: list[tuple[str, int]]) -> None:
    assert [(r.service.name, r.port) for r in references(text, "shop", SERVICES, key=key)] == found


HOSTS = st.sampled_from(["db", "db.shop", "db.shop.svc", "db.shop.svc.cluster.local", "db.shop.svc.cluster.local."])


@given(HOSTS, st.integers(1, 65535), st.sampled_from(["", "tcp://", "http://u:p@", "jdbc:mysql://"]))
def test_every_form_of_a_host_with_a_port_is_the_same_service(host: str, port: int, prefix: str) -> None:
    (found,) = references(f"{prefix}{host}:{port}", "shop", SERVICES)
    assert (found.service, found.port) == (NamespacedName("shop", "db"), port)


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    for found in references(text, "shop", SERVICES, key="HOSTS"):
        assert found.service in SERVICES
        assert found.service.name in text


@given(st.sampled_from(sorted(DEFAULT_PORTS)))
def test_the_port_of_a_scheme_counts_only_if_the_service_has_it(scheme: str) -> None:
    (found,) = references(f"{scheme}://db/x", "shop", SERVICES)
    assert found.port == (5432 if DEFAULT_PORTS[scheme] == 5432 else 0)


def test_variables_are_expanded_and_unknown_ones_kept() -> None:
    assert expanded("$(A):${B} $C $(D)", {"A": "db", "B": "1", "C": "c"}) == "db:1 c $(D)"


def test_a_name_of_another_cluster_is_not_a_service() -> None:
    assert resolved("db.shop.svc.example.org", "shop", SERVICES) is None
