"""UiT patches are found in every layout, in dB and degrees, split by place."""

import dataclasses

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy.spatial import cKDTree

from tfds_eo import dataverse, legends, sources
from tfds_eo.archives import radar_channels
from tfds_eo.simulate import uit_sea_ice as simulate
from tfds_eo.uit_sea_ice import layout, patches
from tfds_eo.uit_sea_ice.uit_sea_ice_dataset_builder import Builder

REGIONS = 12


def made(folder, kind, **options):
    simulate.run(
        simulate.Config(folder=folder / "in", layout=kind, regions=REGIONS, **options)
    )
    return folder / "in"


def plan(folder, size):
    cache = folder.parent / "cache"
    opened = sources.open_folder(folder, cache, layout.SECTION, layout.Stated)
    return patches.plan_patches(opened.inventory, opened.stated, size, cache)


def records(found):
    """All records of a plan, in the order of its splits and blocks."""
    rows = []
    for split, blocks in found.blocks.items():
        for block in blocks:
            columns = patches.read_patches(block.source)
            assert len(columns["index"]) == block.examples
            for row in range(block.examples):
                one = {name: values[row] for name, values in columns.items()}
                rows.append(one | {"split": split})
    return rows


def originals(rows, truth):
    """Number of the made patch that each record shows, by its first pixels."""
    tree = cKDTree(truth.image[:, 0, :4, 0])
    distance, number = tree.query([one["image"][0, :4, 0] for one in rows])
    assert distance.max() < 1e-3
    return number.tolist()


@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("kind", simulate._WRITERS)
def test_every_layout_gives_the_patches_that_were_made(tmp_path, kind, places):
    folder = made(tmp_path, kind, places=places, sizes=(10, 20))
    for size in (10, 20):
        truth = simulate.make_patches(size, regions=REGIONS)
        found = records(plan(folder, size))
        numbers = originals(found, truth)
        assert sorted(numbers) == list(range(len(truth.label)))
        groups = set()
        for one, number in zip(found, numbers, strict=True):
            image, region = truth.image[number], truth.region[number]
            np.testing.assert_allclose(one["image"][..., :2], image[..., :2], atol=1e-4)
            # One angle a patch stands for its pixels, which differ by 0.004 degrees.
            np.testing.assert_allclose(one["image"][..., 2], image[..., 2], atol=0.1)
            assert one["label"] == truth.label[number]
            groups.add((int(region), int(one["region"]), one["split"]))
        # Each region lies in one split, whether it was read or recovered.
        assert len(groups) == REGIONS
        by_scene = kind == "folders" and places
        assert len({g[1] for g in groups}) == (2 if by_scene else REGIONS)
        assert {g[2] for g in groups} == {"train", "test"}
        if places:
            assert {one["scene"].decode() for one in found} == set(truth.scene.tolist())


def test_a_prepared_set_loads_with_its_splits_and_says_what_it_is(tmp_path):
    folder = made(tmp_path, "h5")
    builder = Builder(data_dir=tmp_path / "data", config="20x20")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder)
    )
    truth = simulate.make_patches(20, regions=REGIONS)
    loaded = [
        one
        for split in builder.info.splits
        for one in tfds.as_numpy(builder.as_dataset(split))
    ]
    assert sorted(one["index"] for one in loaded) == list(range(len(truth.label)))
    for one in loaded[::50]:
        np.testing.assert_allclose(
            one["image"], truth.image[one["index"]], rtol=1e-4, atol=1e-4
        )
        assert one["label"] == truth.label[one["index"]]
    metadata = builder.info.metadata
    assert metadata["simulated"] is True
    assert metadata["leaky"] is False
    assert metadata["regions"] == REGIONS
    assert any("units linear" in line for line in metadata["decisions"])


def test_splits_that_are_not_by_place_say_so_in_their_names(tmp_path):
    folder = made(tmp_path, "npz", sizes=(10,))
    found = plan(folder, 10)
    assert found.leaky
    assert list(found.blocks) == [
        "random_leaky_train",
        "random_leaky_validation",
        "random_leaky_test",
    ]
    assert any("splits are random and leak" in line for line in found.decisions)
    counts = {name: sum(b.examples for b in v) for name, v in found.blocks.items()}
    assert counts["random_leaky_train"] / sum(counts.values()) == pytest.approx(
        0.7, abs=0.02
    )


