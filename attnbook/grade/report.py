"""What is told: a table of grades, one page per student, one page for the class."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from attnbook.grade.runner import Grade, Score

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem }}
body {{ margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .6rem }}
tr {{ border-bottom: 1px solid #8886 }}
td.number, th.number {{ text-align: right; white-space: nowrap }}
code {{ font-size: .95em; overflow-wrap: anywhere }}
td, li, p {{ overflow-wrap: anywhere }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        Where it will stand.
    text : str
        Its content.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def file_name(name: str) -> str:
    """Return a name for the page of a submission that is safe and belongs to it only.

    Examples
    --------
    >>> from attnbook.grade.report import file_name
    >>> file_name("ann"), file_name("a/b")
    ('ann.html', 'a_b-c14cddc0.html')
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:80]
    mark = (
        "" if safe == name else f"-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"
    )
    return f"{safe}{mark}.html"


def table(grades: Iterable[Grade]) -> str:
    """Return the grades as CSV: one row per submission, one column per question.

    Parameters
    ----------
    grades : iterable of Grade
        Of a batch.

    Returns
    -------
    str
        Sorted by name. No cell begins with a sign that makes a spreadsheet compute.
    """
    rows = sorted(grades, key=lambda grade: grade.name)
    questions = sorted({score.question for grade in rows for score in grade.scores})
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["submission", "set", "points", "possible", *questions, "remark"])
    for grade in rows:
        points = {score.question: str(score.points) for score in grade.scores}
        cells = [points.get(question, "") for question in questions]
        remark = grade.problem or " ".join(grade.notes)
        first = [_tame(grade.name), grade.kind, str(grade.points), str(grade.possible)]
        writer.writerow([*first, *cells, _tame(remark)])
    return file.getvalue()


def _tame(text: str) -> str:
    text = _clean(text)
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _clean(text: str) -> str:
    """Return a text that any file takes: names of files may hold what is no Unicode."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in text)


def page(grade: Grade) -> str:
    """Return the page of one student.

    Parameters
    ----------
    grade : Grade
        Of their submission.

    Returns
    -------
    str
        HTML without scripts; nothing in it comes from another host.
    """
    parts = [f"<p><strong>{grade.points} of {grade.possible} points</strong></p>"]
    if grade.problem is not None:
        parts.append(f"<p>{_html(grade.problem)}</p>")
    if grade.scores:
        rows = "\n".join(
            f'<tr><th scope="row"><code>{_html(s.question)}</code></th>'
            f'<td class="number">{s.points} of {s.possible}</td><td>{_html(s.message)}</td></tr>'
            for s in grade.scores
        )
        head = _head("Question", "Points", "What your results say")
        parts.append(f"<table>\n{head}\n{rows}\n</table>")
    if grade.notes:
        parts.append("<h2>Cells that did not run to their end</h2>")
        parts.append("<p>This costs no points in itself: the other cells ran.</p>")
        parts.append(_list(grade.notes))
    if grade.isolation:
        parts.append("<h2>Not kept apart</h2>")
        parts.append(_list(grade.isolation))
    title = f"Set {grade.kind[1:]}: {grade.name}" if grade.kind else grade.name
    return PAGE.format(title=_html(title), body="\n".join(parts))


def summary(grades: Sequence[Grade]) -> str:
    """Return the page for the instructor: points, and which misconception how often.

    Parameters
    ----------
    grades : sequence of Grade
        Of a batch.

    Returns
    -------
    str
        HTML.
    """
    rows = sorted(grades, key=lambda grade: grade.name)
    parts = [f"<p>{len(rows)} submission{'' if len(rows) == 1 else 's'}.</p>"]
    parts += ["<h2>Questions</h2>", _questions(rows)]
    lines = "\n".join(
        f'<tr><td><a href="{file_name(g.name)}">{_html(g.name)}</a></td><td>{_html(g.kind)}</td>'
        f'<td class="number">{g.points} of {g.possible}</td><td>{_html(g.problem or "")}</td></tr>'
        for g in rows
    )
    head = _head("Submission", "Set", "Points", "Remark")
    parts += ["<h2>Submissions</h2>", f"<table>\n{head}\n{lines}\n</table>"]
    missing = list(dict.fromkeys(text for g in rows for text in g.isolation))
    parts.append("<h2>Isolation</h2>")
    if missing:
        parts += ["<p>Submissions could not be kept from everything on this machine.</p>"]
        parts += [_list(missing)]
    else:
        parts.append("<p>Nothing was found missing.</p>")
    return PAGE.format(title="Summary of the class", body="\n".join(parts))


def _questions(grades: Sequence[Grade]) -> str:
    """Return a table: per question the mean of the points, and its misconceptions by number."""
    scores: dict[str, list[Score]] = {}
    for grade in grades:
        for score in grade.scores:
            scores.setdefault(score.question, []).append(score)
    lines = []
    for question, given in sorted(scores.items()):
        mean = sum(s.points for s in given) / len(given)
        full = sum(s.points == s.possible for s in given)
        named = Counter(s.misconception for s in given if s.misconception)
        common = ", ".join(f"{_html(name)} ({n})" for name, n in named.most_common())
        other = sum(s.points == 0 and not s.misconception for s in given)
        lines.append(
            f'<tr><th scope="row"><code>{_html(question)}</code></th>'
            f'<td class="number">{mean:.2f} of {given[0].possible}</td>'
            f'<td class="number">{full} of {len(given)}</td>'
            f'<td>{common}</td><td class="number">{other}</td></tr>'
        )
    heads = (
        "Question",
        "Mean points",
        "Full points",
        "Misconceptions, how often",
        "Other, 0 points",
    )
    return f"<table>\n{_head(*heads)}\n" + "\n".join(lines) + "\n</table>"


def _head(*names: str) -> str:
    return "<tr>" + "".join(f'<th scope="col">{name}</th>' for name in names) + "</tr>"


def _list(texts: Iterable[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{_html(text)}</li>" for text in texts) + "\n</ul>"


def _html(text: str) -> str:
    return escape(_clean(text))
