"""The archives that the zip writer makes are what `zipfile` reads."""

import struct
import zipfile

import pytest

from tfds_eo.simulate import zip_writer
from tfds_eo.simulate.zip_writer import ZipWriter


def end_records(content):
    """The signatures of the records behind the directory, in a file without comment."""
    return [content[-98:-94], content[-42:-38], content[-22:-18]]


ZIP64_RECORDS = [b"PK\6\6", b"PK\6\7", b"PK\5\6"]


def test_members_come_back_in_order_with_their_content(tmp_path):
    members = {"a/0.csv": b"x,y\n1,2\n", "a/ä.csv": b"", "b": b"z" * 9}
    with ZipWriter(tmp_path / "new" / "x.zip", comment=b"made", overwrite=False) as out:
        for name, content in members.items():
            out.add(name, content)
        out.add_folder("empty")
    with zipfile.ZipFile(tmp_path / "new" / "x.zip") as found:
        assert found.testzip() is None
        assert found.comment == b"made"
        assert found.namelist() == [*members, "empty/"]
        assert {name: found.read(name) for name in members} == members
        assert found.getinfo("empty/").is_dir()
        assert all(info.compress_type == 8 for info in found.infolist()[:3])


@pytest.mark.parametrize(("members", "zip64"), [(65_534, False), (65_535, True)])
def test_more_members_than_16_bits_count_need_zip64(tmp_path, members, zip64):
    with ZipWriter(tmp_path / "x.zip", overwrite=False) as archive:
        for number in range(members):
            archive.add(f"{number}", b"%d" % number)
    content = (tmp_path / "x.zip").read_bytes()
    assert (end_records(content) == ZIP64_RECORDS) is zip64
    assert end_records(content)[-1] == b"PK\5\6"
    with zipfile.ZipFile(tmp_path / "x.zip") as found:
        assert len(found.namelist()) == members
        assert found.read(f"{members - 1}") == b"%d" % (members - 1)


def test_offsets_beyond_32_bits_stand_in_the_zip64_extra_field(tmp_path, monkeypatch):
    with ZipWriter(tmp_path / "usual.zip", overwrite=False) as archive:
        for number in range(7):
            archive.add(f"{number}", b"%d" % number * 50)
    monkeypatch.setattr(zip_writer, "_MAX_32", 100)
    with ZipWriter(tmp_path / "far.zip", overwrite=False) as archive:
        for number in range(7):
            archive.add(f"{number}", b"%d" % number * 50)
    with (
        zipfile.ZipFile(tmp_path / "usual.zip") as usual,
        zipfile.ZipFile(tmp_path / "far.zip") as far,
    ):
        assert far.testzip() is None
        offsets = [info.header_offset for info in usual.infolist()]
        assert [info.header_offset for info in far.infolist()] == offsets
        extras = [info.extra for info in far.infolist()]
    wanted = [struct.pack("<HHQ", 1, 8, o) if o >= 100 else b"" for o in offsets]
    assert extras == wanted
    assert wanted[0] == b"" != wanted[-1]
    assert end_records((tmp_path / "far.zip").read_bytes()) == ZIP64_RECORDS


def test_an_archive_is_replaced_only_where_that_is_allowed(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=r"x\.zip' must not exist yet"):
        ZipWriter(path, overwrite=False)
    assert path.read_bytes() == b"precious"
    with ZipWriter(path, overwrite=True) as archive:
        archive.add("0", b"new")
    assert zipfile.ZipFile(path).read("0") == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_nothing_behind_and_the_old_archive_alone(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"precious")
    with pytest.raises(TypeError), ZipWriter(path, overwrite=True) as archive:
        archive.add("0", "text, not bytes")
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_comment_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at most 65535 bytes; got 65536"):
        ZipWriter(tmp_path / "x.zip", comment=b"c" * 65_536, overwrite=False)
    assert list(tmp_path.iterdir()) == []
