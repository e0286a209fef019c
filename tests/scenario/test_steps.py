"""Steps as states: labels, recreated and absent objects, and the names that they mean."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodTarget, ServiceTarget
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.governance import Governance
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Others, Relabel, Restart, Step, network_policies

Write = Callable[..., Path]
WEB, DB, TILL = (NamespacedName(*ref) for ref in (("default", "web"), ("default", "db"), ("shop", "till")))
SHOP = """
kind: Namespace
apiVersion: v1
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: till, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
"""


def step(write: Write, text: str) -> Step:
    head = "title: x\nworkloads: [workloads.yaml, shop.yaml]\nexternal: [user]\nsteps:\n"
    (only,) = load(write(f"{head}- {{name: s, others: blocked, {text}}}", {"shop.yaml": SHOP})).steps
    return only


def test_controllers_are_workloads_under_their_own_names(write: Write) -> None:
    till = step(write, "").inventory.workloads[NamespacedName("shop", "till")]
    assert (till.kind, till.replicas, till.labels) == ("Deployment", 2, {"app": "till"})
    assert [str(p.port) for p in till.ports] == ["80/TCP", "53/UDP"]


def test_labels_of_a_step_are_what_its_pods_wear(write: Write) -> None:
    found = step(write, "labels: {pods: {web: {app: null, tier: on}}, namespaces: {shop: {team: a}}}")
    assert found.labels == (
        Relabel(ObjectName("Pod", WEB), {"app": None, "tier": "on"}),
        Relabel(ObjectName("Namespace", NamespacedName("", "shop")), {"team": "a"}),
    )
    assert found.inventory.workloads[WEB].labels == {"tier": "on"}
    assert found.inventory.workloads[DB].labels == {"app": "db"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("db", ObjectName("Pod", DB)),
        ("default/db", ObjectName("Pod", DB)),
        ("till", ObjectName("Deployment", NamespacedName("shop", "till"))),
        ("db-service", ObjectName("Service", NamespacedName("default", "db-service"))),
        ("Service/db-service", ObjectName("Service", NamespacedName("default", "db-service"))),
        ("ConfigMap/web", ObjectName("ConfigMap", NamespacedName("shop", "web"))),
        ("ConfigMap/shop/web", ObjectName("ConfigMap", NamespacedName("shop", "web"))),
    ],
)
def test_absent_names_any_object(write: Write, text: str, name: ObjectName) -> None:
    found = step(write, f"absent: [{text}]")
    assert found.absent == (name,)
    assert name.ref not in found.inventory.workloads or name.kind not in ("Pod", "Deployment")
    assert name.ref not in found.inventory.services or name.kind != "Service"


def test_recreated_workloads(write: Write) -> None:
    assert step(write, "recreate: [web, default/db, till]").recreate == (WEB, DB, TILL)


def test_labels_of_a_controller_are_those_of_its_pods(write: Write) -> None:
    found = step(write, "labels: {pods: {till: {tier: back}}}")
    assert found.labels == (Relabel(ObjectName("Deployment", TILL), {"tier": "back"}),)
    assert found.inventory.workloads[TILL].labels == {"app": "till", "tier": "back"}


def test_a_controller_replaces_its_pods_where_their_labels_change(write: Write) -> None:
    def loaded(text: str) -> tuple[Step, ...]:
        head = "title: x\nworkloads: [workloads.yaml, shop.yaml]\nsteps:\n"
        return load(write(head + text, {"shop.yaml": SHOP})).steps

    found = loaded(
        "- {name: a, others: allowed}\n"
        "- {name: b, labels: {pods: {till: {x: a}, web: {x: a}}}, others: allowed}\n"
        "- {name: c, labels: {pods: {till: {x: a}}}, paths: {throughout till -> db:3306: allowed}}\n"
        "- {name: d, paths: {first till -> db:3306: allowed}}\n"
        "- {name: e, absent: [till], labels: {pods: {till: {x: b}}}, others: allowed}\n",
    )
    assert [one.relaunched for one in found] == [(), (TILL,), (), (TILL,), ()]
    with pytest.raises(ScenarioInvalid, match="till is created on entering it; write 'first till"):
        loaded("- {name: a, labels: {pods: {till: {x: a}}}, paths: {throughout till -> db:3306: allowed}}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recreate: [till], absent: [till]", "Deployment shop/till is both recreated and absent"),
        (
            "labels: {pods: {till: {app: b}}}",
            "selects its pods by the label 'app'; change another label",
        ),
        ("labels: {pods: {till: {app: null}}}", "Deployment shop/till selects its pods by the label 'app'"),
        ("labels: {pods: {tilt: {a: b}}}", "there is no workload called 'tilt'; did you mean till?"),
        ("absent: [Namespace/shop]", "no workload manifest defines 'Namespace/shop'"),
        ("absent: [ConfigMap/default/web]", "no workload manifest defines 'ConfigMap/default/web'"),
        ("absent: [user]", "'user' is an external host, which steps do not change"),
        ("absent: [nobody]", "there is no workload, Service or external host called 'nobody'"),
    ],
)
def test_what_a_step_cannot_change(write: Write, text: str, message: str) -> None:
    with pytest.raises(ScenarioInvalid, match=message):
        step(write, text)


def test_a_deployment_and_a_service_of_one_name(write: Write) -> None:
    service = (
        "---\n{apiVersion: v1, kind: Service, metadata: {name: till, namespace: shop}, spec: {ports: [{port: 80}]}}"
    )
    head = "title: x\nworkloads: [workloads.yaml, shop.yaml]\nsteps:\n"

    def loaded(text: str) -> tuple[Step, ...]:
        return load(write(head + text, {"shop.yaml": SHOP + service})).steps

    open_, gone = loaded(
        "- {name: a, paths: {web -> till:80: allowed, web -> pod(till):80: allowed}}\n"
        "- {name: b, absent: [Service/till], paths: {web -> till:80: unresolved}}\n"
    )
    kinds = [type(expectation.path.target) for step in (open_, gone) for expectation in step.expectations]
    assert kinds == [ServiceTarget, PodTarget, ServiceTarget]
    with pytest.raises(ScenarioInvalid) as caught:
        loaded("- {name: a, absent: [till], paths: {web -> udp://till:53: allowed}}")
    absent, path = caught.value.problems
    assert "'till' is both a Deployment and a Service; write Deployment/till or Service/till" in absent
    assert "'till' is both a workload and a Service, which serves 80/TCP; write pod(till) for the pod's" in path


def test_policies_live_in_the_namespaces_of_the_workloads(write: Write) -> None:
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shops}\nspec: {}"
    with pytest.raises(ScenarioInvalid, match="no manifest defines the namespace 'shops'"):
        load(write(files={"deny.yaml": policy}))


def steps(write: Write, text: str, **files: str) -> tuple[Step, ...]:
    return load(write(f"title: x\nworkloads: [workloads.yaml]\nexclusive: true\nsteps:\n{text}", files)).steps


def test_a_step_may_be_repeated_and_restart_the_agent(write: Write) -> None:
    first, second = steps(
        write, "- {name: a, others: allowed}\n- {name: b, others: allowed, repeat: 5, restart: agent}"
    )
    assert (first.repeat, first.restart) == (1, None)
    assert (second.repeat, second.restart) == (5, Restart.AGENT)
    assert second.needs == ("restart of the policy agent",)


def test_pods_are_new_where_they_are_recreated_or_come_back(write: Write) -> None:
    found = steps(
        write,
        "- {name: a, absent: [web], others: allowed}\n"
        "- {name: b, paths: {first web -> db:3306: blocked}}\n"
        "- {name: c, recreate: [db], paths: {first web -> db:3306: blocked}}\n",
    )
    assert [step.expectations[0].path.text for step in found[1:]] == ["first web -> db:3306"] * 2
    with pytest.raises(ScenarioInvalid, match="neither end is created on entering"):
        steps(write, "- {name: a, paths: {first web -> db:3306: blocked}}")


def test_a_held_path_is_opened_in_one_step_and_may_be_blocked_in_a_later_one(write: Write) -> None:
    line = "held web -> http://db:3306"
    words = "".join(
        f"- {{name: {word}, paths: {{'{line}': {word}}}}}\n" for word in ("allowed", "blocked", "undefined")
    )
    assert len({e.path for step in steps(write, words) for e in step.expectations}) == 1


def test_the_words_of_a_derived_step_are_left_open(write: Write) -> None:
    listed, whole, mixed = steps(
        write,
        "- {name: a, expect: oracle, paths: [web -> db:3306, db -> web:80]}\n"
        "- {name: b, expect: oracle}\n"
        "- {name: c, expect: oracle, others: blocked, paths: {web -> db:3306: allowed}}\n",
    )
    assert [item.path.text for item in listed.paths_without_verdict] == ["web -> db:3306", "db -> web:80"]
    assert listed.paths_without_verdict[0].where == "scenario.yaml:5"
    assert [item.path.text for item in whole.paths_without_verdict] == ["web -> db-service:3306"]
    assert (listed.derived, listed.expectations, listed.others) == (True, (), Others.ORACLE)
    assert (mixed.paths_without_verdict, mixed.others) == ((), Others.BLOCKED)
    assert [expectation.expected for expectation in mixed.expectations] == ["allowed"]


@pytest.mark.parametrize(
    ("api", "kind", "need"),
    [
        ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", "AdminNetworkPolicy"),
        ("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "Calico policies"),
        ("projectcalico.org/v3", "NetworkPolicy", "Calico policies"),
        ("security.istio.io/v1", "AuthorizationPolicy", "policies of other APIs"),
    ],
)
def test_policies_of_other_apis_are_taken_as_they_are_and_need_their_capability(
    write: Write, api: str, kind: str, need: str
) -> None:
    text = f"{{apiVersion: {api}, kind: {kind}, metadata: {{name: n}}, spec: {{whatever: [1]}}}}"
    (found,) = steps(write, "- {name: a, others: allowed, policies: [n.yaml]}", **{"n.yaml": text})
    governance = Governance.of(found.policies)
    assert governance.families({"default"}) == (need,)
    assert (governance.everywhere == (need,)) is (kind != "NetworkPolicy")
    assert network_policies(found) == ()


def test_policies_of_two_apis_may_share_a_name(write: Write) -> None:
    spec = "metadata: {name: n}, spec: {podSelector: {}}}"
    text = (
        f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, {spec}\n---\n"
        f"{{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, {spec}"
    )
    (found,) = steps(write, "- {name: a, others: allowed, policies: [n.yaml]}", **{"n.yaml": text})
    assert [policy.group for policy in found.policies] == ["networking.k8s.io", "projectcalico.org"]


def test_a_policy_in_a_wrong_group_of_kubernetes_is_not_a_policy(write: Write) -> None:
    text = "{apiVersion: networking.k8s.io/v1, kind: AdminNetworkPolicy, metadata: {name: n}, spec: {}}"
    with pytest.raises(ScenarioInvalid, match=r"AdminNetworkPolicy in networking\.k8s\.io/v1 is not a known policy"):
        steps(write, "- {name: a, others: allowed, policies: [n.yaml]}", **{"n.yaml": text})
