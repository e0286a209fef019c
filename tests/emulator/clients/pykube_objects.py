"""pykube-ng: `python pykube_objects.py KUBECONFIG`."""

import sys

import pykube

SPACE = "pykube"


def main() -> None:
    api = pykube.HTTPClient(pykube.KubeConfig.from_file(sys.argv[1]))
    assert api.version[0] == "1"
    pykube.Namespace(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}).create()
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    deployment = pykube.Deployment(
        api,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": SPACE},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        },
    )
    deployment.create()
    for event in pykube.Deployment.objects(api).filter(namespace=SPACE).watch():
        if event.object.obj.get("status", {}).get("availableReplicas") == 1:
            break
    deployment.reload()
    deployment.scale(2)
    assert deployment.replicas == 2
    space = pykube.Namespace.objects(api).get(name=SPACE)
    space.labels["tier"] = "front"
    space.update()
    assert [found.name for found in pykube.Namespace.objects(api).filter(selector={"tier": "front"})] == [SPACE]
    pods = pykube.Pod.objects(api).filter(namespace=SPACE, selector={"app": "web"})
    for event in pods.watch():
        if event.type == "ADDED":
            break
    assert len(pods) >= 1
    assert (
        pykube.Pod.objects(api, namespace=SPACE).filter(field_selector={"status.phase": "Failed"}).get_or_none() is None
    )
    deployment.delete(propagation_policy="Foreground")
    space.delete()


main()
