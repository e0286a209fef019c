from pathlib import Path

import pytest

from netpol_harness.cli import main
from netpol_harness.scenario.load import load

APPLICATIONS = Path(__file__).parents[1] / "applications"

MANIFESTS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
    - name: web
      image: web
      args: [--listen, ":80", --cache=redis://cache]
      env:
        - {name: DB_HOST, value: db}
        - {name: DB_PORT, value: "5432"}
        - {name: DB_URL, value: "postgres://$(DB_HOST):$(DB_PORT)/x"}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: url}}}
      envFrom: [{configMapRef: {name: settings}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  MAIL: smtp://mail:25
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {url: "http://secret:80"}
"""


def served(name: str, port: int) -> str:
    pod = f"metadata: {{name: {name}-0, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n"
    spec = f"{{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}"
    return (
        f"---\napiVersion: v1\nkind: Pod\n{pod}"
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )


DENY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec: {podSelector: {matchLabels: {app: db}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    services = [("db", 5432), ("cache", 6379), ("mail", 25), ("secret", 80)]
    (tmp_path / "app.yaml").write_text(MANIFESTS + "".join(served(*one) for one in services))
    return tmp_path


def test_each_path_names_its_line_and_the_result_loads(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(folder)]) == 0
    text = (folder / "scenario.yaml").read_text()
    assert "web -> db:5432: allowed  # app.yaml:10: DB_HOST\n" in text
    assert "web -> cache:6379: allowed  # app.yaml:8: --cache\n" in text
    assert "web -> mail:25: allowed  # app.yaml:20: MAIL\n" in text
    assert "web -> dns: allowed" in text
    assert "secret" not in text
    (step,) = load(folder / "scenario.yaml").steps
    assert len(step.expectations) == 4
    assert main(["table", str(folder)]) == 0


def test_an_existing_scenario_is_kept_unless_forced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "scenario.yaml").write_text("mine")
    assert main(["init", str(folder)]) == 2
    assert "pass --force" in capsys.readouterr().err
    assert (folder / "scenario.yaml").read_text() == "mine"
    assert main(["init", str(folder), "--out", "-"]) == 0
    assert "web -> db:5432" in capsys.readouterr().out
    assert main(["init", str(folder), "--force"]) == 0


def test_a_check_names_what_the_policies_break_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(folder), "--check"]) == 0
    (folder / "deny.yaml").write_text(DENY)
    assert main(["init", str(folder), "--check"]) == 1
    assert "web -> db:5432: blocked  (app.yaml:10: DB_HOST)\n" in capsys.readouterr().out
    assert not (folder / "scenario.yaml").exists()


def test_manifests_without_dependencies_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app.yaml").write_text(served("db", 1))
    assert main(["init", str(tmp_path)]) == 2
    assert "declare no dependency" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(f.name for f in APPLICATIONS.iterdir() if f.is_dir() and f.name[0] not in "._"))
def test_the_scenario_of_an_application_loads(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    for file in (APPLICATIONS / name).rglob("*.*"):
        copy = folder / file.relative_to(APPLICATIONS / name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    assert main(["init", str(folder)]) == 0
    (step,) = load(folder / "scenario.yaml").steps
    assert step.expectations
    assert not step.readiness, "to see that pods stay Ready takes half a minute"


CLIENTS = """\
apiVersion: v1
kind: Pod
metadata: {name: api, labels: {app: api}}
spec:
  containers: [{name: c, image: i, ports: [{name: metrics, containerPort: 9090}, {name: tls, containerPort: 8443}]}]
---
apiVersion: v1
kind: Service
metadata: {name: api, labels: {scraped: "yes"}}
spec: {selector: {app: api}, ports: [{name: metrics, port: 9090}, {name: tls, port: 443, targetPort: tls}]}
---
apiVersion: v1
kind: Pod
metadata: {name: monitor}
spec: {containers: [{name: c, image: "quay.io/prometheus/prometheus:v3"}]}
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec: {rules: [{backendRefs: [{name: api, port: 9090}, {name: nowhere, port: 1}, {kind: Other, name: api, port: 443}]}]}
"""
CONTROLLER = """\
---
apiVersion: v1
kind: Pod
metadata: {name: edge}
spec: {containers: [{name: c, image: "envoyproxy/envoy-gateway:v1"}]}
"""
POD_MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: m}
spec: {selector: {matchLabels: {app: api}}, podMetricsEndpoints: [{port: metrics}]}
"""
SERVICE_MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: m}
spec: {selector: {matchLabels: {scraped: "yes"}}, endpoints: [{port: metrics}]}
"""
ANNOTATED_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: worker, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}
"""
ANNOTATED_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: plain, annotations: {prometheus.io/scrape: "true"}}
spec: {selector: {app: api}, ports: [{port: 80}]}
"""
WRONG_ANNOTATION = ANNOTATED_POD.replace('8080"', 'http"')
WEBHOOK = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: w}
webhooks: [{name: w.example.com, clientConfig: {service: {namespace: default, name: api}}}]
"""


