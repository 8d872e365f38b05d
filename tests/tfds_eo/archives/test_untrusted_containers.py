"""Hostile and damaged files are refused with the file, the key and the cure."""

import io
import pathlib
import struct
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io

from tfds_eo.archives import arrays, inventory, rasters, xml, zips
from tfds_eo.archives.limits import LIMITS, Limits, inside, safe_member

STRICT = Limits(
    member_bytes=1 << 20,
    total_bytes=2 << 20,
    members=5,
    ratio=50,
    unchecked_bytes=1 << 12,
)


def zip_of(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def npy_bytes(array, **options):
    target = io.BytesIO()
    np.save(target, array, **options)
    return target.getvalue()


def listed(path, cache, limits=LIMITS):
    return arrays.list_arrays(path, path.name, cache, limits=limits)


@pytest.mark.parametrize(
    "name",
    ["../up.npy", "a/../../up.npy", "/etc/up.npy", "C:\\up.npy", "..\\up.npy", "C:up"],
)
def test_a_member_that_leaves_the_archive_is_refused_and_nothing_is_left(
    tmp_path, name
):
    archive = zip_of(tmp_path / "a.zip", **{"good.txt": b"1", name: b"2"})
    with pytest.raises(ValueError, match=r"a\.zip must stay inside"):
        zips.unpack(archive, tmp_path / "cache" / "deep")
    assert list((tmp_path / "cache" / "deep").iterdir()) == []
    assert not list(tmp_path.rglob("up*"))


def test_a_plain_member_keeps_its_place():
    assert safe_member("a.zip", "x/y.npy") == pathlib.PurePosixPath("x/y.npy")
    assert safe_member("a.zip", "x\\y..npy") == pathlib.PurePosixPath("x/y..npy")


def test_a_manifest_cannot_name_a_file_outside_its_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out.txt").write_text("secret")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out.txt")
    for name in ("../out.txt", "link", str(tmp_path / "out.txt")):
        with pytest.raises(ValueError, match="must lie inside"):
            inside(tmp_path / "in", name)
    with pytest.raises(FileNotFoundError, match=r"no file 'nothing'"):
        inside(tmp_path / "in", "nothing")


def test_a_member_that_inflates_beyond_the_ratio_is_refused(tmp_path):
    archive = zip_of(tmp_path / "bomb.zip", **{"zeros.bin": bytes(1 << 18)})
    with pytest.raises(ValueError, match=r"zeros.bin.*more than 50 times its stored"):
        zips.unpack(archive, tmp_path / "cache", limits=STRICT)
    small = zip_of(tmp_path / "small.zip", **{"zeros.bin": bytes(1 << 12)})
    assert zips.unpack(small, tmp_path / "cache", limits=STRICT).is_dir()


def test_a_member_larger_than_a_member_may_be_is_refused(tmp_path):
    noise = np.random.default_rng(0).bytes((1 << 20) + 1)
    archive = zip_of(tmp_path / "large.zip", **{"noise.bin": noise})
    with pytest.raises(ValueError, match=r"inflate to more than 1,048,576 bytes"):
        zips.unpack(archive, tmp_path / "cache", limits=STRICT)


def test_an_archive_of_too_many_members_or_bytes_is_refused(tmp_path):
    many = zip_of(tmp_path / "many.zip", **{f"{n}": b"" for n in range(6)})
    with pytest.raises(ValueError, match=r"at most 5 members .* 6 and 0"):
        zips.unpack(many, tmp_path / "cache", limits=STRICT)
    noise = np.random.default_rng(0).bytes(900_000)
    much = zip_of(tmp_path / "much.zip", **{f"{n}": noise for n in range(3)})
    with pytest.raises(ValueError, match=r"states 3 and 2,700,000"):
        zips.unpack(much, tmp_path / "cache", limits=STRICT)


def test_a_header_that_lies_about_the_inflated_size_does_not_help(tmp_path):
    archive = zip_of(tmp_path / "liar.zip", **{"zeros.bin": bytes(1 << 18)})
    raw = archive.read_bytes()
    true, false = struct.pack("<I", 1 << 18), struct.pack("<I", 100)
    assert raw.count(true) == 2
    archive.write_bytes(raw.replace(true, false))
    with pytest.raises(ValueError, match=r"zeros\.bin"):
        zips.unpack(archive, tmp_path / "cache", limits=STRICT)
    assert list((tmp_path / "cache").iterdir()) == []


