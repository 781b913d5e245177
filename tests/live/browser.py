"""A real browser for the tests: the one that is at hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def executable(playwright) -> str:
    """Return the browser's file, or say what to do without one."""
    own = playwright.chromium.executable_path
    places = [os.environ.get("CHROMIUM"), own, *map(shutil.which, NAMES)]
    for place in places:
        if place and Path(place).exists():
            return str(place)
    raise RuntimeError(
        "The tests of pages need Chromium. Install it with `playwright install chromium` or from "
        "your system (Debian: apt-get install chromium), or name it: CHROMIUM=/path/to/chromium"
    )


def launch(playwright):
    """Start it. Root needs the flag that switches its sandbox off."""
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return playwright.chromium.launch(
        executable_path=executable(playwright), args=[*FLAGS, *root], chromium_sandbox=not root
    )
