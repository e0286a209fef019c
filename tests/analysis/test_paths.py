from collections.abc import Callable

from netpol_harness.analysis.paths import every_path
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]


def test_every_source_has_a_path_to_every_served_port(shop: Shop) -> None:
    paths = [path.text for path in every_path(shop().steps[-1])]
    assert len(paths) == len(set(paths))
    assert {text.partition(" -> ")[0] for text in paths} == {"web", "idle", "db", "api", "user", "partner"}
    assert list(dict.fromkeys(text.partition(" -> ")[2] for text in paths)) == [
        "front:80",
        "store:5432",
        "bed:5000",
        "empty:80",
        "ip(front):80",
        "ip(bed):5000",
        "ip(empty):80",
        "web:8080",
        "idle:9000",
        "db:5432",
        "api:5000",
        "user:443",
        "partner:443",
    ]
    assert "web -> web:8080" not in paths
    assert "web -> front:80" in paths


def test_every_path_reads_back_as_itself(shop: Shop) -> None:
    step = shop().steps[-1]
    for path in every_path(step):
        sentence = parse(path.text, Expected.UNDEFINED, Place("here", 1))
        assert isinstance(sentence, Sentence)
        expectations, problems = resolve([sentence], step.inventory)
        assert [(expectation.path, expectation.path.text) for expectation in expectations] == [(path, path.text)], (
            problems
        )