def npz(folder, **values):
    """A folder with one file of lopsided patches; None leaves an array out."""
    truth = simulate.make_patches(20, regions=REGIONS)
    arrays = {"images": truth.image, "labels": truth.label} | values
    folder.mkdir()
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez(folder / "a.npz", **kept)
    return folder


def manifest(folder, text):
    names = [f'"{n}" = "{name}"' for n, name in enumerate(legends.UIT_SEA_ICE.names)]
    (folder / "manifest.toml").write_text(
        f"{text}\n[uit_sea_ice.classes]\n" + "\n".join(names)
    )


def test_codes_without_a_stated_class_stop_the_build(tmp_path):
    folder = npz(tmp_path / "in")
    with pytest.raises(ValueError, match=r"these have none .*'0': \d+, '1': \d+.*"):
        plan(folder, 20)
    (folder / "manifest.toml").write_text(
        '[uit_sea_ice.classes]\n0 = "open_water"\n1 = "pack ice"'
    )
    with pytest.raises(ValueError, match=r"got 'pack ice' for code '1'"):
        plan(folder, 20)


def test_labels_of_another_length_are_named_with_both_lengths(tmp_path):
    folder = npz(tmp_path / "in", labels=np.zeros(7, int))
    manifest(folder, "")
    with pytest.raises(ValueError, match=r"must number 334.*a.npz:labels .*\(7,\)"):
        plan(folder, 20)
    part = '[[uit_sea_ice.patches.20x20]]\nimages="a.npz:images"\nlabels="a.npz:labels"'
    manifest(folder, part)
    with pytest.raises(ValueError, match=r"labels a.npz:labels must number 334.*got 7"):
        plan(folder, 20)


def test_two_candidates_stop_the_build_with_an_inventory_and_a_manifest_settles_it(
    tmp_path,
):
    truth = simulate.make_patches(20, regions=REGIONS)
    folder = npz(
        tmp_path / "in", images_filtered=truth.image - 1, label_b=truth.label[::-1]
    )
    manifest(folder, "")
    with pytest.raises(ValueError, match=r"not \['a.npz:images', 'a.npz:images_filt"):
        plan(folder, 20)
    part = '[[uit_sea_ice.patches.20x20]]\nimages="a.npz:images_filtered"\n'
    manifest(folder, part + 'labels="a.npz:labels"')
    (first,) = [one for one in records(plan(folder, 20)) if one["index"] == 0]
    np.testing.assert_allclose(first["image"], truth.image[0] - 1, rtol=1e-6)


def test_axes_that_could_be_meant_in_two_ways_stop_the_build(tmp_path):
    truth = simulate.make_patches(20, regions=REGIONS)
    few = np.r_[0:20]
    folder = npz(tmp_path / "in", images=truth.image[few], labels=truth.label[few])
    manifest(folder, "")
    with pytest.raises(ValueError, match=r"axes of a.npz:images .* must be plain"):
        plan(folder, 20)
    part = '[[uit_sea_ice.patches.20x20]]\nimages="a.npz:images"\naxes="NHWC"\n'
    manifest(folder, part + 'labels="a.npz:labels"')
    assert sum(plan(folder, 20).labels.values()) == 20


@pytest.mark.parametrize("change", ["integers", "two alike", "no angle", "normalised"])
def test_what_statistics_do_not_decide_stops_the_build(tmp_path, change):
    image = simulate.make_patches(20, regions=REGIONS).image
    if change == "integers":
        image = np.clip((image + 40) * 4, 0, 255).astype("u1")
    elif change == "two alike":
        image = image[..., [0, 0, 2]]
    elif change == "no angle":
        image = image[..., :2]
    else:
        image = (image - image.mean()) / image.std()
    folder = npz(tmp_path / "in", images=image)
    manifest(folder, "")
    with pytest.raises(ValueError, match=r"a.npz:images must .*in the manifest"):
        plan(folder, 20)


