"""The command tfds-eo, without the work behind it."""

import dataclasses
import importlib
import pathlib
import re
import subprocess
import sys
import time
import types

import pytest

from beam_pipelines import cli, configs, manual
from beam_pipelines.cli import Command


def every_command():
    return [command for commands in cli.COMMANDS.values() for command in commands]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to cut.

    Examples:
        tfds-eo cut S1A --size 64
        tfds-eo cut S1A -- \
            --runner=FlinkRunner
    """

    scene: str
    """Name of the ``scene``."""

    size: int = 32
    """Width of a patch."""


@pytest.fixture
def cut(monkeypatch):
    """A command `cut` whose module remembers what it was run with."""
    module = types.ModuleType("cut", "Cuts patches.\n\nThey do not overlap.")
    module.Config, module.ran = Config, []

    def run(config, beam_args=()):
        module.ran.append((config, list(beam_args)))
        if config.scene == "missing":
            raise FileNotFoundError(f"no scene {config.scene!r}")
        return [f"cut {config.scene}"]

    module.run = run
    monkeypatch.setitem(sys.modules, "cut", module)
    table = {"Cut": (Command("cut", "cut", "Patches"),)}
    monkeypatch.setattr(cli, "COMMANDS", table | cli.COMMANDS)
    return module


def test_a_command_runs_with_its_config_and_its_lines_are_printed(cut, capsys):
    assert cli.main(["cut", "S1A", "--size", "64"]) == 0
    assert cut.ran == [(Config(scene="S1A", size=64), [])]
    assert capsys.readouterr().out == "cut S1A\n"


def test_what_stands_behind_two_hyphens_goes_to_beam_as_it_is(cut):
    cli.main(["cut", "S1A", "--", "--runner=Flink", "--size", "x", "--", "--debug"])
    ((config, beam_args),) = cut.ran
    assert config.size == 32
    assert beam_args == ["--runner=Flink", "--size", "x", "--", "--debug"]


def test_a_command_without_a_pipeline_refuses_options_of_beam(cut, capsys):
    cut.run = lambda config: None
    assert cli.main(["cut", "S1A", "--", "--runner=Flink"]) == 2
    assert "runs no pipeline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cutt"], "no command 'cutt'; did you mean cut?"),
        (["simulate", "ice"], "no command 'simulate ice'"),
        (["cut"], "still needed: SCENE"),
        (["cut", "S1A", "--sise", "3"], "did you mean --size?"),
        (["cut", "missing"], "no scene 'missing'"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(cut, capsys, words, message):
    assert cli.main(words) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert "Traceback" not in found.err
    assert found.out == ""


def test_debug_shows_where_an_error_arose(cut, capsys):
    assert cli.main(["cut", "missing", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_error_in_the_code_is_not_disguised_as_a_mistake(cut):
    cut.run = lambda config: 1 / 0
    with pytest.raises(ZeroDivisionError):
        cli.main(["cut", "S1A"])


def test_the_table_of_contents_has_a_line_for_each_command(capsys):
    assert cli.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for command in every_command():
        name = re.escape(command.name)
        (line,) = [x for x in lines if re.match(rf"  {name}  ", x)]
        assert line.endswith(command.summary)
        assert len(line) <= manual.WIDTH


def test_a_word_that_needs_a_kind_lists_its_kinds(capsys):
    assert cli.main(["simulate"]) == 0
    out = capsys.readouterr().out
    assert "simulate time_sen2_crop" in out
    assert "evaluate" not in out


def test_a_page_teaches_fields_defaults_and_examples(cut, capsys):
    assert cli.main(["cut", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert cut.ran == []
    for text in (
        "Usage: tfds-eo cut SCENE [--field value ...] [-- BEAM OPTIONS]",
        "Cuts patches. They do not overlap.",
        "SCENE Name of the scene. (needed)",
        "--size INTEGER Width of a patch. (default: 32)",
        "tfds-eo cut S1A --size 64",
        "tfds-eo cut S1A -- --runner=FlinkRunner",
    ):
        assert text in out


@pytest.mark.parametrize("command", every_command(), ids=lambda c: c.name)
def test_every_command_has_a_page_on_which_every_field_is_explained(command):
    module = importlib.import_module(command.module)
    page = manual.page(command.name, module)
    for option in configs.options_of(module.Config):
        assert option.help, option.name
        assert option.spelling in page
    assert f"tfds-eo {command.name}" in page
    assert module.Config.__dataclass_params__.frozen


def test_hyphens_and_underscores_in_a_command_are_the_same(capsys):
    assert cli.main(["simulate", "time-sen2-crop", "--samples", "1"]) == 2
    assert "samples must be at least" in capsys.readouterr().err


@pytest.mark.slow
def test_the_table_of_contents_loads_no_library_and_comes_at_once():
    code = (
        "import sys; from beam_pipelines import cli; cli.main(['--help']);"
        "heavy = {'tensorflow', 'apache_beam', 'matplotlib', 'numpy', 'tfds_eo',"
        "'models', 'tensorflow_datasets'} & set(sys.modules); assert not heavy, heavy"
    )
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        root = pathlib.Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 1  # 0.1 s on an idle machine; the suite shares its cores.
