"""The directory of a zip archive, read as `zipfile` reads it."""

import io
import zipfile
import zlib

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tfds_eo import zip_directory
from tfds_eo.zip_directory import RangeReader


def archive_of(path, contents, *, comment=b"", method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.comment = comment
    return RangeReader(str(path))


def read_all(file):
    pieces = list(zip_directory.read_members(file, zip_directory.find_directory(file)))
    names = [name.decode() for found, _ in pieces for name in found]
    members = zip_directory.joined([members for _, members in pieces])
    return names, members


names = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=30
)


@hypothesis.given(
    contents=st.dictionaries(names, st.binary(max_size=300), min_size=1, max_size=20),
    comment=st.binary(max_size=50),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    order=st.randoms(),
)
@hypothesis.settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_members_are_those_that_zipfile_finds(
    contents, comment, method, order, tmp_path
):
    file = archive_of(tmp_path / "a.zip", contents, comment=comment, method=method)
    found, members = read_all(file)
    assert found == list(contents)
    assert zip_directory.find_directory(file).comment == comment
    rows = list(range(len(found)))
    order.shuffle(rows)
    got = zip_directory.inflate(
        file, [found[row] for row in rows], members[np.array(rows)]
    )
    assert got == [contents[found[row]] for row in rows]


def test_a_directory_is_read_in_pieces_as_in_one(tmp_path, monkeypatch):
    contents = {f"folder/{n}.csv": b"%d" % n for n in range(500)}
    # A name may hold the very bytes with which an entry starts.
    contents["odd/PK\x01\x02/PK\x01\x02.csv"] = b"odd"
    file = archive_of(tmp_path / "a.zip", contents)
    at_once = read_all(file)
    for size in (100, 1000, 4096):
        monkeypatch.setattr(zip_directory, "PIECE_BYTES", size)
        in_pieces = read_all(file)
        assert in_pieces[0] == at_once[0] == list(contents)
        np.testing.assert_array_equal(in_pieces[1].offset, at_once[1].offset)


def test_an_archive_of_64_bit_kind_is_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(65_540):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
        with archive.open(zipfile.ZipInfo("wide"), "w", force_zip64=True) as member:
            member.write(b"content")
    file = RangeReader(str(path))
    found, members = read_all(file)
    assert len(found) == 65_541
    assert zip_directory.inflate(file, ["wide"], members[-1:]) == [b"content"]


def test_numbers_too_large_for_an_entry_are_read_from_its_extra_field():
    extra = (99).to_bytes(2, "little") + (2).to_bytes(2, "little") + b"xx"
    values = b"".join(n.to_bytes(8, "little") for n in (5_000_000_000, 6_000_000_000))
    extra += (1).to_bytes(2, "little") + (16).to_bytes(2, "little") + values
    wide = zip_directory._wide(extra, 0xFFFFFFFF, 7, 0xFFFFFFFF)
    assert wide == [5_000_000_000, 7, 6_000_000_000]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(tmp_path, share):
    path = tmp_path / "a.zip"
    archive_of(path, {f"{n}.csv": b"some content" * n for n in range(200)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"a\.zip.*truncated"):
        read_all(RangeReader(str(path)))


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "page.zip"
    path.write_bytes(b"<html>not found</html>" * 9999)
    with pytest.raises(ValueError, match="must be a whole zip archive"):
        read_all(RangeReader(str(path)))


def test_a_damaged_member_is_named(tmp_path):
    path = tmp_path / "a.zip"
    file = archive_of(path, {"1.csv": bytes(range(256)) * 9, "2.csv": b"x" * 999})
    found, members = read_all(file)
    raw = bytearray(path.read_bytes())
    raw[int(members.offset[0]) + 60] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"member '1\.csv' of .*damaged"):
        zip_directory.inflate(RangeReader(str(path)), found, members)


def test_a_member_that_inflates_beyond_its_stated_size_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    file = archive_of(path, {"bomb.csv": bytes(50_000_000)})
    raw = path.read_bytes()
    stated = (50_000_000).to_bytes(4, "little")
    path.write_bytes(raw.replace(stated, (100).to_bytes(4, "little")))
    found, members = read_all(RangeReader(str(path)))
    assert members.size[0] == 100
    with pytest.raises(ValueError, match="got 101 bytes"):
        zip_directory.inflate(file, found, members)


def test_an_encrypted_or_oddly_packed_member_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    archive_of(path, {"1.csv": b"content" * 99}, method=zipfile.ZIP_BZIP2)
    file = RangeReader(str(path))
    with pytest.raises(ValueError, match="must be stored or deflated"):
        zip_directory.inflate(file, *read_all(file))


def test_a_name_without_end_is_refused(tmp_path):
    file = archive_of(tmp_path / "a.zip", {"n" * 2000: b""})
    with pytest.raises(ValueError, match="at most 1024 bytes; one has 2000"):
        read_all(file)


def test_members_that_lie_together_are_fetched_together(tmp_path, monkeypatch):
    contents = {f"{n}.csv": bytes([n]) * 200 for n in range(100)}
    file = archive_of(tmp_path / "a.zip", contents, method=zipfile.ZIP_STORED)
    found, members = read_all(file)
    fetched = []
    read = RangeReader.read
    monkeypatch.setattr(
        RangeReader,
        "read",
        lambda self, start, stop: (
            fetched.append(stop - start) or read(self, start, stop)
        ),
    )
    monkeypatch.setattr(zip_directory, "GAP_BYTES", 100)
    rows = np.r_[0:40, 70:90]
    got = zip_directory.inflate(file, [found[r] for r in rows], members[rows])
    assert got == [contents[found[row]] for row in rows]
    assert len(fetched) == 2


def test_inflating_agrees_with_zlib():
    packed = zlib.compressobj(wbits=-15)
    data = packed.compress(b"some text" * 50) + packed.flush()
    assert zip_directory._deflated(data, 450) == b"some text" * 50
    assert len(zip_directory._deflated(data, 100)) == 101
    assert io.BytesIO(zip_directory._deflated(data, 450)).read(4) == b"some"
