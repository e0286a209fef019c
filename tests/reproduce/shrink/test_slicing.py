"""Guesses of what a path does not need."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.reproduce.shrink.slicing import slices
from netpol_harness.scenario.load import load

POLICIES: Mapping[str, Mapping[str, str]] = {
    "for-web": {"app": "web"},
    "for-db": {"app": "db"},
    "for-cache": {"app": "cache"},
    "for-old-db": {"tier": "old"},
}
STEPS: Sequence[Mapping[str, Any]] = [
    {"name": "before", "policies": list(POLICIES), "labels": {"pods": {"shop/db": {"tier": "old"}}}},
    {"name": "after", "policies": list(POLICIES)},
]


def pod(name: str) -> dict[str, object]:
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}]}
    metadata = {"name": name, "namespace": "shop", "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def policy(name: str, labels: Mapping[str, str]) -> dict[str, object]:
    spec = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"]}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def world(path: str) -> Draft:
    spec = {"selector": {"app": "db"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store", "namespace": "shop"}, "spec": spec}
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("shop", "other")]
    workloads = [*spaces, *map(pod, ("web", "db", "cache")), service]
    policies = {name: policy(name, labels) for name, labels in POLICIES.items()}
    external = {"user": {"address": "203.0.113.7", "ports": [80]}}
    tree = {"scenario": {"external": external}, "workloads": workloads, "policies": policies, "steps": STEPS}
    return Draft(tree, path, "blocked")


def names(draft: Draft) -> Collection[str]:
    return {data["metadata"]["name"] for data in draft.tree["workloads"]}


@pytest.mark.parametrize(
    ("path", "objects", "policies"),
    [
        ("shop/web -> shop/db:80", {"shop", "web", "db"}, {"for-web", "for-db", "for-old-db"}),
        ("shop/web -> shop/store:80", {"shop", "web", "db", "store"}, {"for-web", "for-db", "for-old-db"}),
        ("shop/web -> ip(shop/store):80", {"shop", "web", "db", "store"}, {"for-web", "for-db", "for-old-db"}),
        ("user -> shop/db:80", {"shop", "db"}, {"for-db", "for-old-db"}),
        ("shop/web -> user:80", {"shop", "web"}, {"for-web"}),
    ],
)
def test_the_ends_of_the_path_stay_and_the_policies_that_select_them_in_any_step(
    path: str, objects: Collection[str], policies: Collection[str], tmp_path: Path
) -> None:
    draft = world(path)
    smallest = next(slices(draft, load(write(draft, tmp_path, "a world"))))[0]
    assert names(smallest) == objects
    assert smallest.tree["policies"].keys() == policies
    assert [step["name"] for step in smallest.tree["steps"]] == ["after"]


def test_later_guesses_remove_less_and_every_guess_is_a_scenario(tmp_path: Path) -> None:
    draft = world("shop/web -> shop/db:80")
    elsewhere = policy("elsewhere", {}) | {"metadata": {"name": "elsewhere", "namespace": "other"}}
    policies = {**draft.tree["policies"], "elsewhere": elsewhere}
    steps = [{**step, "policies": list(policies)} for step in STEPS]
    draft = Draft({**draft.tree, "policies": policies, "steps": steps}, draft.path, draft.expected)
    guesses = list(slices(draft, load(write(draft, tmp_path, "a world"))))
    assert names(guesses[0][0]) == names(guesses[0][1]) == {"shop", "web", "db"}
    assert len(guesses[0][1].tree["steps"]) == 2
    assert names(guesses[1][1]) == {"shop", "web", "db", "other"}
    assert guesses[1][1].tree["policies"] == draft.tree["policies"]
    assert names(guesses[2][1]) == names(draft)
    for number, guess in enumerate(each for several in guesses for each in several):
        assert load(write(guess, tmp_path / str(number), "a guess")).steps[-1].paths


def test_all_versions_of_a_policy_stay_if_one_of_them_selects_an_end(tmp_path: Path) -> None:
    draft = world("shop/web -> shop/db:80")
    old = {**policy("for-db", {"app": "cache"})}
    tree = {
        **draft.tree,
        "policies": {**draft.tree["policies"], "old": old},
        "steps": [{"name": "old", "policies": ["old"]}, STEPS[1]],
    }
    draft = Draft(tree, draft.path, draft.expected)
    smaller = next(slices(draft, load(write(draft, tmp_path, "a world"))))[1]
    assert smaller.tree["policies"].keys() == {"for-web", "for-db", "old"}
