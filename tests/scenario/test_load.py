"""Directories to scenarios: one row a defect, and no file that gives anything but a Scenario or a ScenarioInvalid."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.derive import derive
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Write = Callable[..., Path]
HEAD = "title: A title\nworkloads: [workloads.yaml]\n"
STEPS = "steps: [{name: s, others: blocked}]\n"
WORKLOADS = """
{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 3306}]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: db-service}, spec: {selector: {app: db}, ports: [{port: 3306}]}}
"""
TYPE = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\n"


def problems(file: Path) -> list[str]:
    with pytest.raises(ScenarioInvalid) as caught:
        load(file)
    return list(caught.value.problems)


def cases(name: str) -> list[tuple[list[str], str]]:
    """Return the blocks of a file of defects: the ``###`` lines of each are the messages about the text after them."""
    blocks = (Path(__file__).parent / "testdata" / "invalid" / f"{name}.txt").read_text().split("\n\n###")
    found = []
    for block in blocks:
        lines = block.removeprefix("###").splitlines()
        messages = [line.removeprefix("### ").strip() for line in lines[:1]]
        messages += [line.removeprefix("### ") for line in lines[1:] if line.startswith("### ")]
        found.append((messages, "\n".join(line for line in lines[1:] if not line.startswith("### ")) + "\n"))
    return found


def test_a_scenario_is_what_its_files_say(write: Write) -> None:
    scenario = load(write())
    assert (scenario.name, scenario.title) == ("small", "A title")
    assert [step.name for step in scenario.steps] == ["open", "closed"]
    assert [step.where for step in scenario.steps] == ["scenario.yaml:5", "scenario.yaml:7"]
    assert [str(m.name) for m in scenario.workloads] == [
        "Pod default/web",
        "Pod default/db",
        "Service default/db-service",
    ]
    assert [m.where for m in scenario.workloads] == ["workloads.yaml:2", "workloads.yaml:7", "workloads.yaml:12"]
    (expectation,) = scenario.steps[1].expectations
    assert (expectation.path.text, expectation.expected) == ("web -> db-service:3306", Expected.BLOCKED)
    assert expectation.where == "scenario.yaml:9"
    assert [m.where for m in scenario.steps[1].policies] == ["deny.yaml:2"]
    assert scenario.namespaces == ("default",)


def test_loading_is_deterministic(write: Write) -> None:
    file = write()
    assert load(file) == load(file)


def test_optional_keys(write: Write) -> None:
    scenario = load(
        write(
            HEAD.replace("A title", "80")
            + """
description: What it is about.
exclusive: yes
requires: [SCTP, IPv6]
timeouts: {settle: 3, ready: 0.5}
external: {user: {address: 203.0.113.7, ports: [80, 53/UDP]}, other: }
steps: [{name: on, description: d, policies: ['*n?.yaml'], others: allowed, paths: {web -> udp://user:53: allowed}}]
"""
        )
    )
    assert (scenario.title, scenario.description, scenario.exclusive) == ("80", "What it is about.", True)
    assert (scenario.requires, scenario.timeouts) == (("SCTP", "IPv6"), {"settle": 3.0, "ready": 0.5})
    user, other = scenario.externals
    assert (user.address, [str(p.port) for p in user.ports]) == ("203.0.113.7", ["80/TCP", "53/UDP"])
    assert (other.name, other.address) == ("other", "")
    (step,) = scenario.steps
    assert (step.name, step.description, step.others) == ("on", "d", "allowed")
    assert [m.where for m in step.policies] == ["deny.yaml:2"]


def test_a_pod_that_chooses_its_address_needs_a_cluster_that_lets_it(write: Write) -> None:
    pod = """
apiVersion: v1
kind: Pod
metadata: {name: chosen, annotations: {cni.projectcalico.org/ipAddrs: '["10.244.0.77"]'}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
"""
    scenario = load(write("title: x\nworkloads: [workloads.yaml, p.yaml]\nrequires: [SCTP]\n" + STEPS, {"p.yaml": pod}))
    assert scenario.requires == ("SCTP", "pod addresses of one's choice")
    (chosen,) = (w for w in scenario.inventory.workloads.values() if w.ref.name == "chosen")
    assert chosen.host_network
    assert not chosen.in_closed_world


def test_a_folder_of_manifests_is_a_scenario_of_one_derived_step(write: Write) -> None:
    both = WORKLOADS.rstrip() + "\n---\n" + TYPE + "spec: {}\n"
    file = write(files={"workloads.yaml": both, "more/deny.yml": TYPE.replace("name: n", "name: m") + "spec: {}\n"})
    (file.parent / "deny.yaml").unlink()
    file.unlink()
    scenario = derive(file.parent)
    (step,) = scenario.steps
    assert (scenario.title, step.name, step.derived) == ("small", "derived", True)
    assert [str(manifest.name) for manifest in step.policies] == [
        "NetworkPolicy default/m",
        "NetworkPolicy default/n",
    ]
    written = [m for m in scenario.workloads if m.node is not None]
    assert len(written) == 3
    assert [str(m.name) for m in scenario.workloads if m.node is None] == [
        "Namespace strangers",
        "Pod default/stranger",
        "Pod strangers/stranger",
    ]
    assert [item.path.text for item in step.paths_without_verdict] == ["web -> db-service:3306"]