def test_links_encryption_and_damage_are_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="it is a symbolic link"):
        zips.unpack(tmp_path / "link.zip", tmp_path / "cache")

    locked = zip_of(tmp_path / "locked.zip", **{"a.bin": b"abc" * 100})
    raw = bytearray(locked.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(raw)
    with pytest.raises(ValueError, match="must not be encrypted"):
        zips.unpack(locked, tmp_path / "cache")

    broken = zip_of(tmp_path / "broken.zip", **{"a.bin": b"abcdefg" * 100})
    raw = bytearray(broken.read_bytes())
    raw[40] ^= 0xFF
    broken.write_bytes(raw)
    with pytest.raises(ValueError, match=r"a\.bin.*download it again"):
        zips.unpack(broken, tmp_path / "cache")

    (tmp_path / "no.zip").write_bytes(b"hello")
    with pytest.raises(ValueError, match="must be a zip archive"):
        zips.unpack(tmp_path / "no.zip", tmp_path / "cache")


def test_an_archive_is_unpacked_once_and_again_when_it_changes(tmp_path):
    archive = zip_of(tmp_path / "a.zip", **{"x/a.txt": b"one"})
    first = zips.unpack(archive, tmp_path / "cache")
    assert (first / "x" / "a.txt").read_bytes() == b"one"
    assert zips.unpack(archive, tmp_path / "cache") == first
    zip_of(archive, **{"x/a.txt": b"three"})
    second = zips.unpack(archive, tmp_path / "cache")
    assert (second / "x" / "a.txt").read_bytes() == b"three"


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path("unpickled_by_the_test"),))


def test_pickles_in_npy_and_npz_are_refused_unopened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = npy_bytes(np.array([Trap()], object), allow_pickle=True)
    (tmp_path / "trap.npy").write_bytes(raw)
    with pytest.raises(ValueError, match=r"trap\.npy .*holds Python objects, a pickle"):
        listed(tmp_path / "trap.npy", tmp_path / "cache")
    zip_of(tmp_path / "trap.npz", **{"labels.npy": raw})
    with pytest.raises(ValueError, match=r"trap\.npz:labels .*a pickle"):
        listed(tmp_path / "trap.npz", tmp_path / "cache")
    assert not (tmp_path / "unpickled_by_the_test").exists()


def test_files_that_are_pickles_are_listed_as_refused(tmp_path):
    for ending in arrays.PICKLES:
        (tmp_path / f"model{ending}").write_bytes(b"\x80\x04.")
    found = inventory.take_inventory(tmp_path, tmp_path.parent / "cache")
    assert sorted(found.refused) == sorted(f"model{e}" for e in arrays.PICKLES)
    assert "must not be a pickle" in found.text()


def test_cells_and_structures_of_matlab_are_refused(tmp_path):
    cell = np.array(["open water", "young ice"], object)
    scipy.io.savemat(tmp_path / "cell.mat", {"labels": cell})
    with pytest.raises(ValueError, match=r"cell\.mat:labels .*class 'cell'"):
        listed(tmp_path / "cell.mat", tmp_path)
    scipy.io.savemat(tmp_path / "struct.mat", {"s": {"a": 1}})
    with pytest.raises(ValueError, match=r"struct\.mat:s .*class 'struct'"):
        listed(tmp_path / "struct.mat", tmp_path)
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as target:
        inner = target.create_dataset("#refs#/a", data=np.uint16([65, 66]))
        target.create_dataset("labels", data=inner.ref, dtype=h5py.ref_dtype)
    with pytest.raises(ValueError, match=r"new\.mat:labels .*a cell array"):
        listed(tmp_path / "new.mat", tmp_path)


def test_a_matlab_element_that_inflates_beyond_the_ratio_is_refused(tmp_path):
    scipy.io.savemat(
        tmp_path / "bomb.mat", {"x": np.zeros((1 << 16), "f4")}, do_compression=True
    )
    with pytest.raises(ValueError, match=r"element of bomb\.mat .*50 times"):
        listed(tmp_path / "bomb.mat", tmp_path, STRICT)
    raw = (tmp_path / "bomb.mat").read_bytes()
    (tmp_path / "cut.mat").write_bytes(raw[:-50])
    with pytest.raises(ValueError, match=r"cut\.mat must be whole"):
        listed(tmp_path / "cut.mat", tmp_path)


