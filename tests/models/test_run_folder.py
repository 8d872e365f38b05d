import json
import shutil

import pytest

from models import run_folder

SETTINGS = {"seed": 1, "batch_size": 64, "precision": "float32"}


def test_a_run_is_found_again_under_the_same_settings(tmp_path):
    run_folder.open_run(tmp_path / "a" / "run", SETTINGS, needed=10)
    run_folder.open_run(tmp_path / "a" / "run", SETTINGS, needed=10)
    found = json.loads((tmp_path / "a" / "run" / "run.json").read_text())
    assert found == SETTINGS


def test_a_run_with_other_settings_is_refused_with_what_differs(tmp_path):
    run_folder.open_run(tmp_path, SETTINGS, needed=10)
    other = {"seed": 2, "batch_size": 64, "patience": 5}
    with pytest.raises(ValueError, match="holds another run, with") as caught:
        run_folder.open_run(tmp_path, other, needed=10)
    expected = "patience None, now 5; precision 'float32', now None; seed 1, now 2:"
    assert expected in str(caught.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        OSError, match=r"cannot write to the run folder .*file/run.*--out"
    ):
        run_folder.open_run(tmp_path / "file" / "run", SETTINGS, needed=1)


def test_a_full_disk_is_refused(tmp_path, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 2_500_000, 2_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=r"needs 4\.0 MB .*; 2\.5 MB are free: make room"):
        run_folder.open_run(tmp_path, SETTINGS, needed=4_000_000)
    assert not (tmp_path / "run.json").exists()


def test_settings_that_are_no_json_are_refused(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"run\.json must be JSON"):
        run_folder.open_run(tmp_path, SETTINGS, needed=1)
