"""A record is downloaded file by file from a server, and every file is checked."""

import hashlib
import http.server
import json
import threading

import pytest

from tfds_eo import dataverse

DOI = "doi:10.18710/QAYI4O"
FILES = {
    11: ("32x32", "patches.npz", b"patches of 32" * 1000),
    12: ("", "ReadMe.txt", b"read me"),
    13: ("10x10", "patches.npz", b"patches of 10" * 500),
}


def entry(number, folder, name, content, **changes):
    file = {
        "id": number,
        "filename": name,
        "filesize": len(content),
        "md5": hashlib.md5(content).hexdigest(),
    }
    found = {"dataFile": file | changes}
    return found | ({"directoryLabel": folder} if folder else {})


def metadata(entries=None, **changes):
    entries = entries or [entry(n, *file) for n, file in FILES.items()]
    version = {"versionNumber": 2, "versionMinorNumber": 1, "files": entries}
    version |= {"license": {"name": "CC BY 4.0"}}
    return {"status": "OK", "data": {"latestVersion": version | changes}}


@pytest.fixture
def server():
    """A made Dataverse; ``answers`` can be changed, ``asked`` is what was asked for."""
    answers = {f"/api/access/datafile/{n}": c for n, (_, _, c) in FILES.items()}
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/api/datasets/:persistentId/?"):
                content = json.dumps(answers.get("metadata", metadata())).encode()
            else:
                content = answers.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    found.answers, found.asked = answers, asked
    found.address = f"http://127.0.0.1:{found.server_address[1]}"
    yield found
    found.shutdown()
    found.server_close()


def test_every_file_arrives_where_the_record_puts_it(tmp_path, server):
    record = dataverse.download(DOI, server.address, tmp_path)
    assert record.licence == "CC BY 4.0"
    assert record.version == "2.1"
    for folder, name, content in FILES.values():
        assert (tmp_path / folder / name).read_bytes() == content
    assert server.asked[0].endswith("persistentId=doi%3A10.18710%2FQAYI4O")
    assert not any("bundle" in path or "zip" in path for path in server.asked)


def test_what_is_there_and_right_is_not_asked_for_again(tmp_path, server):
    dataverse.download(DOI, server.address, tmp_path)
    (tmp_path / "ReadMe.txt").write_bytes(b"damaged")
    del server.asked[:]
    dataverse.download(DOI, server.address, tmp_path)
    assert server.asked[1:] == ["/api/access/datafile/12"]
    assert (tmp_path / "ReadMe.txt").read_bytes() == b"read me"


@pytest.mark.parametrize("content", [b"reed me", b"read", b"read me and more"])
def test_a_file_that_is_not_what_the_metadata_say_is_not_kept(
    tmp_path, server, content
):
    server.answers["/api/access/datafile/12"] = content
    with pytest.raises(ValueError, match=r"datafile/12 must give 'ReadMe.txt' with 7"):
        dataverse.download(DOI, server.address, tmp_path)
    assert not (tmp_path / "ReadMe.txt").exists()
    assert not list(tmp_path.rglob("incomplete*"))


def test_a_file_that_is_not_there_says_what_to_do(tmp_path, server):
    del server.answers["/api/access/datafile/13"]
    with pytest.raises(OSError, match=r"got 404 .*put them into manual_dir"):
        dataverse.download(DOI, server.address, tmp_path)


def test_a_server_that_is_not_there_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(dataverse.time, "sleep", lambda seconds: None)
    with pytest.raises(OSError, match=r"must be reachable; .*manual_dir"):
        dataverse.download(DOI, "http://127.0.0.1:9", tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": {}}, "they lack 'latestVersion'"),
        (metadata([entry(1, "../..", "x", b"")]), "must stay inside"),
        (metadata([entry(1, "", "/etc/x", b"")]), "must stay inside"),
        (
            metadata([entry(1, "", "x", b"a"), entry(2, "", "X", b"b")]),
            "each file once",
        ),
        (
            metadata([entry(1, "", "x", b"", checksum={"type": "CRC", "value": "1"})]),
            "got 'CRC'",
        ),
    ],
)
def test_metadata_that_cannot_be_followed_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        dataverse.read_record(DOI, changed)


def test_other_checksums_and_the_uploaded_form_of_tables_are_known():
    sha = hashlib.sha256(b"a,b").hexdigest()
    found = dataverse.read_record(
        DOI,
        metadata(
            [
                entry(
                    5,
                    "",
                    "labels.tab",
                    b"a\tb",
                    originalFileFormat="text/csv",
                    originalFileName="labels.csv",
                    originalFileSize=3,
                    checksum={"type": "SHA-256", "value": sha.upper()},
                )
            ],
            license=None,
            termsOfUse="ask",
        ),
    )
    assert found.files == (
        dataverse.RecordFile(5, "labels.csv", 3, "sha256", sha, original=True),
    )
    assert found.licence == "ask"