def test_hdf5_that_leads_to_other_files_is_refused(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as target:
        target["x"] = np.arange(5)
    with h5py.File(tmp_path / "link.h5", "w") as target:
        target["out"] = h5py.ExternalLink(str(secret), "x")
    with pytest.raises(ValueError, match=r"link\.h5:out .*it is a link"):
        listed(tmp_path / "link.h5", tmp_path)
    with h5py.File(tmp_path / "virtual.h5", "w") as target:
        layout = h5py.VirtualLayout((5,), "i8")
        layout[:] = h5py.VirtualSource(str(secret), "x", (5,))
        target.create_virtual_dataset("v", layout)
    with pytest.raises(ValueError, match=r"virtual\.h5:v .*lies in another file"):
        listed(tmp_path / "virtual.h5", tmp_path)
    with h5py.File(tmp_path / "raw.h5", "w") as target:
        target.create_dataset(
            "r", (5,), "i8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
        )
    with pytest.raises(ValueError, match=r"raw\.h5:r .*lies in another file"):
        listed(tmp_path / "raw.h5", tmp_path)


def test_hdf5_that_states_more_than_it_stores_is_refused(tmp_path):
    with h5py.File(tmp_path / "bomb.h5", "w") as target:
        target.create_dataset("packed", data=np.zeros(1 << 18, "u1"), compression=9)
    with pytest.raises(ValueError, match=r"bomb\.h5:packed .*50 times"):
        listed(tmp_path / "bomb.h5", tmp_path, STRICT)
    with h5py.File(tmp_path / "empty.h5", "w") as target:
        target.create_dataset("never_written", (1 << 40,), "f8", chunks=True)
    with pytest.raises(ValueError, match=r"never_written must not inflate"):
        listed(tmp_path / "empty.h5", tmp_path)


def test_a_tiff_that_inflates_beyond_the_ratio_is_refused(tmp_path):
    import tifffile

    tifffile.imwrite(
        tmp_path / "bomb.tif", np.zeros((512, 512), "u1"), compression="zlib"
    )
    with pytest.raises(ValueError, match=r"bomb\.tif must not inflate"):
        listed(tmp_path / "bomb.tif", tmp_path, STRICT)


def test_a_virtual_raster_in_the_guise_of_a_tiff_is_not_followed(tmp_path):
    (tmp_path / "fake.tif").write_text(
        "<VRTDataset rasterXSize='1' rasterYSize='1'><VRTRasterBand dataType='Byte'"
        " band='1'><SimpleSource><SourceFilename>/etc/hostname</SourceFilename>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(ValueError, match=r"fake\.tif must be a readable GTiff"):
        rasters.list_raster(tmp_path / "fake.tif", "fake.tif")


@pytest.mark.parametrize("cut", [1, 40])
def test_an_array_that_is_cut_short_is_refused(tmp_path, cut):
    raw = npy_bytes(np.arange(30.0))
    (tmp_path / "cut.npy").write_bytes(raw[:-cut])
    with pytest.raises(ValueError, match=r"cut\.npy must hold 240 bytes"):
        listed(tmp_path / "cut.npy", tmp_path)
    (tmp_path / "none.npy").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"none\.npy must be a \.npy array"):
        listed(tmp_path / "none.npy", tmp_path)


ENTITIES = {
    "billion laughs": """<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
        <x>&b;</x>""",
    "other file": """<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>
        <x>&a;</x>""",
    "document type alone": "<!DOCTYPE x><x/>",
}


@pytest.mark.parametrize("kind", ENTITIES)
def test_xml_with_entities_or_a_document_type_is_refused(tmp_path, kind):
    path = tmp_path / "legend.qml"
    path.write_text(ENTITIES[kind])
    with pytest.raises(ValueError, match=r"legend\.qml must not declare entities"):
        xml.read_xml(path)


def test_plain_xml_is_read_and_damaged_or_huge_xml_is_not(tmp_path):
    path = tmp_path / "legend.qml"
    path.write_text("<a><b c='1'/></a>")
    assert xml.read_xml(path).find("b").get("c") == "1"
    path.write_text("<a><b></a>")
    with pytest.raises(ValueError, match=r"legend\.qml must be XML"):
        xml.read_xml(path)
    path.write_text("<a>" + " " * xml.MOST_BYTES + "</a>")
    with pytest.raises(ValueError, match="must have at most"):
        xml.read_xml(path)
