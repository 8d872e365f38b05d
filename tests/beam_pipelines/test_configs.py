"""A command line and a TOML file to the Config of a command."""

import dataclasses
import enum
import pathlib
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_pipelines import configs


class Polarisation(enum.Enum):
    HH = "hh"
    HV = "hv"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cut:
    """Cuts patches."""

    scene: pathlib.Path
    """Folder of the scene,
    as it was unpacked.
    """

    size: int = 32
    """Width of a patch."""

    purity: float = 1.0
    overwrite: bool = False
    """Whether to replace."""

    kind: Literal["ice", "water"] = "ice"
    polarisation: Polarisation = Polarisation.HH
    bands: tuple[str, ...] = ("B4",)
    window: tuple[int, int] = (0, 0)
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be at least 1; got {self.size}")


def parse(*words: str) -> Cut:
    return configs.parse(Cut, words)


def test_a_field_that_is_not_given_has_its_default():
    assert parse("S1A") == Cut(scene=pathlib.Path("S1A"))


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--size", "64"], "size", 64),
        (["--size=64"], "size", 64),
        (["--purity", "-0.5"], "purity", -0.5),
        (["--overwrite"], "overwrite", True),
        (["--overwrite", "--no-overwrite"], "overwrite", False),
        (["--no_overwrite"], "overwrite", False),
        (["--kind", "water"], "kind", "water"),
        (["--polarisation", "hv"], "polarisation", Polarisation.HV),
        (["--bands", "B2", "B8A"], "bands", ("B2", "B8A")),
        (["--bands", "B2", "--bands", "B8A"], "bands", ("B2", "B8A")),
        (["--bands"], "bands", ()),
        (["--window", "3", "-5"], "window", (3, -5)),
        (["--limit", "7"], "limit", 7),
        (["--limit", "7", "--limit", "none"], "limit", None),
    ],
)
def test_each_type_of_field_is_read(words, field, value):
    assert getattr(parse("S1A", *words), field) == value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
    data_dir: str = ""
    note: str = ""


@pytest.mark.parametrize("word", ["--data_dir", "--data-dir"])
def test_hyphens_and_underscores_in_a_name_are_the_same(word):
    assert configs.parse(Folder, [word, "a-b_c"]).data_dir == "a-b_c"
    assert configs.parse(Folder, [f"{word}=a-b_c"]).data_dir == "a-b_c"


@given(st.text(), st.text())
def test_any_text_arrives_as_it_was_typed_behind_an_equals_sign(data_dir, note):
    found = configs.parse(Folder, [f"--data-dir={data_dir}", f"--note={note}"])
    assert found == Folder(data_dir=data_dir, note=note)


@given(st.integers(), st.floats(allow_nan=False), st.integers(), st.booleans())
def test_numbers_arrive_as_they_were_typed(limit, purity, row, overwrite):
    words = [f"--limit={limit}", "--purity", f"{purity!r}", "--window", f"{row}", "1"]
    words.append("--overwrite" if overwrite else "--no-overwrite")
    found = parse(*words, "S1A")
    assert (found.limit, found.purity) == (limit, purity)
    assert (found.window, found.overwrite) == ((row, 1), overwrite)


def test_the_positional_value_may_stand_behind_options():
    assert parse("--size", "64", "S1A").scene == pathlib.Path("S1A")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "still needed: SCENE"),
        (["S1A", "--sise", "3"], r"unknown option --sise; did you mean --size\?"),
        (["S1A", "--zzz", "3"], "unknown option --zzz; there are --size"),
        (["S1A", "--size", "many"], "--size must be a whole number; got 'many'"),
        (["S1A", "--purity", "x"], "--purity must be a number; got 'x'"),
        (["S1A", "--kind", "sand"], "--kind must be one of ice, water; got 'sand'"),
        (["S1A", "--size"], "--size needs 1 value; got 0"),
        (["S1A", "--window", "3"], "--window needs 2 values; got 1"),
        (["S1A", "--overwrite=yes"], "--overwrite takes no value"),
        (["S1A", "S1B"], "nothing takes 'S1B'"),
        (["S1A", "-s", "3"], "two hyphens; got '-s'"),
        (["S1A", "--size", "0"], "size must be at least 1; got 0"),
    ],
)
def test_a_mistake_is_named(words, message):
    with pytest.raises(ValueError, match=message):
        parse(*words)


def test_the_docstring_below_a_field_is_its_help():
    docs = configs.field_docs(Cut)
    assert docs["scene"] == "Folder of the scene,\nas it was unpacked."
    assert docs["size"] == "Width of a patch."
    assert "purity" not in docs


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutMore(Cut):
    size: int = 8
    """Width, smaller."""

    seed: int = 0
    """Seed."""


def test_fields_and_docstrings_are_inherited():
    docs = configs.field_docs(CutMore)
    assert docs["size"] == "Width, smaller."
    assert docs["overwrite"] == "Whether to replace."
    assert configs.parse(CutMore, ["S1A", "--seed", "3"]).seed == 3


def test_a_marked_field_is_positional_instead_of_the_first():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Config:
        data_dir: str
        name: str = dataclasses.field(default="x", metadata={"positional": True})

    first, second = configs.options_of(Config)
    assert (first.positional, second.positional) == (False, True)
    assert configs.parse(Config, ["y", "--data_dir", "d"]).name == "y"


@pytest.mark.parametrize("hint", [dict, dict[str, int], int | str, tuple[int, str]])
def test_a_type_that_no_command_line_offers_is_refused(hint):
    config_class = dataclasses.make_dataclass("Config", [("field", Any)])
    config_class.__annotations__["field"] = hint
    with pytest.raises(TypeError, match=r"field 'field' .* must be a str, int"):
        configs._take_apart(hint, "field 'field' of x")


# TOML ----------------------------------------------------------------------------


def test_the_command_line_wins_over_a_file(tmp_path):
    file = tmp_path / "cut.toml"
    file.write_text(
        'scene = "S1A"\nsize = 16\npurity = 1\nbands = ["B2", "B3"]\n'
        'window = [4, 5]\noverwrite = true\npolarisation = "hv"\n'
    )
    assert parse("--size", "64", "--config", str(file)) == Cut(
        scene=pathlib.Path("S1A"),
        size=64,
        purity=1.0,
        bands=("B2", "B3"),
        window=(4, 5),
        overwrite=True,
        polarisation=Polarisation.HV,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size = '3'", "'size' in config file .* must be INTEGER; got '3'"),
        ("size = true", "'size' in config file .* must be INTEGER; got True"),
        ("size = 3.5", "'size' in config file .* must be INTEGER; got 3.5"),
        ("overwrite = 1", "must be true or false; got 1"),
        ("bands = 'B2'", "must be a list; got 'B2'"),
        ("window = [1]", r"must be a list of 2; got \[1\]"),
        ("kind = 'sand'", "must be one of ice, water; got 'sand'"),
        ("sise = 3", r"has no business with 'sise'; did you mean size\?"),
        ("size 3", "must be TOML"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path, text, message):
    file = tmp_path / "cut.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        parse("S1A", "--config", str(file))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config file .*none\.toml"):
        parse("S1A", "--config", str(tmp_path / "none.toml"))
