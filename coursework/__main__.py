"""``python -m coursework table [QUESTION ...]`` and ``python -m coursework build``."""

from __future__ import annotations

import sys
from pathlib import Path

from attnbook.grade.question import CourseworkError, load_questions

HERE = Path(__file__).parent
USAGE = "usage: python -m coursework table [NAME ...] | build"


def main(arguments: list[str]) -> int:
    """Run one command; return 0 when all is well."""
    try:
        questions = load_questions(HERE)
    except CourseworkError as error:
        print(error)
        return 2
    if arguments[:1] == ["table"]:
        from coursework.quality import examine, table

        wanted = arguments[1:] or [""]
        qualities = [examine(q) for n, q in questions.items() if n.startswith(tuple(wanted))]
        print(table(qualities) if qualities else f"no question begins with {wanted}")
        return int(not qualities or any(q.problems for q in qualities))
    if arguments == ["build"]:
        from coursework.build import build

        for path in build(HERE, questions):
            print(path)
        return 0
    print(USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
