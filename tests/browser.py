"""A real browser for the tests: the one that is at hand.

``python -m tests.browser`` makes sure that there is one: Playwright's own where it can be
fetched, else the system's package where this user may install it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Without windows Chromium starts and opens pages faster.
SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def executable(playwright) -> str | None:
    """Return the browser's file, None for Playwright's own, or say what to do without one."""
    own = playwright.chromium.executable_path
    if not os.environ.get("CHROMIUM") and Path(own).exists():
        return None
    places = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    for place in places:
        if place and Path(place).exists():
            return str(place)
    raise RuntimeError(
        "The tests of pages need Chromium. Install it with `playwright install chromium` or from "
        "your system (Debian: apt-get install chromium), or name it: CHROMIUM=/path/to/chromium"
    )


def provide() -> int:
    """Find a browser or install one; return 0 when there is one."""
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if root and shutil.which("apt-get"):
        ways += [["apt-get", "update", "-qq"]]
        ways += [["apt-get", "install", "-qq", "-y", name] for name in (SHELL, "chromium")]
    for way in [None, *ways]:
        if way:
            print(f"== No Chromium yet: {' '.join(way)}", flush=True)
            subprocess.run(way, check=False, stdout=subprocess.DEVNULL)
        with sync_playwright() as playwright:
            try:
                browser = launch(playwright)
            except Exception as error:
                problem = error
            else:
                browser.close()
                return 0
    print(problem)
    return 1


def launch(playwright):
    """Start it. Root needs the flag that switches its sandbox off."""
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return playwright.chromium.launch(
        executable_path=executable(playwright), args=[*FLAGS, *root], chromium_sandbox=not root
    )


if __name__ == "__main__":
    sys.exit(provide())
