"""The demo: all commands one after the other, small."""

import json

import pytest

from beam_pipelines import demo

SMALL = {"samples": 1500, "epochs": 1}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "out"


@pytest.mark.slow
def test_the_demo_ends_with_a_report_and_says_that_all_is_simulated(out, capsys):
    lines = demo.run(demo.Config(out=out, **SMALL))
    printed = capsys.readouterr().out
    assert "All of it is simulated." in printed
    for path in (
        "raw/TimeSen2Crop.zip",
        "examples.png",
        "run/bundle/bundle.json",
        "evaluation/confusion_test.png",
        "evaluation/confusion_test_2019.png",
    ):
        assert (out / path).stat().st_size > 1000, path
    page = (out / "evaluation" / "report.html").read_text("utf-8")
    assert "Simulated data." in page
    scores = json.loads((out / "evaluation" / "scores.json").read_text())
    assert scores["simulated"] is True
    assert any(str(out / "evaluation" / "report.html") in line for line in lines)
    code = "\n".join(line.strip() for line in lines[lines.index("") + 3 :])
    exec(code, {})
    assert capsys.readouterr().out.strip().endswith(", 9)")


@pytest.mark.slow
def test_a_second_demo_keeps_what_is_there(out, capsys):
    files = [out / "raw/TimeSen2Crop.zip", out / "run/history.json"]
    times = [file.stat().st_mtime_ns for file in files]
    demo.run(demo.Config(out=out, **SMALL))
    assert [file.stat().st_mtime_ns for file in files] == times
    assert "keeps" in capsys.readouterr().out


def filled(folder, **settings):
    """A folder as a demo with these settings leaves it, without the work."""
    for name in ("raw", "data", "run"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").touch()
    (folder / "demo.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, {"raw", "data", "run"}),
        ({"epochs": 3}, {"raw", "data"}),
        ({"seed": 1}, set()),
        ({"samples": 2000}, set()),
    ],
)
def test_other_fields_remove_what_depends_on_them(tmp_path, change, left):
    folder = filled(tmp_path / "demo", samples=1500, seed=0, epochs=2)
    settings = {"samples": 1500, "seed": 0, "epochs": 2} | change
    kept = demo._make_room(demo.Config(out=folder, **settings))
    assert {p.name for p in folder.iterdir()} - {"demo.json"} == left
    assert kept == ("run" in left)
    assert json.loads((folder / "demo.json").read_text()) == settings


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="it holds something else: choose another"):
        demo.run(demo.Config(out=tmp_path))
    assert (tmp_path / "run" / "thesis.txt").exists()


@pytest.mark.parametrize("field", [{"samples": 9}, {"seed": -1}, {"epochs": 0}])
def test_a_field_out_of_range_is_named(field):
    (name,) = field
    with pytest.raises(ValueError, match=f"{name} must be at least"):
        demo.Config(**field)
