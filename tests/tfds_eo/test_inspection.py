"""A folder is described before it is built, and its draft leads to a manifest."""

import pathlib

import pytest

from beam_pipelines import inspect_set
from tfds_eo import legends, sources
from tfds_eo.simulate import dlr_sea_ice, metno_sea_ice, uit_sea_ice
from tfds_eo.uit_sea_ice import layout, patches


def inspect(folder, name):
    lines = inspect_set.run(inspect_set.Config(set=name, manual_dir=folder))
    return "\n".join(lines), folder / "manifest.draft.toml"


def test_the_draft_of_unlabelled_codes_becomes_a_manifest_once_it_is_completed(
    tmp_path,
):
    folder = tmp_path / "in"
    uit_sea_ice.run(
        uit_sea_ice.Config(folder=folder, regions=12, sizes=(20,), manifest=False)
    )
    text, draft = inspect(folder, "uit_sea_ice")
    assert "patches_20x20.npz:images <f4 (334, 20, 20, 3)" in text
    assert "'0': 67, '1': 56, '2': 52, '3': 59, '4': 55, '5': 45" in text
    assert "units db: mostly negative" in text
    assert "these have none (with their counts)" in text
    completed = draft.read_text()
    for code, name in enumerate(legends.UIT_SEA_ICE.names):
        completed = completed.replace(f'{code} = ""', f'{code} = "{name}"')
    (folder / "manifest.toml").write_text(completed)
    cache = tmp_path / "cache"
    opened = sources.open_folder(folder, cache, layout.SECTION, layout.Stated)
    plan = patches.plan_patches(opened.inventory, opened.stated, 20, cache)
    assert sum(plan.labels.values()) == 334
    again, _ = inspect(folder, "uit_sea_ice")
    assert "splits: {'train': 205, 'test': 129}, left out: 0" in again


def test_an_uncompleted_draft_is_no_manifest(tmp_path):
    folder = tmp_path / "in"
    uit_sea_ice.run(
        uit_sea_ice.Config(folder=folder, regions=12, sizes=(20,), manifest=False)
    )
    _, draft = inspect(folder, "uit_sea_ice")
    draft.rename(folder / "manifest.toml")
    text, _ = inspect(folder, "uit_sea_ice")
    assert "must be classes of legend 'uit_sea_ice'" in text


def test_rasters_codes_and_splits_of_belgica_bank_are_listed(tmp_path):
    config = dlr_sea_ice.Config(folder=tmp_path / "in", labels="rgb", scenes=1)
    dlr_sea_ice.run(config)
    text, draft = inspect(config.folder, "dlr_sea_ice_semantic")
    assert "images/S1_IW_GRDH_BelgicaBank_20180116.tif uint16 (700, 1100, 2)" in text
    assert "its grid (2, 4) is that of the image" in text
    assert "splits: {'train': 8}" in text
    (config.folder / "legend.json").unlink()
    text, draft = inspect(config.folder, "dlr_sea_ice_semantic")
    assert "these have none (with their counts)" in text
    label = dlr_sea_ice.make_scene(config, 0).label
    for code in set(label.ravel().tolist()):
        assert f'"{dlr_sea_ice.COLOURS[code]}" = ""' in draft.read_text()


def test_charts_are_listed_with_their_stray_codes_and_missing_scenes(tmp_path):
    config = metno_sea_ice.Config(folder=tmp_path / "in", charts=2)
    metno_sea_ice.run(config)
    text, _ = inspect(config.folder, "metno_sea_ice")
    assert "24 polygons" in text
    assert "outside the tables {'SA': ['13', '45', '78']}" in text
    assert "it needs S1A_EW_GRDM_1SDH_20180116T075430_" in text
    assert "metno_sea_ice/v1 needs charts" in text


def test_a_set_of_known_layout_or_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="set must be one of uit_sea_ice"):
        inspect_set.Config(set="time_sen2_crop", manual_dir=tmp_path)
    with pytest.raises(ValueError, match="must be a folder"):
        inspect_set.Config(set="uit_sea_ice", manual_dir=pathlib.Path("/nowhere"))
