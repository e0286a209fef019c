from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.dataplane.selection import LabelIndex, PodIndex
from netpol_harness.model.labels import Labels, LabelSelector, Operator, Requirement
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, Pod, World
from netpol_harness.model.policy import PodPeer
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

KEYS, VALUES = st.sampled_from("ab"), st.sampled_from("12")
LABELS = st.dictionaries(KEYS, VALUES)
REQUIREMENTS = st.builds(Requirement, KEYS, st.sampled_from(Operator), st.frozensets(VALUES, min_size=1))
SELECTORS = st.builds(LabelSelector, st.lists(REQUIREMENTS, max_size=3).map(tuple))

IN_X, IN_Y, IN_NOWHERE = NamespacedName("x", "p"), NamespacedName("y", "p"), NamespacedName("unknown", "p")
PODS = PodIndex(
    World({name: Namespace(name, {"team": name}) for name in ("x", "y")}),
    [Pod(ref, {"app": "p"}, addresses=(f"10.0.0.{i}",)) for i, ref in enumerate((IN_X, IN_Y, IN_NOWHERE))],
)


@given(st.dictionaries(st.integers(0, 9), LABELS), SELECTORS)
def test_the_index_selects_what_a_selector_matches_one_by_one(
    labelled: dict[int, Labels], selector: LabelSelector
) -> None:
    assert LabelIndex(labelled).select(selector) == {i for i, labels in labelled.items() if selector.matches(labels)}


def test_a_service_sends_to_the_first_of_the_ports_with_one_name_and_policies_mean_all() -> None:
    ports = tuple(ContainerPort(Port(Protocol.TCP, number), "http") for number in (9100, 8080))
    index = PodIndex(World(), [Pod(IN_X, {}, ports, addresses=("10.0.0.1",))])
    assert index.first_declaring("http", Protocol.TCP) == {IN_X: 9100}
    assert index.declaring("http", Protocol.TCP) == {(IN_X, 9100), (IN_X, 8080)}
    assert index.first_declaring("http", Protocol.UDP) == index.first_declaring("", Protocol.TCP) == {}


def test_a_peer_without_namespace_selector_is_at_home() -> None:
    assert PODS.peers(PodPeer(None, LabelSelector()), "y") == {IN_Y}


def test_a_peer_with_both_selectors_needs_both() -> None:
    team_x = LabelSelector.equal({"team": "x"})
    assert PODS.peers(PodPeer(team_x, LabelSelector.equal({"app": "p"})), "y") == {IN_X}
    assert PODS.peers(PodPeer(team_x, LabelSelector.equal({"app": "q"})), "y") == set()
    assert PODS.peers(PodPeer(team_x, None), "y") == {IN_X}


def test_an_unknown_namespace_has_its_name_label() -> None:
    by_name = LabelSelector.equal({NAMESPACE_NAME_LABEL: "unknown"})
    assert PODS.peers(PodPeer(by_name, None), "y") == {IN_NOWHERE}
