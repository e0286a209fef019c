"""Names: the shortest spelling of a workload always means that workload."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service
from netpol_harness.paths.diagnostics import Place, ProblemWithoutPlace
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.names import Named, Names, ObjectName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import ExternalHost, Inventory, Workload
from netpol_harness.paths.terms import Form, qualified

REFS = st.builds(NamespacedName, st.sampled_from(["default", "a", "b"]), st.sampled_from(["x", "y", "any", "host"]))


def names(workloads: set[NamespacedName], services: set[NamespacedName]) -> Names:
    return Names(
        Inventory(
            {ref: Workload(ref, "Pod", {}, ()) for ref in workloads},
            {ref: Service(ref, None, ()) for ref in services},
            {"host": ExternalHost("host")},
        )
    )


@given(st.sets(REFS, min_size=1), st.sets(REFS))
def test_a_spelling_means_the_workload_that_it_spells(
    workloads: set[NamespacedName], services: set[NamespacedName]
) -> None:
    known = names(workloads, services)
    for ref in workloads:
        sentence = parse(f"{known.spell_source(ref)} -> {known.spell_target(ref)}:80", Expected.ALLOWED, Place("f", 1))
        assert isinstance(sentence, Sentence)
        assert not sentence.is_wildcard
        assert sentence.source.form is Form.POD or known.external(sentence.source.name) is None
        assert known.workload(sentence.source.name) == ref
        if sentence.target.form is Form.POD:
            assert known.workload(sentence.target.name) == ref
        else:
            assert known.external(sentence.target.name) is None
            assert known.target(sentence.target.name) == Named(ref, is_workload=True, is_service=False)
    for ref in services:
        sentence = parse(f"x -> {known.spell_service(ref)}:80", Expected.ALLOWED, Place("f", 1))
        assert isinstance(sentence, Sentence)
        assert not sentence.is_wildcard
        assert known.service(sentence.target.name) == ref


def test_a_bare_name_is_spelt_where_it_suffices() -> None:
    known = names(
        {NamespacedName("default", "x"), NamespacedName("a", "x"), NamespacedName("a", "y")},
        {NamespacedName("default", "x")},
    )
    assert [known.spell_source(NamespacedName("default", "x")), known.spell_target(NamespacedName("default", "x"))] == [
        "x",
        "pod(x)",
    ]
    assert known.spell_target(NamespacedName("a", "x")) == "a/x"
    assert known.spell_target(NamespacedName("a", "y")) == "y"


def test_what_is_absent_is_not_replaced_by_a_namesake() -> None:
    whole = Inventory({NamespacedName("a", "x"): Workload(NamespacedName("a", "x"), "Pod", {}, ())}, {}, {})
    assert Names(whole).workload(qualified("x", "a pod")) == NamespacedName("a", "x")
    gone = frozenset({ObjectName("Pod", NamespacedName("default", "x"))})
    assert Names(whole, gone).workload(qualified("x", "a pod")) == NamespacedName("default", "x")


def test_several_namesakes_are_listed() -> None:
    with pytest.raises(ProblemWithoutPlace, match="write one of a/x, b/x"):
        names({NamespacedName("a", "x"), NamespacedName("b", "x")}, set()).workload(qualified("x", "a pod"))


def test_objects_print_as_kubectl_names_them() -> None:
    assert str(ObjectName("Pod", NamespacedName("a", "x"))) == "Pod a/x"
    assert str(ObjectName("Namespace", NamespacedName("", "a"))) == "Namespace a"
