"""Names that every doctest may use, and the checks that nbval leaves out.

nbval compares neither pictures nor metadata. Both are compared here in the same run, so a stale
figure or a stale claim fails as surely as a stale number.
"""

import base64
import io

import matplotlib
import numpy as np
import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell
from PIL import Image

import attnbook
from attnbook.claims import METADATA_KEY

PINNED_MATPLOTLIB = (
    "3.11.2"  # as in requirements.txt: other versions draw text a little differently
)
LARGEST_RMS = 0.005  # of the reduced picture, each color on a scale from 0 to 1
# Two processes share the notebooks: begun last, one of these would keep the other process waiting.
LONGEST = ("rope_periods", "language_model", "images")


def pytest_collection_modifyitems(items):
    """Put the longest notebooks first."""
    items.sort(key=lambda item: not (item.path.suffix == ".ipynb" and item.path.stem in LONGEST))


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace):
    doctest_namespace.update(np=np, attnbook=attnbook)


# Without history IPython shows the value of a last line that ends in a semicolon.
RunningKernel.execute_cell_input = lambda self, source, allow_stdin=None: self.kc.execute(
    source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
)


def reduced(png: str) -> np.ndarray:
    """Return a picture in base64 as colors 0 to 1 with 96 columns."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    size = (96, max(1, round(96 * image.height / image.width)))
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=float) / 255


def picture_differs(new: str | None, stored: str | None) -> str | None:
    """Return what is wrong with a re-executed picture, or None."""
    if new is None or stored is None:
        return None if new == stored else "a picture is missing or new"
    if matplotlib.__version__ != PINNED_MATPLOTLIB:
        return None
    a, b = reduced(new), reduced(stored)
    if a.shape != b.shape:
        return f"the picture has another shape, {a.shape} for {b.shape}"
    rms = float(np.sqrt(np.mean((a - b) ** 2)))
    return None if rms <= LARGEST_RMS else f"the picture differs, RMS {rms:.4f} > {LARGEST_RMS}"


def record_differs(new: dict | None, stored: dict | None) -> str | None:
    """Return what is wrong with a re-executed claim record, or None.

    The measurement may move by the claim's tolerance; for a bound, by the distance that the
    stored measurement keeps from it.
    """
    if new is None or stored is None:
        return None if new == stored else "a claim record is missing or new"
    for key in ("slug", "what", "requirement", "tolerance", "at_least", "at_most", "holds"):
        if new[key] != stored[key]:
            return f"claim {stored['slug']}: {key} was {stored[key]}, is {new[key]}"
    low, high = stored["measured"]
    slack = [stored["tolerance"]] if stored["expected"] is not None else []
    slack += [low - stored["at_least"]] if stored["at_least"] is not None else []
    slack += [stored["at_most"] - high] if stored["at_most"] is not None else []
    moved = float(np.max(np.abs(np.subtract(new["measured"], stored["measured"]))))
    allowed = min(slack) if slack else 0.05 * max(abs(low), abs(high)) + 1e-12
    if moved > allowed:
        return f"claim {stored['slug']}: measured {stored['measured']}, now {new['measured']}"
    return None


nbval_compare = IPyNbCell.compare_outputs


def compare_outputs(self, test, ref, skip_compare=None):
    """Compare as nbval does; then pictures and claim records, pair by pair."""
    same = nbval_compare(self, test, ref, skip_compare)
    if not same:
        return False
    for new, stored in zip(test, ref, strict=True):
        problem = record_differs(
            new.get("metadata", {}).get(METADATA_KEY), stored.get("metadata", {}).get(METADATA_KEY)
        )
        if problem is None:
            problem = picture_differs(*(o.get("data", {}).get("image/png") for o in (new, stored)))
        if problem is not None:
            self.comparison_traceback.append(f"{problem}\nRun make notebooks if this is meant.")
            return False
    return True


IPyNbCell.compare_outputs = compare_outputs
