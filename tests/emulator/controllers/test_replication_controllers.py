from typing import Any


def equality(workload: Any, name: str, **spec: Any) -> Any:
    made = workload(name, **spec)
    del made["spec"]["selector"]
    return made


def test_a_replication_controller_selects_the_labels_of_its_template(cluster: Any, workload: Any) -> None:
    cluster.create("replicationcontrollers", equality(workload, "web", replicas=2))
    assert cluster.get("replicationcontrollers", "web")["spec"]["selector"] == {"app": "web"}
    assert len(cluster.list("pods")) == 2
    cluster.ready()
    assert cluster.status("replicationcontrollers")["readyReplicas"] == 2
    cluster.change("replicationcontrollers", "web", replicas=0)
    assert cluster.list("pods") == []


def test_a_deployment_config_makes_a_version_of_each_template(cluster: Any, workload: Any) -> None:
    cluster.create("deploymentconfigs", equality(workload, "web"))
    [pod] = cluster.list("pods")
    assert pod["metadata"]["name"].startswith("web-1-")
    assert pod["metadata"]["labels"] == {"app": "web", "deployment": "web-1", "deploymentconfig": "web"}
    cluster.ready()
    template = workload("web")["spec"]["template"]
    cluster.change("deploymentconfigs", "web", template={**template, "metadata": {"labels": {"app": "web", "v": "2"}}})
    cluster.ready()
    assert [each["spec"]["replicas"] for each in cluster.list("replicationcontrollers")] == [0, 1]
    assert {pod["metadata"]["labels"]["deployment"] for pod in cluster.list("pods")} == {"web-2"}
    status = cluster.status("deploymentconfigs")
    assert (status["latestVersion"], status["readyReplicas"], status["unavailableReplicas"]) == (2, 1, 0)


def test_recreate_ends_the_old_version_first(cluster: Any, workload: Any) -> None:
    cluster.create("deploymentconfigs", equality(workload, "web", strategy={"type": "Recreate"}))
    cluster.ready()
    template = workload("web")["spec"]["template"]
    cluster.change("deploymentconfigs", "web", template={**template, "metadata": {"labels": {"app": "web", "v": "2"}}})
    assert {pod["metadata"]["labels"]["deployment"] for pod in cluster.list("pods")} == {"web-2"}


def test_a_paused_config_keeps_its_version(cluster: Any, workload: Any) -> None:
    cluster.create("deploymentconfigs", equality(workload, "web"))
    template = workload("web")["spec"]["template"]
    changed = {**template, "metadata": {"labels": {"app": "web", "v": "2"}}}
    cluster.change("deploymentconfigs", "web", paused=True, template=changed)
    assert cluster.names("replicationcontrollers") == {"web-1"}