def test_problems_of_a_folder_of_manifests_name_its_files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write(files={"workloads.yaml": "kind: Pod"}).parent
    (directory / "scenario.yaml").unlink()
    monkeypatch.chdir(directory)
    with pytest.raises(ScenarioInvalid, match=r"^workloads\.yaml:1:1: 'apiVersion' is missing"):
        derive(Path())


def test_lists_globs_and_files_named_twice_are_one_set(write: Write) -> None:
    listed = f"kind: List\napiVersion: v1\nitems:\n- {TYPE.replace(chr(10), chr(10) + '  ')}spec: {{}}"
    scenario = load(
        write(
            HEAD + "steps: [{name: s, policies: [p/b.yaml, 'p/*.yaml', ./p/b.yaml], others: blocked}]",
            {"p/b.yaml": listed, "p/a.yaml": TYPE.replace("{name: n}", "{name: a}") + "spec: {}"},
        )
    )
    assert [m.where for m in scenario.steps[0].policies] == ["p/b.yaml:4", "p/a.yaml:1"]


@pytest.mark.parametrize(("messages", "text"), cases("scenario"))
def test_defects_of_scenario_yaml(
    write: Write, monkeypatch: pytest.MonkeyPatch, messages: list[str], text: str
) -> None:
    monkeypatch.chdir(write(text).parent)
    assert problems(Path("scenario.yaml")) == messages


@pytest.mark.parametrize(("messages", "text"), cases("workloads"))
def test_defects_of_workloads(write: Write, monkeypatch: pytest.MonkeyPatch, messages: list[str], text: str) -> None:
    scenario = "title: x\nworkloads: [workloads.yaml, x.yaml]\n" + STEPS
    monkeypatch.chdir(write(scenario, {"x.yaml": text}).parent)
    assert problems(Path("scenario.yaml")) == messages


@pytest.mark.parametrize(("messages", "text"), cases("policies"))
def test_defects_of_policies(write: Write, monkeypatch: pytest.MonkeyPatch, messages: list[str], text: str) -> None:
    scenario = HEAD + "steps: [{name: s, policies: [n.yaml], others: blocked}]"
    monkeypatch.chdir(write(scenario, {"n.yaml": text}).parent)
    assert problems(Path("scenario.yaml")) == messages


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "{}",
        "{podSelector: , ingress: , egress: []}",
        "{ingress: [{}]}",
        "{ingress: [null, {from: , ports: }]}",
        "{egress: [{to: [{ipBlock: {cidr: '::/0', except: ['fe80::/10']}}]}]}",
        "{egress: [{ports: [{port: dns}, {port: 1, endPort: 2, protocol: SCTP}, {}]}]}",
        "{ingress: [{from: [{podSelector: {}, namespaceSelector: {}}]}]}",
        "{podSelector: {matchExpressions: [{key: a.b/c, operator: NotIn, values: ['', x]}]}}",
    ],
)
def test_every_spec_that_the_api_accepts_is_accepted(write: Write, spec: str) -> None:
    assert load(write(files={"deny.yaml": TYPE + f"spec: {spec}"}))


def test_one_object_twice_in_a_step_is_an_error_and_in_two_steps_is_not(write: Write) -> None:
    twice = "steps: [{name: a, policies: [deny.yaml, again.yaml], others: blocked}]"
    again = {"again.yaml": TYPE.replace("{name: n}", "{name: deny}") + "spec: {}"}
    (line,) = problems(write(HEAD + twice, again))
    assert line.endswith(
        "again.yaml:1:1: NetworkPolicy default/deny is already at deny.yaml:2; rename or remove one of them"
    )
    apart = (
        "steps: [{name: a, policies: [deny.yaml], others: blocked}, {name: b, policies: [again.yaml], others: blocked}]"
    )
    assert load(write(HEAD + apart, again))


def test_all_problems_of_all_files_come_at_once_and_sorted(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(
        "titel: x\nworkloads: [workloads.yaml]\nsteps:\n"
        "- {name: a, policies: [deny.yaml], paths: {web -> x:80: blocked, web -> db:1: blocked, nonsense: allowed}}\n"
        "- {name: b, policies: [deny.yaml], paths: {web -> db:3306: maybe}}\n",
        {"deny.yaml": TYPE + "spec: {pod: {}, policyTypes: [x]}"},
    )
    monkeypatch.chdir(file.parent.parent)
    lines = problems(file)
    assert [":".join(line.split(":")[:3]) for line in lines] == [
        "small/deny.yaml:4:8",
        "small/deny.yaml:4:31",
        "small/scenario.yaml:1:1",
        "small/scenario.yaml:1:1",
        "small/scenario.yaml:4:44",
        "small/scenario.yaml:4:66",
        "small/scenario.yaml:4:88",
        "small/scenario.yaml:5:60",
    ]


def test_names_are_not_judged_while_a_workload_cannot_be_read(write: Write) -> None:
    broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: 3}"
    (line,) = problems(write(files={"workloads.yaml": broken}))
    assert "expected a list of containers, found a number" in line


