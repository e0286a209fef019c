"""Law: what packets do under any policies is what the text of networking.k8s.io/v1 says.

The text is read a second time, by brute force, in ``reading``; the package only turns the same dictionaries into rules.
Points that the API leaves open are read as the package documents them.
"""

from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from harness.cluster.embedded.ruleset.table import ruleset
from harness.cluster.embedded.ruleset.transaction import EMPTY, transaction
from harness.model.objects import World
from tests.laws.reading import Reading
from tests.laws.small_clusters import NAMES, OUTSIDE, PATHS, PODS, PORTS, Cluster, Path, clusters


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.mark.live
@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(objects=clusters)
def test_packets_follow_the_policies(hosts: Any, objects: Cluster) -> None:
    hosts.forget()
    hosts.apply(transaction(EMPTY, ruleset(World.parse(objects))))
    reading = Reading(objects)
    expected = {path: "connected" if allowed(reading, path) else "silent" for path in PATHS}
    wrong = [path for path, outcome in hosts.probe(PATHS, patience=0.03).items() if outcome != expected[path]]
    confirmed = hosts.probe(wrong, patience=0.3) if wrong else {}
    surprises = {path: outcome for path, outcome in confirmed.items() if outcome != expected[path]}
    for path, outcome in islice(surprises.items(), 1):
        pytest.fail(
            f"{path} is {outcome}, and {len(surprises) - 1} more are wrong\n{objects.around(path)}", pytrace=False
        )


def allowed(reading: Reading, path: Path) -> bool:
    source, target, protocol, port = path
    return reading.allows(NAMES.get(source, source), NAMES.get(target, target), protocol, port)
