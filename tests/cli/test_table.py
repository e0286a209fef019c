import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from netpol_harness.cli import main

THREE_TIER = str(Path(__file__).parents[2] / "scenarios" / "three_tier")


def rows(text: str, *, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_each_step_has_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", THREE_TIER]) == 0
    told = capsys.readouterr().out
    assert [line.split()[1] for line in rows(told, start="step ")] == [
        "all-allow",
        "as-written",
        "with-dns",
        "default-deny",
    ]
    assert told.splitlines()[-1] == ". allowed   X blocked   N unresolved   ? undefined"


def test_each_table_tells_how_many_paths_are_denied(capsys: pytest.CaptureFixture[str]) -> None:
    for output, denied in (("text", "24 paths, 16 of them denied"), ("md", "`24 paths, 16 of them denied`")):
        assert denied in printed(capsys, "-o", output).splitlines()
    assert json.loads(printed(capsys, "-o", "json"))[0]["asked"] == {"paths": 24, "denials": 16}
    assert "<p>24 paths, 16 of them denied</p>" in printed(capsys, "-o", "html")


def test_services_by_name_pods_and_hosts_are_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", THREE_TIER, "--step", "as-written"]) == 0
    told = capsys.readouterr().out
    (head,) = rows(told, start="from")
    assert head.split()[3:] == [
        "web-service:80",
        "web-pod:80",
        "app-service:5000",
        "app-pod:5000",
        "db-service:3306",
        "db-pod:3306",
        "user:8080",
    ]
    assert [row.split()[1:] for row in rows(told, start="web-pod")] == [list("NN.NXX")]
    assert [row.split()[1:] for row in rows(told, start="db-pod")] == [list("??XX?.")]
    assert [row.split()[1:] for row in rows(told, start="user")] == [list("..XXXX")]


def test_a_profile_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", THREE_TIER, "--step", "as-written", "--profile", "calico"]) == 0
    assert "web-pod:80" in (told := capsys.readouterr().out)
    assert main(["table", THREE_TIER, "--step", "as-written", "--profile", "cilium"]) == 0
    assert capsys.readouterr().out != told


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["table", THREE_TIER, "--step", "as-written", *arguments]) == 0
    return capsys.readouterr().out


def test_the_text_fits_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = printed(capsys)
    assert max(map(len, whole.splitlines())) > 60
    monkeypatch.setenv("COLUMNS", "60")
    folded = printed(capsys)
    assert max(map(len, folded.splitlines())) <= 60
    assert "          ┌ web-service:80" in folded.splitlines()
    assert folded.count("N") == whole.count("N")


def test_markdown_is_a_table_with_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "-o", "md").splitlines()
    assert lines[0] == "### step as-written (scenario.yaml:21)"
    assert lines[4] == "| web-pod | N |  | N | . | N | X | X |"


def test_csv_has_a_line_for_each_path(capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(csv.DictReader(io.StringIO(printed(capsys, "-o", "csv"))))
    assert lines[0] == {"step": "as-written", "source": "web-pod", "target": "web-service:80", "word": "unresolved"}
    assert len(lines) == 24


def test_json_has_the_words_by_source_and_target(capsys: pytest.CaptureFixture[str]) -> None:
    (step,) = json.loads(printed(capsys, "-o", "json"))
    assert step["step"] == "as-written"
    assert step["where"] == "scenario.yaml:21"
    assert step["words"]["user"]["web-service:80"] == "allowed"
    assert [source["name"] for source in step["table"]["sources"]] == ["web-pod", "app-pod", "db-pod", "user"]
    assert step["table"]["targets"][:2] == [
        {"name": "web-service:80", "group": ""},
        {"name": "web-pod:80", "group": ""},
    ]
    assert step["table"]["folded"]["sources"] == [["web-pod"], ["app-pod"], ["db-pod"], ["user"]]


def test_html_is_a_page_in_which_nothing_is_markup_that_should_not_be(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, "-o", "html")
    root = ElementTree.fromstring(page.replace("<!doctype html>", "").replace('<meta charset="utf-8">', ""))
    assert [cell.text for cell in root.iter("caption")] == ["step as-written (scenario.yaml:21)"]
    assert [cell.get("class") for cell in root.iter("td")].count("unresolved") == 6


POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody}
spec: {podSelector: {matchLabels: {app: dbs}}}
"""
WORKLOADS = """apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5432}]}]}
"""


@pytest.fixture
def inert(tmp_path: Path) -> str:
    """A scenario with a policy that selects no pod."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "workloads.yaml").write_text(WORKLOADS.replace("db", "web") + "---\n" + WORKLOADS)
    paths = "paths: {web -> db:5432: allowed}"
    step = f"{{name: only, policies: [policy.yaml], {paths}}}"
    (tmp_path / "scenario.yaml").write_text(f"title: inert\nworkloads: [workloads.yaml]\nsteps: [{step}]\n")
    return str(tmp_path)


def test_what_matches_nothing_is_noted_below_the_table(inert: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", inert]) == 0
    note = "note  policy.yaml:4: policy nobody selects no pod: no pod of default has app=dbs; db has app=db"
    assert " ".join(capsys.readouterr().out.split()).endswith(" ".join(note.split()))


def test_notes_are_no_part_of_other_formats(inert: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", inert, "-o", "json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)
    assert "policy nobody selects no pod" in output.err


WIDE = """\
title: many pods
workloads: [pods.yaml]
steps:
  - {name: closed, policies: [deny.yaml], others: oracle}
"""


@pytest.fixture
def wide(tmp_path: Path) -> str:
    """A scenario of 20 pods, of which one has no ingress."""
    pod = "{{apiVersion: v1, kind: Pod, metadata: {{name: p{0}, labels: {{app: p{0}}}}}, spec: {{containers: [{1}]}}}}"
    serving = "{name: c, image: i, ports: [{containerPort: 80}]}"
    (tmp_path / "pods.yaml").write_text("\n---\n".join(pod.format(number, serving) for number in range(20)))
    (tmp_path / "deny.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n"
        "spec: {podSelector: {matchLabels: {app: p7}}}\n"
    )
    (tmp_path / "scenario.yaml").write_text(WIDE)
    return str(tmp_path)


def test_a_wide_table_is_folded_on_pages_and_whole_for_programs(wide: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = {}
    for form in ("md", "html", "json", "csv"):
        assert main(["table", wide, "-o", form]) == 0
        told[form] = capsys.readouterr().out
    assert "| p0 +19 | . | X |" in told["md"]
    assert "- p0:80 +18 = p0:80, p1:80, p2:80, p3:80, p4:80, p5:80, p6:80, p8:80, " in told["md"]
    page = ElementTree.fromstring(told["html"].replace("<!doctype html>", "").replace('<meta charset="utf-8">', ""))
    folded, whole = page.iter("table")
    assert [len([*table.iter("td")]) for table in (folded, whole)] == [2, 400]
    assert page.find(".//details") is not None
    (step,) = json.loads(told["json"])
    assert step["table"]["folded"]["targets"][1] == ["p7:80"]
    assert sum(map(len, step["words"].values())) == told["csv"].count("\n") - 1 == 380
