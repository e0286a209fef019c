"""Which files a scenario may read: someone else's pull request must not make a CI run read the files of its host."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.scenario.derive import derive
from netpol_harness.scenario.load import load

Write = Callable[..., Path]
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: password}\npassword: {\n"
POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\nspec: {}\n"


def scenario(policies: str, workloads: str = "workloads.yaml") -> str:
    head = f"title: A title\nworkloads: [{workloads}]\n"
    return head + f"steps:\n- name: s\n  others: blocked\n  policies:\n  - {policies}\n"


def refused(file: Path) -> str:
    with pytest.raises(ScenarioInvalid) as caught:
        load(file)
    (line,) = caught.value.problems
    assert "password" not in line
    return line


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder beside the scenario's, with a file of secrets, which is also a policy for who may read it."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "tell-nobody.yaml").write_text(SECRET)
    (folder / "policy.yaml").write_text(POLICY)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "../foreign/tell-nobody.yaml",
        "../foreign/policy.yaml",
        "../foreign/no-such-file.yaml",
        "../foreign",
        "x/../../foreign/policy.yaml",
        "link/policy.yaml",
        "file-link.yaml",
        "dangling.yaml",
        "loop.yaml",
        "file-*.yaml",
        "link/*.yaml",
        "'*/*.yaml'",
        "l*/tell-nobody.yaml",
        ".git/config",
    ],
)
def test_a_file_outside_is_refused_with_its_place_and_without_its_content(
    write: Write, foreign: Path, name: str
) -> None:
    file = write(scenario(name))
    (file.parent / "link").symlink_to(foreign)
    (file.parent / "file-link.yaml").symlink_to(foreign / "tell-nobody.yaml")
    (file.parent / "dangling.yaml").symlink_to(foreign / "none.yaml")
    (file.parent / "loop.yaml").symlink_to("loop.yaml")
    (file.parent / ".git").mkdir()
    (file.parent / ".git/config").write_text(SECRET)
    line = refused(file)
    assert "small/scenario.yaml:7:5: '" in line
    assert "leads outside " in line


def test_a_glob_with_two_dots_is_refused(write: Write) -> None:
    assert "'../foreign/*.yaml' is a glob with '..'" in refused(write(scenario("../foreign/*.yaml")))


@pytest.mark.parametrize("name", ["/etc/passwd", "//etc/passwd"])
def test_an_absolute_path_is_refused(write: Write, name: str) -> None:
    assert "write it relative to the scenario's directory" in refused(write(scenario(name)))


def test_a_scenario_file_that_is_a_link_to_a_foreign_file_is_refused(write: Write, foreign: Path) -> None:
    file = write()
    file.unlink()
    file.symlink_to(foreign / "tell-nobody.yaml")
    line = refused(file)
    assert "small/scenario.yaml:1:1: 'scenario.yaml' leads outside the scenario's directory" in line


def test_links_among_derived_manifests_are_refused(write: Write, foreign: Path) -> None:
    directory = write().parent
    (directory / "scenario.yaml").unlink()
    (directory / "file-link.yaml").symlink_to(foreign / "tell-nobody.yaml")
    with pytest.raises(ScenarioInvalid, match=r"'file-link\.yaml' leads outside"):
        derive(directory)


def test_manifests_to_derive_from_may_have_any_name(write: Write) -> None:
    directory = write().parent
    (directory / "scenario.yaml").unlink()
    (directory / "folder.yaml").mkdir()
    for number, name in enumerate((b"[x]*.yaml", b"\xff.yaml", b"\x1b[1m.yaml")):
        (directory / os.fsdecode(name)).write_text(POLICY.replace("name: n", f"name: n{number}"))
    (step,) = derive(directory).steps
    assert len(step.policies) == 4


def test_files_of_the_repository_may_be_read(write: Write, foreign: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").touch()  # a file in work trees
    file = write(scenario("../foreign/policy.yaml\n  - linked/policy.yaml\n  - 'linked/p*.yaml'"))
    (file.parent / "linked").symlink_to("../foreign")
    with pytest.raises(ScenarioInvalid) as caught:
        load(file)
    assert "small/linked/policy.yaml:1:1: NetworkPolicy default/n is already at ../foreign" in str(caught.value)


@pytest.mark.parametrize("name", ["../.git", "../.env/policy.yaml", "../foreign/.hidden.yaml", "linked/.hidden.yaml"])
def test_hidden_files_of_the_repository_may_not(write: Write, foreign: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / ".git").touch()
    (foreign / ".hidden.yaml").write_text(SECRET)
    file = write(scenario(name))
    (file.parent / "linked").symlink_to("../foreign")
    assert "leads outside the repository, or to a hidden file in it" in refused(file)


def test_a_folder_that_a_repository_links_to_is_not_a_part_of_it(write: Write, tmp_path: Path) -> None:
    directory = write().parent
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "link").symlink_to(directory)
    assert "'scenario.yaml' leads outside the repository" in refused(repository / "link/scenario.yaml")


def test_the_way_to_a_scenario_may_lead_out_of_another_repository(
    write: Write, foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write()
    (foreign / ".git").mkdir()
    monkeypatch.chdir(foreign)
    assert load(Path(os.path.relpath(file))).title == "A title"


def test_a_home_directory_under_git_is_not_a_repository(
    write: Write, foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "leads outside the scenario's directory" in refused(write(scenario("../foreign/policy.yaml")))


def test_no_file_of_a_foreign_folder_is_suggested(write: Write) -> None:
    assert "did you mean deny.yaml" in refused(write(scenario("denny.yaml")))


def test_globs_find_what_they_say(write: Write) -> None:
    names = ["a/x.yaml", "a/b/x.yaml", "a/b/c/x.yaml", "a/b/c/.y.yaml", "a/b/z.txt"]
    kinds = {name: POLICY.replace("{name: n}", f"{{name: n{i}}}") for i, name in enumerate(names)}

    def found(pattern: str) -> list[str]:
        (step,) = load(write(scenario(f"'{pattern}'"), kinds)).steps
        return [manifest.where.rpartition(":")[0] for manifest in step.policies]

    assert found("a/*.yaml") == ["a/x.yaml"]
    assert found("./a//*/x.yaml") == ["a/b/x.yaml"]
    assert found("a/**/x.yaml") == ["a/b/c/x.yaml", "a/b/x.yaml", "a/x.yaml"]
    assert found("**/[xz].*") == ["a/b/c/x.yaml", "a/b/x.yaml", "a/b/z.txt", "a/x.yaml"]
    assert found("a/b/**/?y*") == ["a/b/c/.y.yaml"]


def test_links_in_circles_end_a_glob(write: Write) -> None:
    file = write(scenario("'**/deny.yaml'"))
    (file.parent / "circle").symlink_to(".")
    assert len(load(file).steps[0].policies) == 1


@pytest.mark.parametrize("stars", ["**/" * 30, "**/*/" * 60, "**/a/" * 9, "*" * 200 + "/"])
def test_a_glob_of_many_stars_takes_no_time(write: Write, stars: str) -> None:
    deep = "/".join("abcdefghijklmnopqrst")
    assert "matches no file" in refused(write(scenario(f"'{stars}nothing'"), {f"{deep}/x.yaml": POLICY}))
