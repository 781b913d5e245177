"""The unit tests notice when the package is wrong: each named mutant must fail them."""

import multiprocessing
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.notebook_tools import ROOT

# name: (file of attnbook, text, replacement, test file)
MUTANTS = {
    "no scale": ("attention.py", "1 / math.sqrt(q.shape[-1])", "1.0", "attention"),
    "scale by D": ("attention.py", "1 / math.sqrt(q.shape[-1])", "1 / q.shape[-1]", "attention"),
    "mask inverted": ("attention.py", "xp.where(mask, scores, -xp.inf)",
                      "xp.where(mask, -xp.inf, scores)", "attention"),
    "scores zeroed": ("attention.py", "xp.where(mask, scores, -xp.inf)",
                      "xp.where(mask, scores, 0.0)", "attention"),
    "finite constant": ("attention.py", "xp.where(mask, scores, -xp.inf)",
                        "xp.where(mask, scores, -1e9)", "attention"),
    "mask ignored": ("attention.py", "xp.where(mask, scores, -xp.inf)", "scores", "attention"),
    "bias ignored": ("attention.py", "scores + xp.astype(bias, scores.dtype)", "scores",
                     "attention"),
    "bias subtracted": ("attention.py", "scores + xp.astype(bias", "scores - xp.astype(bias",
                        "attention"),
    "no guard for empty rows": ("attention.py", "xp.clip(total, min=FLOOR)", "total",
                                "attention"),
    "softmax overflows": ("attention.py", "xp.exp(xp.subtract(x, peak, out=out), out=out)",
                          "xp.exp(x)", "attention"),
    "softmax over queries": ("attention.py", "xp.sum(e, axis=-1, keepdims=True), xp)",
                             "xp.sum(e, axis=-2, keepdims=True), xp)", "attention"),
    "softmax changes its input": ("attention.py", "out = x if reuse else None", "out = x",
                                  "attention"),
    "blocks joined backwards": ("attention.py", "for i in starts", "for i in starts[::-1]",
                                        "attention"),
    "every block the first": ("attention.py", "cut(q1, i), k1", "cut(q1, 0), k1", "attention"),
    "mask of the first block": ("attention.py", "cut(m1, i)", "cut(m1, 0)", "attention"),
    "bias of the first block": ("attention.py", "cut(b1, i)", "cut(b1, 0)", "attention"),
    "halves stay halves": ("_checks.py", "return x if x.dtype in (xp.float32, xp.float64) else ",
                           "return x if True else ", "attention"),
    "mask may widen": ("_checks.py", "if joint != shape:", "if False:", "attention"),
    "dtypes may mix": ("_checks.py", "if len({array.dtype for array in arrays.values()}) > 1:",
                       "if False:", "attention"),
    "heads interleaved": ("attention.py", "n, num_heads, width // num_heads)), -2, -3)",
                          "n, width // num_heads, num_heads)), -1, -3)", "attention"),
    "heads not moved back": ("attention.py", "xp.reshape(xp.moveaxis(x, -3, -2), (",
                             "xp.reshape(x, (", "attention"),
    "groups interleaved": ("attention.py", "kv[..., :, None, :, :], shape)",
                           "kv[..., None, :, :, :], "
                           "(*batch, num_heads // groups, groups, s, width))", "attention"),
    "entropy sign": ("attention.py", "xp.sum(-a * log", "xp.sum(a * log", "attention"),
    "old blocks not rescaled": ("streaming.py", "o = o * old + ", "o = o + ", "attention"),
    "old sum not rescaled": ("streaming.py", "total = total * old + ", "total = total + ",
                             "attention"),
    "last block dropped": ("streaming.py", "range(0, n_keys, block_size)",
                           "range(0, n_keys - block_size + 1, block_size)", "attention"),
    "diagonal masked": ("masks.py", "return _offsets(n_queries, n_keys) >= 0",
                        "return _offsets(n_queries, n_keys) > 0", "masks"),
    "causal aligned top left": ("masks.py", "+ (n_keys - n_queries) -", "-", "masks"),
    "window one too wide": ("masks.py", "(behind < window)", "(behind <= window)", "masks"),
    "padding inverted": ("masks.py", "np.arange(n_keys) < lengths", "np.arange(n_keys) >= lengths",
                         "masks"),
    "rotation sign": ("positions.py", "stack([a * cos - b * sin, a * sin + b * cos]",
                      "stack([a * cos + b * sin, b * cos - a * sin]",
                      "positions"),
    "one frequency": ("positions.py", "** (-np.arange(0, width, 2) / width)",
                      "** (0 * np.arange(0, width, 2))", "positions"),
    "exponent i/D": ("positions.py", "(-np.arange(0, width, 2) / width)",
                     "(-np.arange(0, width, 2) / 2 / width)", "positions"),
    "angles in float32": ("positions.py", "angles = xp.astype(angles, xp.float64, copy=False)",
                          "angles = xp.astype(angles, xp.float32)", "positions"),
    "slopes from zero": ("positions.py", "np.arange(1, power + 1)", "np.arange(power)",
                         "positions"),
    "NaN position": ("positions.py", "or not np.all(np.isfinite(positions))", "", "positions"),
    "bound not checked": ("claims.py", "np.all(got >= at_least)", "np.any(got >= at_least)",
                          "claims"),
    "tolerance ignored": ("claims.py", "np.all(np.abs(got - want) <= tolerance)", "True", "claims"),
    "q only rotated": ("models.py", "apply_rope(q, angles), apply_rope(k, angles)",
                       "apply_rope(q, angles), k", "torch_models"),
    "softmax Jacobian cut short": ("recall.py", "(d_a - (a * d_a).sum(axis=-1, keepdims=True))",
                                   "d_a", "toy_models"),
}  # fmt: skip


# A server that holds PyTorch and pytest, not attnbook, and splits off a process for every mutant.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["array_api_compat.torch", "pytest", "torch"])


def examine(folder, test):
    """End this process with the exit code of one test file against the package in `folder`."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.stdout = sys.stderr = open(os.devnull, "w")
    options = ["-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:nbval"]
    code = pytest.main([*options, "--rootdir", str(folder), f"test_{test}.py"])
    os._exit(int(code) if Path(sys.modules["attnbook"].__file__).is_relative_to(folder) else 9)


def run(folder, test):
    """Return the exit code of one test file against the copy of the package in `folder`."""
    shutil.copy(ROOT / "tests" / f"test_{test}.py", folder)
    process = PROCESSES.Process(target=examine, args=(folder, test))
    process.start()
    process.join()
    return process.exitcode


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "attnbook", tmp_path / "attnbook")
    return tmp_path


@pytest.mark.parametrize("test", sorted({mutant[3] for mutant in MUTANTS.values()}))
def test_the_package_itself_passes(copy, test):
    assert run(copy, test) == 0


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(copy, name):
    file, old, new, test = MUTANTS[name]
    path = copy / "attnbook" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} must stand once in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert run(copy, test) == 1
