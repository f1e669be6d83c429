"""Every method of `sandbox.fs`."""

import io
import os

import pytest
from daytona import DaytonaError, DaytonaNotFoundError, FileDownloadRequest, FileUpload
from conftest import SDK, error_class

streams = pytest.mark.skipif(SDK < (0, 190), reason="this SDK has no file streams")


@pytest.fixture
def folder(box, request):
    """An empty folder of the test's own."""
    path = f"/home/daytona/{request.node.name}"
    box.fs.create_folder(path, "755")
    yield path
    box.fs.delete_file(path, recursive=True)


def test_upload_and_download_bytes(box, folder):
    content = bytes(range(256)) * 1000
    box.fs.upload_file(content, f"{folder}/deep/er/file.bin")
    assert box.fs.download_file(f"{folder}/deep/er/file.bin") == content
    box.fs.upload_file(b"shorter", f"{folder}/deep/er/file.bin")
    assert box.fs.download_file(f"{folder}/deep/er/file.bin") == b"shorter"


def test_upload_and_download_local_files(box, folder, tmp_path):
    source, target = tmp_path / "source", tmp_path / "new" / "target"
    source.write_bytes(os.urandom(3_000_000))
    box.fs.upload_file(str(source), f"{folder}/local")
    box.fs.download_file(f"{folder}/local", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_relative_paths_start_in_the_work_dir(box):
    box.fs.upload_file(b"relative", "relative.txt")
    assert box.fs.download_file("/home/daytona/relative.txt") == b"relative"
    box.fs.delete_file("relative.txt")


def test_awkward_names(box, folder):
    names = ["with space", "quote'", "semi;colon&and", "percent%20%", "-dash", "plus+"]
    # Before 0.226 the SDK goes by the plain `filename`, which says these in a way of its own.
    names += ["ünïcødé-文件", 'quote"quote', 'semi;"colon', "back\\slash", "tab\tstop"]
    for name in names:
        path = f"{folder}/{name}"
        box.fs.upload_file(name.encode(), path)
        assert box.fs.download_file(path) == name.encode()
        assert box.fs.get_file_info(path).name == name


def test_many_files(box, folder, tmp_path):
    local = tmp_path / "local"
    local.write_bytes(b"from disk")
    box.fs.upload_files(
        [FileUpload(source=f"number {n}".encode(), destination=f"{folder}/{n}.txt") for n in range(20)]
        + [FileUpload(source=str(local), destination=f"{folder}/disk.txt")]
    )
    answers = box.fs.download_files(
        [FileDownloadRequest(source=f"{folder}/{n}.txt") for n in range(20)]
        + [
            FileDownloadRequest(source=f"{folder}/disk.txt", destination=str(tmp_path / "back")),
            FileDownloadRequest(source=f"{folder}/missing.txt"),
        ]
    )
    assert [answer.result for answer in answers[:20]] == [f"number {n}".encode() for n in range(20)]
    assert answers[20].result == str(tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"from disk"
    assert answers[21].result is None
    assert answers[21].error
    if SDK >= (0, 226):
        details = answers[21].error_details
        assert (details.status_code, details.code, details.source) == (404, "FILE_NOT_FOUND", "DAYTONA_DAEMON")


@streams
def test_streams(box, folder):
    content = os.urandom(5_000_000)
    sent, received = [], []
    box.fs.upload_file_stream(
        io.BytesIO(content), f"{folder}/stream.bin", on_progress=lambda progress: sent.append(progress.bytes_sent)
    )
    chunks = box.fs.download_file_stream(f"{folder}/stream.bin", on_progress=received.append)
    assert b"".join(chunks) == content
    assert sent[-1] >= len(content)
    assert (received[-1].bytes_received, received[-1].total_bytes) == (len(content), len(content))
    with pytest.raises(DaytonaNotFoundError):
        list(box.fs.download_file_stream(f"{folder}/missing"))


def test_file_info(box, folder):
    box.fs.upload_file(b"12345", f"{folder}/five")
    info = box.fs.get_file_info(f"{folder}/five")
    assert (info.name, info.size, info.is_dir) == ("five", 5, False)
    assert (info.owner, info.group) == ("1000", "1000")
    assert info.mode.startswith("-rw")
    assert info.mod_time.split("-")[0].isdigit()
    assert box.fs.get_file_info(folder).is_dir


def test_list_files(box, folder):
    box.fs.upload_file(b"b", f"{folder}/b")
    box.fs.upload_file(b"a", f"{folder}/a")
    box.fs.upload_file(b"c", f"{folder}/sub/c")
    listed = box.fs.list_files(folder)
    assert [(info.name, info.is_dir) for info in listed] == [("a", False), ("b", False), ("sub", True)]
    box.fs.create_folder(f"{folder}/empty", "700")
    assert box.fs.list_files(f"{folder}/empty") == []
    if SDK >= (0, 226):
        deep = {info.path for info in box.fs.list_files(folder, depth=2)}
        assert f"{folder}/sub/c" in deep
        assert f"{folder}/a" in deep


def test_folders_and_permissions(box, folder):
    box.fs.create_folder(f"{folder}/one/two", "700")
    assert box.fs.get_file_info(f"{folder}/one/two").permissions == "0700"
    box.fs.create_folder(f"{folder}/one/two", "700")
    box.fs.upload_file(b"#!/bin/sh\necho ran\n", f"{folder}/script")
    box.fs.set_file_permissions(f"{folder}/script", mode="755")
    assert box.fs.get_file_info(f"{folder}/script").mode == "-rwxr-xr-x"
    assert box.process.exec(f"{folder}/script").result.strip() == "ran"
    box.fs.set_file_permissions(f"{folder}/script", mode="644", owner="daytona", group="daytona")
    assert box.fs.get_file_info(f"{folder}/script").permissions == "0644"


def test_move(box, folder):
    box.fs.upload_file(b"moved", f"{folder}/from")
    box.fs.move_files(f"{folder}/from", f"{folder}/to")
    assert box.fs.download_file(f"{folder}/to") == b"moved"
    with pytest.raises(DaytonaNotFoundError):
        box.fs.get_file_info(f"{folder}/from")
    box.fs.upload_file(b"in the way", f"{folder}/way")
    with pytest.raises(error_class("DaytonaConflictError")) as caught:
        box.fs.move_files(f"{folder}/to", f"{folder}/way")
    assert caught.value.status_code == 409
    with pytest.raises(DaytonaNotFoundError):
        box.fs.move_files(f"{folder}/missing", f"{folder}/elsewhere")


def test_delete(box, folder):
    box.fs.upload_file(b"x", f"{folder}/tree/leaf")
    with pytest.raises(DaytonaError) as caught:
        box.fs.delete_file(f"{folder}/tree")
    assert caught.value.status_code == 400
    assert box.fs.download_file(f"{folder}/tree/leaf") == b"x"
    box.fs.delete_file(f"{folder}/tree/leaf")
    box.fs.delete_file(f"{folder}/tree", recursive=True)
    assert box.fs.list_files(folder) == []
    with pytest.raises(DaytonaNotFoundError):
        box.fs.delete_file(f"{folder}/tree", recursive=True)


def test_find_in_files(box, folder):
    box.fs.upload_file(b"one\nneedle here\nthree\n", f"{folder}/a.txt")
    box.fs.upload_file(b"another needle", f"{folder}/sub/b.txt")
    box.fs.upload_file(b"needle\0binary", f"{folder}/binary")
    found = sorted((match.file, match.line, match.content.strip()) for match in box.fs.find_files(folder, "needle"))
    assert found == [(f"{folder}/a.txt", 2, "needle here"), (f"{folder}/sub/b.txt", 1, "another needle")]
    assert box.fs.find_files(folder, "nee.le") == []


def test_search_by_name(box, folder):
    for name in ["a.py", "b.py", "sub/c.py", "d.txt"]:
        box.fs.upload_file(b"", f"{folder}/{name}")
    found = box.fs.search_files(folder, "*.py").files
    assert sorted(found) == [f"{folder}/{name}" for name in ["a.py", "b.py", "sub/c.py"]]
    assert box.fs.search_files(folder, "?.txt").files == [f"{folder}/d.txt"]
    assert box.fs.search_files(folder, "*.none").files == []


def test_replace_in_files(box, folder):
    box.fs.upload_file(b"old and old", f"{folder}/a")
    box.fs.upload_file(b"nothing", f"{folder}/b")
    results = box.fs.replace_in_files([f"{folder}/a", f"{folder}/b", f"{folder}/missing"], "old", "new")
    assert [result.success for result in results] == [True, True, False]
    assert results[2].error
    assert box.fs.download_file(f"{folder}/a") == b"new and new"
    assert box.fs.download_file(f"{folder}/b") == b"nothing"


def test_missing_files(box):
    missing = "/home/daytona/not/there"
    # 0.160 knew no typed error for a part of a bulk answer.
    downloads = error_class("DaytonaFileNotFoundError") if SDK >= (0, 190) else DaytonaError
    with pytest.raises(downloads):
        box.fs.download_file(missing)
    for attempt in [box.fs.get_file_info, box.fs.list_files, box.fs.delete_file]:
        with pytest.raises(DaytonaNotFoundError) as caught:
            attempt(missing)
        assert caught.value.status_code == 404
    with pytest.raises(DaytonaNotFoundError):
        box.fs.set_file_permissions(missing, mode="600")
    assert box.fs.find_files(missing, "x") == []
    assert box.fs.search_files(missing, "*").files == []


def test_forbidden_files(box):
    box.process.exec("sudo sh -c 'mkdir -p /root/closed && chmod 700 /root'")
    with pytest.raises(DaytonaError) as caught:
        box.fs.list_files("/root/closed")
    assert caught.value.status_code == 403
    with pytest.raises(DaytonaError):
        box.fs.upload_file(b"no", "/root/closed/file")
