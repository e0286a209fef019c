"""kr8s: `python kr8s_objects.py KUBECONFIG`."""

import sys
from typing import Any

import kr8s
from kr8s.objects import Deployment, Namespace, Pod

SPACE = "kr8s"


def main() -> None:
    api = kr8s.api(kubeconfig=sys.argv[1])
    assert api.version()["major"] == "1"
    space = Namespace({"metadata": {"name": SPACE}}, api=api)
    space.create()
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    deployment = Deployment(
        {
            "metadata": {"name": "web", "namespace": SPACE},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        },
        api=api,
    )
    deployment.create()
    deployment.wait("condition=Available", timeout=20)
    deployment.scale(2)
    deployment.label({"tier": "front"})
    selected: list[Any] = list(api.get("deployments", namespace=SPACE, label_selector="tier=front"))
    assert [deployment.name for deployment in selected] == ["web"]
    pod = Pod(
        {"metadata": {"name": "p", "namespace": SPACE}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}},
        api=api,
    )
    pod.create()
    pod.wait("condition=Ready", timeout=20)
    assert pod.exec(["echo", "hi"]).stdout == b"hi\n"
    pod.annotate({"note": "1"})
    assert Pod.get("p", namespace=SPACE, api=api).annotations["note"] == "1"
    pod.delete()
    pod.wait("delete", timeout=20)
    assert not pod.exists()
    space.delete()


main()