def test_paths_outside_the_working_directory_are_absolute(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("[]")
    monkeypatch.chdir("/")
    monkeypatch.setattr(Path, "cwd", lambda: Path("/nowhere"))
    assert problems(file)[0].startswith(f"{file}:1:1: ")


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "this is not a file" in problems(tmp_path / "scenario.yaml")[0]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", NameServer()),
        ("dns: {namespace: openshift-dns}", NameServer(NamespacedName("openshift-dns", "kube-dns"))),
        (
            "dns: {namespace: openshift-dns, service: dns-default, labels: {dns: default}, port: 5353}",
            NameServer(NamespacedName("openshift-dns", "dns-default"), {"dns": "default"}, 5353),
        ),
        ("dns: {address: 169.254.20.10}", NameServer(address="169.254.20.10")),
    ],
    ids=["by default", "namespace", "openshift", "node-local"],
)
def test_the_name_server_is_the_one_that_its_author_expects(write: Write, key: str, expected: NameServer) -> None:
    file = write()
    file.write_text(f"{file.read_text()}{key}\n")
    assert load(file).name_server == expected


def test_loading_takes_milliseconds(write: Write) -> None:
    file = write()
    load(file)

    def seconds() -> float:
        start = process_time()
        load(file)
        return process_time() - start

    assert min(seconds() for _ in range(5)) < 0.03


FIELDS = """
    title workloads external dns address steps name policies paths others labels pods recreate absent namespaces
    namespace apiVersion kind metadata spec items podSelector matchLabels ingress from ports port web default
"""
KEYS = st.sampled_from([*re.findall(r"\w+", FIELDS), "web->db:3306", "any -> any:80"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 70_000)
    | st.sampled_from(
        ["", "blocked", "web", "workloads.yaml", "*.yaml", "Pod", "v1", "List", "NetworkPolicy", "any", "../x"]
    )
    | st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=5)
)
TREES = st.recursive(LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(KEYS, t, max_size=4), max_leaves=8)


def loads_or_explains(scenario: bytes, workloads: bytes, policy: bytes) -> None:
    with TemporaryDirectory() as directory:
        for name, content in (("scenario", scenario), ("workloads", workloads), ("deny", policy)):
            (Path(directory) / f"{name}.yaml").write_bytes(content)
        with suppress(ScenarioInvalid):
            assert isinstance(load(Path(directory) / "scenario.yaml"), Scenario)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_load_or_explain(content: bytes) -> None:
    loads_or_explains(content, content, content)


@given(st.data(), st.sampled_from(["scenario", "workloads", "deny"]))
@settings(max_examples=300)
def test_any_mutation_of_a_valid_scenario_loads_or_explains(data: st.DataObject, which: str) -> None:
    scenario: Any = {
        "title": "x",
        "workloads": ["workloads.yaml"],
        "external": {"user": {"ports": [80]}},
        "dns": {"namespace": "openshift-dns", "labels": {"a": "b"}, "port": 5353, "address": "169.254.20.10"},
        "steps": [
            {
                "name": "s",
                "policies": ["deny.yaml"],
                "paths": {"web -> web:80": "allowed", "any -> any:80": "blocked"},
                "labels": {"pods": {"web": {"a": None}}, "namespaces": {"default": {"b": "c"}}},
                "recreate": ["web"],
                "absent": ["Service/front"],
            }
        ],
    }
    pod = {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "name": "http"}]}]}
    workloads: Any = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"a": "b"}}, "spec": pod},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "front"},
                "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": "http"}]},
            },
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "many"},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"a": "c"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
                    "template": {"metadata": {"labels": {"a": "c"}}, "spec": pod},
                },
            },
        ],
    }
    policy: Any = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": {
            "podSelector": {"matchLabels": {"a": "b"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                    "ports": [{"port": 80, "endPort": 90}],
                }
            ],
        },
    }
    files = {"scenario": scenario, "workloads": workloads, "deny": policy}
    node: Any = files[which]
    container: Any = None
    key: Any = None
    for _ in range(data.draw(st.integers(1, 9))):
        if not isinstance(node, dict | list) or not node:
            break
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        container, key = node, data.draw(st.sampled_from(keys))
        node = node[key]
    if data.draw(st.booleans()):
        container[key] = data.draw(TREES)
    elif isinstance(container, dict):
        container[data.draw(KEYS)] = container.pop(key)
    else:
        container.append(container[key])
    loads_or_explains(*(yaml.safe_dump(content).encode() for content in files.values()))
