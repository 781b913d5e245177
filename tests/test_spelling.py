"""American spelling, no misspelling: chapters, README and the package."""

import subprocess
import sys

from tests.notebook_tools import CHAPTERS, ROOT, read, source


def test_spelling(tmp_path):
    for path in CHAPTERS:
        cells = read(path)["cells"]
        text = "\n\n".join([source(cell) for cell in cells] + [str(c["metadata"]) for c in cells])
        (tmp_path / f"{path.stem}.md").write_text(text, encoding="utf-8")
    pages = [*(ROOT / "chapters").glob("*.md"), ROOT / "README.md", *ROOT.glob("attnbook/*.*")]
    pages += [*ROOT.glob("attnbook/grade/*.py"), *ROOT.glob("coursework/**/*.py")]
    words = ["--builtin", "clear,rare,en-GB_to_en-US", "--ignore-words-list", "nd"]
    result = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *words, str(tmp_path), *map(str, pages)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
