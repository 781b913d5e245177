"""The stored results are whole and honest, and what is measured computes the same thing."""

import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmarks import attention as contestants
from benchmarks.memory import extra_bytes
from benchmarks.report import seconds, table, verdicts
from tests.notebook_tools import ROOT

FOLDER = ROOT / "benchmarks"
RESULTS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
SHAPES = [(1, 8, 128, 64), (1, 8, 1024, 64), (4, 8, 512, 64)]
TINY = (1, 3, 11, 5)


def rates(value):
    return isinstance(value, list) and all(isinstance(x, float) and x > 0 for x in value)


def test_the_schema():
    assert {"machine", "software", "threads", "roofline", "attention", "memory"} <= set(RESULTS)
    kinds = {name: type(value) for name, value in RESULTS["machine"].items()}
    assert kinds == {"cpu": str, "cores": int, "memory_gib": float, "system": str}
    assert set(RESULTS["software"]) == {"python", "numpy", "torch", "blas"}
    assert "kernels" in RESULTS["software"]["blas"]
    assert RESULTS["threads"] == 1
    assert {"flops_per_second", "bytes_per_second"} <= set(RESULTS["roofline"])
    assert all(rates(value) for value in RESULTS["roofline"].values())
    for entry in RESULTS["attention"]:
        assert set(entry) == {"shape", "dtype", "what", "name", "seconds"}
        assert len(entry["shape"]) == 4
        assert entry["dtype"] == "float32"
        assert entry["what"] in ("forward", "backward")
        assert rates(entry["seconds"])
        assert len(entry["seconds"]) >= 3
    for entry in RESULTS["memory"]:
        assert set(entry) == {"n", "kind", "bytes"}
        assert entry["kind"] in ("dense", "streaming")
        assert isinstance(entry["bytes"], int)
    for entry in RESULTS.get("decoding", []):
        assert set(entry) == {"tokens", "kind", "seconds"}
        assert entry["kind"] in ("cached", "recomputed", "parallel")
        assert rates(entry["seconds"])


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_stands_side_by_side(shape):
    both = {"x-transformers", "ring-attention-pytorch"} | set(contestants.modules(1, 2))
    forward, backward = (seconds(RESULTS, shape, what) for what in ("forward", "backward"))
    assert set(backward) == set(contestants.with_torch()) | both
    assert set(forward) == set(backward) | set(contestants.NUMPY)
    for took in (forward, backward):
        assert len({len(s) for s in took.values()}) == 1, "rounds are interleaved"


def test_long_sequences_are_measured():
    longest = seconds(RESULTS, (1, 1, 32768, 64))
    assert {contestants.SDPA, "attnbook NumPy", "attnbook NumPy, streaming"} <= set(longest)


def test_nothing_names_the_computer():
    for name in ("results.json", "results.txt"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"/(home|Users|root|tmp|work|opt)/|@|\.local\b", text)


def test_the_table_is_that_of_the_results():
    assert (FOLDER / "results.txt").read_text(encoding="utf-8") == table(RESULTS)


def test_each_target_is_recorded_with_what_was_reached():
    found = verdicts(RESULTS)
    assert [v["bound"] for v in found] == [1.5, 1.1, 200, 1.0]
    for verdict in found:
        assert verdict["met"] == (verdict["reached"] <= verdict["bound"])
        assert np.isfinite(verdict["reached"])
    assert found[2]["met"], "memory does not depend on how busy the machine was"


def reference(inputs):
    return contestants.formula(*(torch.as_tensor(x, dtype=torch.float64) for x in inputs))


def test_the_numpy_functions_agree():
    *qkv, _ = contestants.arrays(TINY)
    for name, f in contestants.NUMPY.items():
        np.testing.assert_allclose(f(*qkv), reference(qkv), rtol=0, atol=3e-6, err_msg=name)


def test_the_torch_functions_and_their_gradients_agree():
    *qkv, grad = map(torch.as_tensor, contestants.arrays(TINY))
    leaves = [x.double().requires_grad_() for x in qkv]
    expected = contestants.formula(*leaves)
    expected.backward(grad.double())
    for name, f in contestants.with_torch().items():
        own = [x.clone().requires_grad_() for x in qkv]
        out = f(*own)
        out.backward(grad)
        np.testing.assert_allclose(out.detach(), expected.detach(), rtol=0, atol=3e-6, err_msg=name)
        for mine, theirs in zip(own, leaves, strict=True):
            np.testing.assert_allclose(mine.grad, theirs.grad, rtol=0, atol=2e-5, err_msg=name)


def test_the_two_layers_agree():
    x = torch.as_tensor(np.random.default_rng(0).standard_normal((2, 7, 12), dtype=np.float32))
    one, other = (f(x).detach() for f in contestants.modules(3, 4).values())
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("what", ["forward", "backward"])
def test_a_small_measurement(what):
    entries = contestants.attention(TINY, what, runs=2, leave_out=("torch formula",))
    assert all(len(entry["seconds"]) == 2 for entry in entries)
    names = {entry["name"] for entry in entries}
    assert "attnbook torch" in names
    assert "torch formula" not in names
    assert ("attnbook NumPy" in names) == (what == "forward")


def test_every_job_runs_once_in_every_round():
    turns = []
    jobs = {name: lambda name=name: turns.append(name) or 1.0 for name in "abc"}
    assert contestants.interleaved(jobs, 3) == {name: [1.0] * 3 for name in "abc"}
    assert [sorted(turns[i : i + 3]) for i in range(0, 12, 3)] == [list("abc")] * 4
    assert len({turns[i] for i in range(0, 12, 3)}) == 3  # each starts a round


@pytest.mark.parametrize("n", [1024, 2048])
def test_streaming_holds_one_block_of_scores(n):
    output = 8 * n * 64 * 4  # bytes; its blocks are held once more before they are joined
    assert extra_bytes("streaming", n) < output + 4e6
    if n == 1024:
        assert extra_bytes("dense", n) > 8 * n * n * 4


def test_what_make_bench_installs_is_pinned():
    lines = (FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    assert not [pin for pin in pins if pin.startswith(("torch==", "numpy=="))]


@pytest.mark.skipif(not importlib.util.find_spec("threadpoolctl"), reason="comes with make bench")
def test_more_threads_are_refused():
    code = (
        "import torch; torch.set_num_threads(2); import benchmarks.machine as m; m.check_threads()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert "on one thread" in done.stderr