def test_stated_units_scale_digital_numbers(tmp_path):
    truth = simulate.make_patches(20, regions=REGIONS).image
    stored = np.concatenate([(truth[..., :2] + 50) * 100, truth[..., 2:]], axis=-1)
    folder = npz(tmp_path / "in", images=stored.astype("f4"))
    text = 'units="scaled"\nscale=0.01\noffset=-50\nchannels=["hh","hv","angle"]'
    manifest(folder, f"[uit_sea_ice]\n{text}")
    for one in records(plan(folder, 20))[::40]:
        np.testing.assert_allclose(one["image"], truth[one["index"]], atol=1e-3)


def test_no_data_is_nan_in_every_unit():
    dn = np.array([[100.0, 0.0, np.nan, -np.inf, 10.0]])
    kinds = {
        "amplitude": radar_channels.Calibration(
            units="amplitude", calibration=100.0, nodata=(0.0,)
        ),
        "linear": radar_channels.Calibration(units="linear", nodata=()),
        "db": radar_channels.Calibration(units="db", nodata=(0.0,)),
    }
    nan = np.nan
    np.testing.assert_allclose(
        kinds["amplitude"].to_decibels(dn), [[0, nan, nan, nan, -20]]
    )
    np.testing.assert_allclose(
        kinds["linear"].to_decibels(dn), [[20, nan, nan, nan, 10]]
    )
    np.testing.assert_allclose(
        kinds["db"].to_decibels(-dn), [[-100, nan, nan, nan, -10]]
    )


def test_an_impossible_angle_is_reported_with_its_patch(tmp_path):
    truth = simulate.make_patches(20, regions=REGIONS)
    image = truth.image.copy()
    image[3, 0, 0, 2] = 5.0
    folder = npz(tmp_path / "in", images=image)
    manifest(folder, "")
    with pytest.raises(ValueError, match=r"must be 15 to 50 degrees; got 5 in patch 3"):
        records(plan(folder, 20))


def test_a_refused_container_stops_discovery(tmp_path):
    folder = npz(tmp_path / "in")
    np.save(folder / "names.npy", np.array([{}], object), allow_pickle=True)
    manifest(folder, "")
    with pytest.raises(ValueError, match=r"must be readable(.|\n)*refused: names.npy"):
        plan(folder, 20)
    part = '[[uit_sea_ice.patches.20x20]]\nimages="a.npz:images"\n'
    manifest(folder, part + 'labels="names.npy"')
    with pytest.raises(ValueError, match=r"names.npy must be an array of numbers"):
        plan(folder, 20)


def test_parts_of_a_source_hold_what_the_whole_holds(tmp_path):
    found = plan(made(tmp_path, "npz", sizes=(20,)), 20)
    block = max(
        (b for blocks in found.blocks.values() for b in blocks),
        key=lambda b: b.examples,
    )
    whole = patches.read_patches(block.source)
    cut = [block.source.part(0, 3), block.source.part(3, block.examples)]
    parts = [patches.read_patches(part) for part in cut]
    for name in whole:
        both = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(both, whole[name])
    assert dataclasses.is_dataclass(block.source)


def test_without_manual_dir_the_record_is_downloaded(tmp_path, monkeypatch):
    asked = []

    def download(persistent_id, server, folder):
        asked.append((persistent_id, server))
        made(folder.parent / "made", "mat", sizes=(20,))
        (folder.parent / "made" / "in").rename(folder)
        return dataverse.Record(persistent_id, "1.0", "CC0 1.0", ())

    monkeypatch.setattr(dataverse, "download", download)
    builder = Builder(data_dir=tmp_path / "data", config="20x20")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=tmp_path / "nothing"),
        download_dir=tmp_path / "downloads",
    )
    assert asked == [("doi:10.18710/QAYI4O", "https://dataverse.no")]
    assert builder.info.metadata["licence"] == "CC0 1.0"
    assert builder.info.splits.total_num_examples == 334
