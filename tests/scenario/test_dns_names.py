import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.scenario.dns_names import DnsNames

NAMES = DnsNames({"shop": "t-shop", "stay": "stay"}, [NamespacedName("shop", "db"), NamespacedName("stay", "db")])


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("db.shop.svc", "db.t-shop.svc"),
        ("db-0.any.shop.svc.cluster.local.", "db-0.any.t-shop.svc.cluster.local."),
        ("http://a.shop.svc:80/, b.shop.svc", "http://a.t-shop.svc:80/, b.t-shop.svc"),
        ("shop.svc.cluster.local", "t-shop.svc.cluster.local"),
        ("db.shop", "db.t-shop"),
        ("db-0.db.shop", "db-0.db.t-shop"),
        ("db.shop:5432", "db.t-shop:5432"),
        ("postgres://user:word@db.shop:5432/db.shop", "postgres://user:word@db.t-shop:5432/db.shop"),
        ("--db=db.shop --other 'db.shop'", "--db=db.t-shop --other 'db.t-shop'"),
        ('{"host": "db.shop"}', '{"host": "db.t-shop"}'),
        ("hosts: [db.shop, db.shop:1]", "hosts: [db.t-shop, db.t-shop:1]"),
    ],
)
def test_names_follow_their_namespaces(text: str, mapped: str) -> None:
    assert NAMES.mapped(text) == mapped


@pytest.mark.parametrize(
    "text",
    [
        "shop",
        "shop.svc",
        "-domain shop.svc.cluster.local",
        "a.shopping.svc",
        "db.shop.svc-x",
        "db.stay.svc",
        "db.stay",
        "web.shop",
        "db.shop.example.com",
        "mydb.shop",
        "x_db.shop",
        "/etc/db.shop",
        "db.shop.yaml",
        "db.shop:latest",
        "",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert NAMES.mapped(text) == text


def test_without_known_services_short_names_stay() -> None:
    assert DnsNames({"shop": "t-shop"}).mapped("db.shop db.shop.svc") == "db.shop db.t-shop.svc"
