"""A live figure in JupyterLab, with a kernel: what the hand does reaches Python, and back."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.notebook_tools import ROOT

CELLS = [
    "from attnbook.live import Retrieval\n\nfigure = Retrieval(sharpness=2)\nfigure",
    "print('kernel has', figure.sharpness)",
    "figure.sharpness = 7",
]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab over one notebook; return the notebook's address."""
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "id": f"cell-{i}", "source": text} for i, text in enumerate(CELLS)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "figure.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    port = free_port()
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    folders = [f"--ServerApp.root_dir={tmp_path}", f"--LabApp.workspaces_dir={tmp_path}/spaces"]
    quiet = [
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    log = (tmp_path / "lab.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, *folders, *quiet],
        env=env,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=1).close()
            break
        except OSError:
            assert server.poll() is None, (tmp_path / "lab.log").read_text()
            time.sleep(0.25)
    yield f"{address}/lab/tree/figure.ipynb"
    server.terminate()
    server.wait(timeout=20)
    log.close()


def test_a_slider_moves_the_kernels_value_and_the_kernel_moves_the_slider(browser, lab):
    context = browser.new_context(viewport={"width": 1200, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(60_000)
    host = lab.split("/lab/")[0]
    elsewhere = []
    page.on(
        "request",
        lambda r: r.url.startswith((host, "ws", "blob:", "data:")) or elsewhere.append(r.url),
    )
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector("text=| Idle")  # before that the kernel takes no cell
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    bar = page.locator(".live-figure input[type=range]").first
    bar.wait_for()
    assert float(bar.input_value()) == 2
    bar.focus()
    page.keyboard.press("ArrowRight")  # JupyterLab must leave this key to the slider
    page.keyboard.press("ArrowRight")
    assert float(bar.input_value()) == pytest.approx(2.2)
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("text=kernel has 2.2")
    page.locator(".jp-CodeCell .cm-content").nth(2).click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        "() => Number(document.querySelector('.live-figure input[type=range]').value) === 7"
    )
    assert not elsewhere, elsewhere
    context.close()
