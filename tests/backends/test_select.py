from dataclasses import replace
from itertools import combinations

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.kind.backend import KindBackend
from netpol_harness.backends.kind.options import KindFactory
from netpol_harness.backends.registry import BACKENDS, choices
from netpol_harness.backends.select import BackendOptions, choose
from netpol_harness.errors import ClusterFailed

CNI = BackendOptions({"cni": "kindnet"}, ("cni",))
MUTANT = BackendOptions({"mutant": "not-enforced"}, ("mutant",))
NAMESPACE = BackendOptions({"namespace": (("default", "team"),)}, ("namespace",))


@pytest.fixture
def kind_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """kind cannot be used."""
    monkeypatch.setattr(KindFactory, "obstacle", lambda _: "no engine; start one")


@pytest.fixture
def kind_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """kind can be used."""
    monkeypatch.setattr(KindFactory, "obstacle", lambda _: None)


@pytest.mark.usefixtures("kind_works")
def test_auto_takes_kind_where_it_works() -> None:
    choice = choose("auto")
    assert isinstance(choice.backend, KindBackend)
    assert choice.reason == choose("auto", CNI).reason == "chosen by auto: kind works here"


@pytest.mark.usefixtures("kind_lacks")
def test_auto_takes_embedded_else_and_says_why() -> None:
    choice = choose("auto")
    assert isinstance(choice.backend, EmbeddedBackend)
    assert choice.reason == "chosen by auto: kind does not work here, no engine; start one"


@pytest.mark.usefixtures("kind_lacks")
def test_auto_never_drops_what_was_said_of_kind() -> None:
    expected = r"--netpol-cni: for kind, which does not work here \(no engine; start one\); fix that or"
    with pytest.raises(ClusterFailed, match=expected):
        choose("auto", CNI)


@pytest.mark.usefixtures("kind_works")
def test_auto_takes_the_backend_that_has_the_options_given() -> None:
    choice = choose("auto", MUTANT)
    assert "MUTANT not-enforced" in choice.backend.dataplane
    assert choice.reason == "chosen by auto: --netpol-mutant is for embedded"


def test_options_of_two_backends_fit_none() -> None:
    both = BackendOptions({**CNI.values, **MUTANT.values}, ("cni", "mutant"))
    expected = (
        "--netpol-cni: for --netpol-cluster kind alone; --netpol-mutant: for --netpol-cluster embedded alone, "
        "and this is --netpol-cluster auto"
    )
    with pytest.raises(ClusterFailed, match=expected):
        choose("auto", both)


def test_a_short_look_is_enough_where_kind_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "kind is not installed" in choose("auto").reason


@pytest.mark.parametrize(
    ("name", "given", "owner"),
    [
        ("embedded", CNI, "--netpol-cni: for --netpol-cluster kind"),
        ("kubeconfig", CNI, "--netpol-cni: for --netpol-cluster kind"),
        ("kubeconfig:demo", MUTANT, "--netpol-mutant: for --netpol-cluster embedded"),
        ("kind", NAMESPACE, "--netpol-namespace: for --netpol-cluster kubeconfig"),
        ("auto", NAMESPACE, "--netpol-namespace: for --netpol-cluster kubeconfig"),
    ],
)
def test_a_binding_option_of_another_backend_is_refused(name: str, given: BackendOptions, owner: str) -> None:
    with pytest.raises(ClusterFailed, match=f"{owner} alone, and this is --netpol-cluster {name}"):
        choose(name, given)


def test_an_option_that_does_not_bind_is_ignored_elsewhere() -> None:
    assert isinstance(choose("embedded", BackendOptions(CNI.values)).backend, EmbeddedBackend)


@pytest.mark.parametrize("name", ["moon", "kind:demo", "embedded:demo", "", "auto:x"])
def test_what_names_no_backend_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ClusterFailed, match=f"no such backend; choose {choices()}"):
        choose(name)


def test_options_of_one_name_differ_in_their_defaults_alone() -> None:
    options = [replace(option, default=None) for backend in BACKENDS for option in backend.options]
    for one, other in combinations(options, 2):
        assert one == other or one.name != other.name
    assert sum(option.name == "nodes" for option in options) == 2


def test_a_number_of_nodes_is_for_kind_and_for_embedded() -> None:
    nodes = BackendOptions({"nodes": 2}, ("nodes",))
    assert isinstance(choose("embedded", nodes).backend, EmbeddedBackend)
    assert isinstance(choose("kind", nodes).backend, KindBackend)
    with pytest.raises(ClusterFailed, match="--netpol-nodes: for --netpol-cluster kind or embedded alone"):
        choose("kubeconfig", nodes)


def test_an_embedded_cluster_refuses_too_many_nodes() -> None:
    with pytest.raises(ClusterFailed, match="at most 100 nodes; give fewer"):
        choose("embedded", BackendOptions({"nodes": 101}))
