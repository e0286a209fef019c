from pathlib import Path

import pytest

from netpol_harness.cli import main


def test_scenarios_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", str(tmp_path / "new")]) == 0

    assert (tmp_path / "new/ingress_pods/scenario.yaml").is_file()
    assert "10 scenarios" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_to_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert main(["catalogue", str(tmp_path / "file")]) == 2

    assert "cannot write the catalogue" in capsys.readouterr().err
