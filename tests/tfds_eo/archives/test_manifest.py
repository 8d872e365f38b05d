"""Manifests come back as they were written; what they cannot mean is refused."""

import dataclasses
import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfds_eo.archives import manifest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    images: str = ""
    rows: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated:
    units: Literal["db", "linear"] | None = None
    nodata: tuple[float, ...] = ()
    classes: dict[str, str] = dataclasses.field(default_factory=dict)
    parts: dict[str, tuple[Part, ...]] = dataclasses.field(default_factory=dict)


def read(folder, text, name="manifest.toml"):
    (folder / name).write_text(text)
    return manifest.read_manifest(folder, "some_set", Stated)


def test_toml_and_yaml_state_the_same(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "y").mkdir()
    toml = read(
        tmp_path / "t",
        """[some_set]
        units = "db"
        nodata = [0, -1.5]
        classes = {1 = "open_water"}
        [[some_set.parts."10x10"]]
        images = "a.npz:x"
        """,
    )
    yaml = read(
        tmp_path / "y",
        """some_set:
  units: db
  nodata: [0, -1.5]
  classes: {1: open_water}
  parts:
    10x10:
      - images: a.npz:x
""",
        "manifest.yaml",
    )
    assert toml == yaml
    assert toml.parts == {"10x10": (Part(images="a.npz:x"),)}
    assert toml.nodata == (0.0, -1.5)


def test_without_a_manifest_nothing_is_stated(tmp_path):
    assert manifest.read_manifest(tmp_path, "some_set", Stated) == Stated()
    assert read(tmp_path, "[another_set]\na = 1") == Stated()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[some_set]\nunit = 'db'", r"must state only .*got \['unit'\]"),
        ("[some_set]\nunits = 'dB'", r"some_set.units must be one of db, linear"),
        ("[some_set]\nnodata = 'x'", r"nodata\[0\] must be float; got 'x'"),
        ("[some_set]\nclasses = 3", r"classes must be a table"),
        ("some_set = 3", r"some_set must be a table"),
        ("[some_set", "must be plain TOML"),
        ("[some_set.parts]\na = [{rows = true}]", r"a\[0\].rows must be int"),
    ],
)
def test_what_a_manifest_cannot_mean_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_two_manifests_and_hostile_yaml_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"manifest\.yml.*aliases"):
        read(tmp_path, "a: &a [1]\nb: [*a, *a]", "manifest.yml")
    with pytest.raises(ValueError, match="must be plain YML"):
        read(tmp_path, "a: !!python/object/apply:os.getcwd []", "manifest.yml")
    (tmp_path / "manifest.toml").write_text("")
    with pytest.raises(ValueError, match="must hold one manifest"):
        manifest.read_manifest(tmp_path, "some_set", Stated)


@given(
    st.builds(
        Stated,
        units=st.sampled_from(["db", "linear"]),
        nodata=st.lists(st.floats(allow_nan=False)).map(tuple),
        classes=st.dictionaries(st.text(min_size=1), st.text()),
        parts=st.dictionaries(
            st.text(min_size=1),
            st.lists(
                st.builds(Part, images=st.text(), rows=st.integers(0, 9)), min_size=1
            ).map(tuple),
        ),
    )
)
def test_what_is_written_is_what_is_read(tmp_path_factory, stated):
    folder = tmp_path_factory.mktemp("manifest")
    text = manifest.to_toml({"some_set": dataclasses.asdict(stated)})
    (folder / "manifest.toml").write_text(text, "utf-8", newline="\n")
    assert manifest.read_manifest(folder, "some_set", Stated) == stated


def test_not_a_number_can_be_stated_as_nodata(tmp_path):
    text = manifest.to_toml({"some_set": {"nodata": [math.nan, -math.inf]}})
    found = read(tmp_path, text).nodata
    assert math.isnan(found[0])
    assert found[1] == -math.inf
