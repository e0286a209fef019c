import pytest

from netpol_harness.backends.base import ClusterOptions
from netpol_harness.backends.embedded import EmbeddedBackend
from netpol_harness.backends.kind import preflight
from netpol_harness.backends.kind.backend import KindBackend
from netpol_harness.backends.select import choose
from netpol_harness.errors import ClusterFailed

OPTIONS = ClusterOptions()


@pytest.fixture
def kind_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """kind cannot be used, as a longer look shows."""
    monkeypatch.setattr(preflight, "preflight", lambda *_: preflight.Findings())
    monkeypatch.setattr(KindBackend, "available", lambda _: "no engine; start one")


@pytest.fixture
def kind_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """kind can be used."""
    monkeypatch.setattr(preflight, "preflight", lambda *_: preflight.Findings())
    monkeypatch.setattr(KindBackend, "available", lambda _: None)


@pytest.mark.usefixtures("kind_works")
def test_auto_takes_kind_where_it_works() -> None:
    choice = choose("auto", OPTIONS)
    assert isinstance(choice.backend, KindBackend)
    assert "kind works here" in choice.why


@pytest.mark.usefixtures("kind_lacks")
def test_auto_takes_embedded_else_and_says_why() -> None:
    choice = choose("auto", OPTIONS)
    assert isinstance(choice.backend, EmbeddedBackend)
    assert "no engine; start one" in choice.why


@pytest.mark.usefixtures("kind_lacks")
def test_auto_never_drops_what_was_said_of_kind() -> None:
    with pytest.raises(ClusterFailed, match=r"--cni: for kind, which does not work here \(no engine; start one\)"):
        choose("auto", OPTIONS, kind_only=["--cni"])


def test_a_short_look_is_enough_where_kind_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "kind is not installed" in choose("auto", OPTIONS).why


@pytest.mark.parametrize("name", ["embedded", "kubeconfig", "kubeconfig:demo"])
def test_options_of_kind_are_for_kind(name: str) -> None:
    with pytest.raises(ClusterFailed, match="--nodes: for --cluster kind alone"):
        choose(name, OPTIONS, kind_only=["--nodes"])


@pytest.mark.parametrize("name", ["moon", "kind:demo", "embedded:demo", "", "auto:x"])
def test_what_names_no_backend_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ClusterFailed, match="there are auto, kind, embedded, kubeconfig"):
        choose(name, OPTIONS)
