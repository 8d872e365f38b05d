"""Every container gives back the array that was put into it."""

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfds_eo.archives import arrays, inventory


def save_npy(folder, image, text):
    np.save(folder / "image.npy", image)
    np.save(folder / "text.npy", text)


def save_npz(folder, image, text):
    np.savez_compressed(folder / "both.npz", image=image, text=text)


def save_h5(folder, image, text):
    with h5py.File(folder / "both.h5", "w") as target:
        target.create_dataset("deep/image", data=image, compression=4)
        target.create_dataset(
            "text", data=text.astype(object), dtype=h5py.string_dtype()
        )


def save_mat(folder, image, text):
    scipy.io.savemat(
        folder / "both.mat", {"image": image, "text": text}, do_compression=True
    )


def save_mat73(folder, image, text):
    with h5py.File(folder / "both.mat", "w", userblock_size=512) as target:
        target["image"] = image.T
        letters = np.array([list(word.ljust(12)) for word in text])
        item = target.create_dataset("text", data=letters.view("u4").astype("u2").T)
        item.attrs["MATLAB_class"] = np.bytes_("char")
    with open(folder / "both.mat", "r+b") as target:
        target.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize("save", [save_npy, save_npz, save_h5, save_mat, save_mat73])
def test_numbers_and_text_come_back_from_every_container(tmp_path, save):
    image = np.arange(2 * 3 * 4 * 5, dtype="f4").reshape(2, 3, 4, 5)
    text = np.array(["open water", "young ice"])
    (tmp_path / "in").mkdir()
    save(tmp_path / "in", image, text)
    found = inventory.take_inventory(tmp_path / "in", tmp_path / "cache")
    assert not found.refused
    by_name = {ref.name.replace(":", "/").split("/")[-1]: ref for ref in found.arrays}
    by_name = {name.removesuffix(".npy"): ref for name, ref in by_name.items()}
    assert by_name["image"].shape == image.shape
    got = arrays.read_array(by_name["image"])
    assert got.dtype == image.dtype
    np.testing.assert_array_equal(got, image)
    words = arrays.read_array(by_name["text"])
    words = np.strings.decode(words) if words.dtype.kind == "S" else words
    assert np.strings.rstrip(words).tolist() == text.tolist()
    same = arrays.as_npy(by_name["image"], tmp_path / "cache")
    assert same.container == "npy"
    assert same.name == by_name["image"].name
    np.testing.assert_array_equal(arrays.read_array(same), image)


def test_a_stack_of_pages_comes_back_from_a_tiff(tmp_path):
    image = np.arange(7 * 5 * 4, dtype="f4").reshape(7, 5, 4)
    tifffile.imwrite(tmp_path / "stack.tif", image)
    (ref,) = arrays.list_arrays(tmp_path / "stack.tif", "stack.tif", tmp_path)
    np.testing.assert_array_equal(arrays.read_array(ref), image)


def test_many_files_of_a_kind_are_listed_as_one_folder_even_in_a_zip(tmp_path):
    folder = tmp_path / "made" / "young_ice"
    folder.mkdir(parents=True)
    for number in range(5):
        np.save(folder / f"p{number}.npy", np.zeros((10, 10, 3), "f4"))
    np.save(tmp_path / "made" / "alone.npy", np.zeros(3))
    import shutil

    shutil.make_archive(str(tmp_path / "in" / "set"), "zip", tmp_path / "made")
    found = inventory.take_inventory(tmp_path / "in", tmp_path / "cache")
    assert [ref.name for ref in found.arrays] == ["set.zip/alone.npy"]
    (ref,) = found.folders
    assert (ref.file, len(ref.names)) == ("set.zip/young_ice", 5)
    assert ref.first.shape == (10, 10, 3)
    assert "set.zip/young_ice/ 5 files such as 'p0.npy'" in found.text()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "out.npy", np.zeros(3))
    (tmp_path / "in" / "link.npy").symlink_to(tmp_path / "out.npy")
    assert not inventory.take_inventory(tmp_path / "in", tmp_path / "c").files


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"manual_dir must be a folder.*nope"):
        inventory.take_inventory(tmp_path / "nope", tmp_path)


@given(
    hnp.arrays(
        st.sampled_from(["<f4", "<f8", "<i2", "|u1"]),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
        elements=st.integers(0, 100),
    )
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_array_survives_hdf5_and_its_copy(tmp_path_factory, array):
    folder = tmp_path_factory.mktemp("any")
    with h5py.File(folder / "a.h5", "w") as target:
        target["x"] = array
    (ref,) = arrays.list_arrays(folder / "a.h5", "a.h5", folder)
    copied = arrays.read_array(arrays.as_npy(ref, folder))
    assert copied.dtype == array.dtype
    np.testing.assert_array_equal(copied, array)