GRPC_ROUTE = ROUTE.replace("HTTPRoute", "GRPCRoute")
MIRROR = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  rules:
    - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: api, port: 9090}}}]
"""
AGGREGATED = """\
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.metrics.example.com}
spec: {group: metrics.example.com, version: v1, service: {namespace: default, name: api, port: 443}}
"""
CONVERSION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {namespace: default, name: api}}}}}
"""
PROBED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: probed}
spec:
  replicas: 2
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
        - name: c
          image: i
          ports: [{name: http, containerPort: 80}]
          livenessProbe: {httpGet: {port: http}}
          readinessProbe: {grpc: {port: 81}}
          startupProbe: {exec: {command: ["true"]}}
          env: [{name: SERVICE_NAME, value: probed}]
---
apiVersion: v1
kind: Service
metadata: {name: probed}
spec: {selector: {a: b}, ports: [{port: 80}]}
"""


@pytest.mark.parametrize(
    ("manifest", "line"),
    [
        (ROUTE, "outside -> service(api):9090: allowed  # x.yaml:4"),
        (ROUTE + CONTROLLER, "edge -> service(api):9090: allowed  # x.yaml:4"),
        (POD_MONITOR, "monitor -> pod(api):9090: allowed  # x.yaml:4"),
        (SERVICE_MONITOR, "monitor -> pod(api):9090: allowed  # x.yaml:4"),
        (ANNOTATED_POD, "monitor -> worker:8080: allowed  # x.yaml:3"),
        (ANNOTATED_SERVICE, "monitor -> pod(api):9090: allowed  # x.yaml:3"),
        (WRONG_ANNOTATION, "x.yaml:3: worker is to be scraped (prometheus.io/scrape); it has no port http"),
        (WEBHOOK, "node(api) -> service(api):443: allowed  # x.yaml:4"),
        (GRPC_ROUTE, "outside -> service(api):9090: allowed  # x.yaml:4"),
        (MIRROR, "outside -> service(api):9090: allowed  # x.yaml:6"),
        (ROUTE, "not checked: x.yaml:4: Service default/nowhere is not in these manifests (backend of HTTPRoute"),
        (AGGREGATED, "node(api) -> service(api):443: allowed  # x.yaml:4: aggregated API"),
        (CONVERSION, "node(api) -> service(api):443: allowed  # x.yaml:4: conversion webhook"),
        (PROBED, "node(probed/0) -> probed/0:80: allowed  # x.yaml:14: livenessProbe of the kubelet"),
        (PROBED, "node(probed/0) -> probed/0:81: allowed  # x.yaml:15: readinessProbe of the kubelet"),
    ],
)
def test_clients_that_other_kinds_imply_have_paths(
    manifest: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clients.yaml").write_text(CLIENTS)
    (tmp_path / "x.yaml").write_text(manifest)
    code = main(["init", str(tmp_path), "--check"])
    checked = capsys.readouterr()
    main(["init", str(tmp_path), "--out", "-"])
    written = capsys.readouterr()
    assert line in checked.out + written.out, (code, checked, written)


def test_the_name_of_a_workload_itself_is_no_dependency(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.yaml").write_text(PROBED)
    assert main(["init", str(tmp_path), "--out", "-"]) == 0
    assert "SERVICE_NAME" not in capsys.readouterr().out


INGRESS = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site}
spec: {defaultBackend: {service: {name: db, port: {number: 5432}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: from-the-controller}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]}]
"""


def test_policies_that_admit_an_absent_controller_do_not_break_an_ingress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.yaml").write_text(served("db", 5432) + INGRESS)
    assert main(["init", str(tmp_path), "--check"]) == 0
    told = capsys.readouterr().out
    assert "the policies admit pods such as ingress-nginx/stranger, which are not in these manifests" in told
    (tmp_path / "app.yaml").write_text(served("db", 5432) + INGRESS.replace("ingress-nginx", "backup"))
    assert main(["init", str(tmp_path), "--check"]) == 1
    assert "outside -> db:5432: blocked" in capsys.readouterr().out


def test_what_the_api_leaves_open_is_listed_by_a_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether a policy holds for another node than the pod's own."""
    api = AGGREGATED.replace("name: api, port: 443", "name: probed, port: 80")
    (tmp_path / "x.yaml").write_text("---\n".join([PROBED, api, DENY.replace("{app: db}", "{a: b}")]))
    assert main(["init", str(tmp_path), "--check"]) == 0
    told = capsys.readouterr().out
    assert "node(probed) -> service(probed):80: undefined" in told
    assert told.endswith("3 declared paths, 0 broken by the policies, 1 left open\n")
