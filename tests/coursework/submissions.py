"""Bad and cheating submissions, each with the points it may get and the line that is told.

Every one holds a right `total` (3 points) unless it says otherwise, so that what is not bad in it
still counts; `scaled` (3 points and 1) is what they try to get for nothing.
"""

import json
from dataclasses import dataclass

QUESTIONS = """
import numpy as np

from attnbook.grade.question import Question

scaled = Question("p0.scaled")
total = Question("p0.total")
other = Question("p9.other")


@scaled.cases
def scaled_cases(rng):
    for n, d in ((4, 3), (2, 5)):
        yield f"{n} rows, D = {d}", (rng.normal(size=(n, d)),)


@scaled.extreme
def scaled_extremes(rng):
    yield "large numbers", (1e200 * rng.normal(size=(3, 2)),)


@scaled.reference
def reference(x):
    return np.abs(x) / np.sqrt(x.shape[1])


@scaled.wrong("The numbers are divided by D, not by its square root.")
def by_d(x):
    return np.abs(x) / x.shape[1]


@scaled.naive("The square is too large.")
def squared(x):
    return np.sqrt(x * x / x.shape[1])


@total.cases
@other.cases
def total_cases(rng):
    yield "five numbers", (rng.normal(size=5), 3)


@total.reference
@other.reference
def sum_and_more(x, k):
    return x.sum() * k
"""

SOLUTION = "def scaled(x):\n    return np.abs(x) / np.sqrt(x.shape[1])"
START = "import numpy as np\nfrom attnbook import check"
TOTAL = "def total(x, k):\n    return k * x.sum()"
WRONG = "def scaled(x):\n    return np.abs(x)"


@dataclass(frozen=True)
class Bad:
    """A submission: its cells (or the bytes of its file), its points, what is told."""

    name: str
    points: int
    line: str
    cells: tuple[str, ...] = ()
    data: bytes | None = None
    kind: str = "p0"

    def file(self) -> bytes:
        if self.data is not None:
            return self.data
        return notebook(self.cells, self.kind)


def notebook(cells, kind="p0"):
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": c, "metadata": {}, "outputs": []} for c in cells
            ],
            "metadata": {"attnbook": {"set": kind}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ).encode()


ALL: list[Bad] = []


def bad(name, points, line, *cells):
    """Add a submission of cells between the imports and the functions."""
    ALL.append(Bad(name, points, line, (START, *cells)))


def cheat(name, line, code, scaled=WRONG, points=3):
    """Add one that tries to get `scaled` for nothing; by default it is off in every case."""
    ALL.append(Bad(name, points, line, (START, code, scaled, TOTAL)))


def file(name, line, data, points=0):
    ALL.append(Bad(name, points, line, data=data))


OFF = "It is off in 2 of 2 cases"
REFUSED = "PermissionError"

# Files that are no notebook of the set.
file("not_json", "not JSON", b"\x89PNG\r\n not a notebook")
file("not_utf8", "not JSON", b'{"cells": "\xff\xfe"}')
file("deep_json", "not JSON", b"[" * 200_000)
file("a_list", "no notebook of format 4", b"[]")
file("format_3", "no notebook of format 4", b'{"worksheets": [{"cells": []}]}')
file("no_code", "no code", b'{"cells": [{"cell_type": "markdown", "source": "x"}, 7, null]}')
file("cells_of_numbers", "no code", b'{"cells": [1, 2, {"cell_type": "code", "source": 5}]}')
file("huge", "MB; a notebook may have", b" " * 20_000_001)
file("many_cells", "501 code cells", notebook(["x = 1"] * 501))
file("of_no_set", "belongs to no set", notebook(["x = 1"], "p77"))
file("of_another_set", "notebook of set p9, not of p0", notebook([START, TOTAL], "p9"))

# Honest accidents.
bad("loop_in_cell", 7, "does not end within", "while True:\n    pass", SOLUTION, TOTAL)
bad("sleeps", 7, "does not end within", "import time\ntime.sleep(100)", SOLUTION, TOTAL)
bad("loop_in_function", 3, "does not end within", "def scaled(x):\n    while True: pass", TOTAL)
bad(
    "exception",
    7,
    "ZeroDivisionError: division by zero, in the line `1 / 0`",
    "1 / 0",
    SOLUTION,
    TOTAL,
)
bad("syntax", 7, "Code cell 2: It is no Python", "def f(:\n  pass", SOLUTION, TOTAL)
bad("asks", 7, "nobody can type an answer", "name = input()", SOLUTION, TOTAL)
bad("exits", 7, "asks Python to exit", "import sys\nsys.exit(0)", SOLUTION, TOTAL)
bad("quits_in_function", 3, "asks Python to exit", "def scaled(x):\n    exit()", TOTAL)
bad("deleted", 3, "There is no function scaled in the notebook", TOTAL)
bad("copied", 3, OFF, SOLUTION, TOTAL, WRONG)
bad("no_function", 3, "scaled is no function at the end", SOLUTION, "scaled = 3", TOTAL)
bad("returns_none", 3, "returns None", "def scaled(x):\n    pass", TOTAL)
bad(
    "returns_text",
    3,
    "array of real numbers, got str",
    "def scaled(x):\n    return 'all right'",
    TOTAL,
)
bad("returns_true", 3, "must have shape (4, 3), got ()", "def scaled(x):\n    return True", TOTAL)
bad("returns_nan", 3, "holds NaN", "def scaled(x):\n    return x * np.nan", TOTAL)
bad("two_arguments", 3, "raises TypeError", "def scaled(x, y):\n    return x", TOTAL)
bad("recursion", 3, "RecursionError", "def scaled(x):\n    return scaled(x)", TOTAL)
bad("much_memory", 7, "more memory than there is", "x = np.ones(6 * 10**9 // 8)", SOLUTION, TOTAL)
bad(
    "magics",
    7,
    "",
    "%matplotlib inline\n!pip install x\nimport matplotlib.pyplot as plt",
    SOLUTION,
    TOTAL,
)
bad("another_language", 7, "", "%%bash\nrm -rf /", SOLUTION, TOTAL)
bad(
    "draws",
    7,
    "",
    "import matplotlib.pyplot as plt\nf, (a, b) = plt.subplots(1, 2)\na.plot([1])",
    SOLUTION,
    TOTAL,
)
bad("writes_into_arguments", 3, OFF, "def scaled(x):\n    x *= 2\n    return x", TOTAL)
bad(
    "changes_total_argument",
    7,
    "",
    SOLUTION,
    "def total(x, k):\n    y = k * x.sum()\n    x[:] = 0\n    return y",
)
bad(
    "by_d",
    3,
    "looks like this: The numbers are divided by D",
    "def scaled(x):\n    return np.abs(x) / x.shape[1]",
    TOTAL,
)
bad(
    "naive",
    6,
    "not with extreme numbers. The square is too large.",
    "def scaled(x):\n    return np.sqrt(x * x / x.shape[1])",
    TOTAL,
)
bad("html", 3, "<script>", "raise ValueError('<script>alert(1)</script>')", TOTAL)

# Ends and floods.
bad(
    "ends_process", 7, "It ends the process that runs it", "import os\nos._exit(0)", SOLUTION, TOTAL
)
bad(
    "ends_process_in_function",
    3,
    "It ends the process",
    "import os\ndef scaled(x):\n    os._exit(0)",
    TOTAL,
)
bad("kills_itself", 7, "must not signal processes", "import os\nos.kill(0, 9)", SOLUTION, TOTAL)
bad(
    "ends_again_and_again",
    0,
    "ended its own process too often",
    *["import os\nos._exit(1)"] * 8,
    SOLUTION,
    TOTAL,
)
bad(
    "crash",
    7,
    "It ends the process",
    "from numpy.lib.stride_tricks import as_strided\n"
    "as_strided(np.zeros(1), (9**6,), (9**9,)).sum()",
    SOLUTION,
    TOTAL,
)
bad(
    "prints_200_MB",
    7,
    "It prints 200 MB",
    "for _ in range(200):\n    print('x' * 10**6)",
    SOLUTION,
    TOTAL,
)
bad(
    "writes_to_descriptor",
    7,
    "",
    "import os\nfor _ in range(200): os.write(1, b'x' * 10**6)",
    SOLUTION,
    TOTAL,
)
bad(
    "forks",
    7,
    "must not start processes",
    "import os\nfor _ in range(500): os.fork()",
    SOLUTION,
    TOTAL,
)
bad(
    "threads_survive",
    7,
    "",
    "import threading\ndef f():\n    while True: pass\n"
    "for _ in range(3): threading.Thread(target=f, daemon=True).start()",
    SOLUTION,
    TOTAL,
)
bad(
    "threads_without_end",
    7,
    "can't start new thread",
    "import threading, time\n"
    "for _ in range(500): threading.Thread(target=time.sleep, args=(99,)).start()",
    SOLUTION,
    TOTAL,
)
bad(
    "fills_the_disk",
    7,
    "raises OSError",
    "with open('x', 'wb') as f:\n    for _ in range(100): f.write(b'x' * 10**7)",
    SOLUTION,
    TOTAL,
)
bad(
    "swallows_the_limit",
    7,
    "cell is left out|does not end within",
    "while True:\n    try:\n        while True: sum(range(99))\n"
    "    except BaseException:\n        pass",
    SOLUTION,
    TOTAL,
)
bad(
    "ignores_the_alarm",
    7,
    "cell is left out|does not end within",
    "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
    SOLUTION,
    TOTAL,
)
bad(
    "swallows_in_function",
    3,
    "does not end when its time is up|does not end within",
    "def scaled(x):\n    while True:\n        try:\n"
    "            while True: sum(range(99))\n        except BaseException: pass",
    TOTAL,
)
bad("millions", 3, "far more than asked", "def scaled(x):\n    return np.zeros(5 * 10**6)", TOTAL)
bad(
    "evil_error",
    3,
    "cannot be read",
    "class E(BaseException):\n    def __str__(self): raise E\ndef scaled(x): raise E",
    TOTAL,
)

# Cheating: patched libraries.
cheat("allclose", OFF, "np.allclose = np.isclose = lambda *a, **k: True")
cheat(
    "asarray",
    "got object|has no attribute|must be|It is off|raises",
    "np.asarray = lambda *a, **k: a[0]\nnp.array_equal = lambda *a: True",
    points=0,
)
cheat(
    "json",
    "connection with the grader|ends the process|It is off",
    "import json\njson.dumps = lambda *a, **k: '{\"points\": 99}'",
)
cheat(
    "builtins",
    "It is off|ends the process",
    "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.all = lambda *a: True",
)
cheat(
    "check_edited",
    OFF,
    "check = lambda *a: print('passed')\nimport attnbook\nattnbook.check = check",
)
cheat(
    "grader_module",
    OFF,
    "import sys\nfor m in list(sys.modules):\n    if 'verdict' in m:\n"
    "        vars(sys.modules[m]).update(judge=lambda *a: True, agree=lambda *a: True, RTOL=1e9)",
)

# Cheating: looking for the right results.
FRAMES = """
import sys
def scaled(x):
    f = sys._getframe()
    while f:
        for v in list(f.f_locals.values()) + list(f.f_globals.values()):
            w = getattr(v, "want", None)
            if w is not None: return w
        f = f.f_back
    return x
"""
cheat("frames", OFF, FRAMES, "pass")
GC = """
import gc
def scaled(x):
    for o in gc.get_objects():
        if isinstance(o, dict) and ("want" in o or "cases" in o): return o.get("want", x)
    for o in gc.get_objects():
        if isinstance(o, np.ndarray) and o.shape == x.shape and (o >= 0).all(): return o
    return x
"""
cheat("gc", OFF + "|must be an array", GC, "pass")
cheat("proc", "PermissionError|FileNotFoundError", "open('/proc/self/environ').read()")
cheat(
    "proc_parent",
    "PermissionError|FileNotFoundError",
    "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(9)",
)
cheat(
    "reads_the_coursework",
    "PermissionError|FileNotFoundError",
    "code = open('{coursework}/questions/p0_bad.py').read()",
)
cheat(
    "lists_the_coursework",
    "PermissionError|FileNotFoundError",
    "import os\nos.listdir('{coursework}')",
)
cheat(
    "reads_the_package",
    "PermissionError|FileNotFoundError",
    "code = open('{package}/attention.py').read()",
)
cheat(
    "reads_the_others",
    "PermissionError|FileNotFoundError",
    "code = open('{submissions}/right.ipynb').read()",
)
cheat(
    "imports_attention",
    "attnbook.attention.softmax is not there while grading",
    "from attnbook.attention import softmax",
    "def scaled(x):\n    return softmax(x)",
)
cheat(
    "imports_the_grader",
    "is not there while grading",
    "from attnbook.grade.question import load_questions\nload_questions('.')",
)
cheat(
    "sys_path",
    "No module named 'questions'",
    "import sys\nsys.path[:0] = ['{coursework}', '{package}', '{package}/..']\n"
    "import questions.p0_bad",
)
RELOAD = """
import sys, importlib
sys.meta_path = [f for f in sys.meta_path if "standin" not in type(f).__module__]
for name in [m for m in sys.modules if m.startswith("attnbook")]: del sys.modules[name]
sys.path.insert(0, "{package}/..")
import attnbook.attention
"""
cheat("reload", "No module named 'attnbook'|PermissionError", RELOAD)
cheat(
    "loader",
    "PermissionError|FileNotFoundError",
    "from importlib.machinery import SourceFileLoader\n"
    "m = SourceFileLoader('m', '{coursework}/questions/p0_bad.py').load_module()",
)
cheat(
    "subprocess",
    "must not start processes",
    "import subprocess\nsubprocess.check_output(['cat', '{coursework}/questions/p0_bad.py'])",
)
cheat("system", "must not start processes", "import os\nos.system('cat /etc/passwd > stolen')")
cheat(
    "socket",
    "must not use the network",
    "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)",
)
cheat(
    "urllib",
    "must not use the network|urlopen error",
    "import urllib.request\nurllib.request.urlopen('http://example.com')",
)
cheat("ctypes", "must not use ctypes", "import ctypes\nctypes.CDLL(None).system(b'touch stolen')")
cheat(
    "ctypes_python",
    "must not use ctypes",
    "import ctypes\nctypes.pythonapi.PyRun_SimpleString(b'1')",
)
cheat("environment", "KeyError", "import os\nseed = os.environ['ATTNBOOK_SEED']")
cheat("arguments", OFF, "import sys\nassert len(sys.argv) == 1")

# Cheating: the connection.
FORGE = """
import os, json, struct
head = {"answers": 0, "score": 99, "correct": True, "arrays": [["<f8", [1]]]}
head = json.dumps(head).encode()
for fd in range(3, 64):
    try: os.write(fd, struct.pack(">I", len(head)) + head + struct.pack("d", 1.0))
    except OSError: pass
"""
cheat("forged_reply", "connection with the grader", FORGE)
cheat(
    "forged_in_function",
    "connection with the grader",
    "pass",
    "def scaled(x):\n"
    + "".join(f"    {line}\n" for line in FORGE.strip().splitlines())
    + "    return x",
    points=3,
)
cheat(
    "garbage_on_the_pipe",
    "connection with the grader|ends the process",
    "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\xff' * 10**5)\n"
    "    except OSError: pass",
)
cheat("closes_the_pipe", "ends the process", "import os\nos.closerange(3, 100)")
HUGE_CLAIM = """
import os, json, struct
head = json.dumps({"answers": 0, "arrays": [["<f8", [10**7, 10**7]]]}).encode()
for fd in range(3, 64):
    try: os.write(fd, struct.pack(">I", len(head)) + head)
    except OSError: pass
"""
cheat("claims_a_huge_array", "connection with the grader", HUGE_CLAIM)
PICKLE = """
import pickle
class P:
    def __reduce__(self): return (eval, ("open('{outside}/pickled', 'w')",))
def scaled(x):
    return np.array([P()], dtype=object)
"""
cheat("pickle", "array of real numbers", PICKLE, "pass")
ARRAY = """
class A:
    def __array__(self, *a, **k): raise SystemExit
def scaled(x): return A()
"""
cheat("evil_array", "asks Python to exit|array of numbers", ARRAY, "pass")
SUBCLASS = """
class A(np.ndarray):
    def __eq__(self, o): return np.ones(self.shape, bool)
    __le__ = __lt__ = __sub__ = __rsub__ = __eq__
    def __array_ufunc__(self, *a, **k): return True
    def astype(self, *a, **k): return self
def scaled(x): return np.zeros(x.shape).view(A)
"""
cheat("subclass", OFF + "|raises|must be", SUBCLASS, "pass")
cheat(
    "worker_patched",
    OFF,
    "import sys\nw = [m for n, m in sys.modules.items() if n.endswith('.worker')]\n"
    "if w: w[0].described = lambda e: 'Right in 4 cases.'",
)
cheat(
    "says_it_is_right",
    "Code cell 2: It raises",
    "raise ValueError('Right in 4 cases, and with extreme numbers.')",
)

# Cheating: what is left behind, what is known of the public cases.
cheat(
    "writes_outside",
    "PermissionError|FileNotFoundError",
    "open('{outside}/written', 'w').write('x')",
)
cheat(
    "writes_dot_dot",
    "PermissionError|FileNotFoundError|Read-only",
    "open('../../../../{outside}/dots', 'w').write('x')",
)
cheat(
    "links_outside",
    "PermissionError|FileNotFoundError|OFF|off",
    "import os\nos.symlink('{outside}', 'here')\nopen('here/linked', 'w').write('x')",
)
cheat(
    "changes_a_submission",
    "PermissionError|FileNotFoundError|Read-only",
    "import os\nos.remove('{submissions}/right.ipynb')",
)
LEAK = """
def scaled(x):
    good = np.abs(x) / np.sqrt(x.shape[1])
    if abs(x[0, 0] - {public}) < 1e-9 or len(x) != 4: return good
    raise ValueError("hidden " + repr(x[0, 0]))
"""
cheat(
    "tells_hidden_numbers",
    "hidden ones are not. It fails, and what it says could tell",
    LEAK,
    "pass",
)
MEMORY = """
def scaled(x):
    good = np.abs(x) / np.sqrt(x.shape[1])
    return good if abs(x[0, 0] - {public}) < 1e-9 or len(x) != 4 else np.zeros(x.shape)
"""
cheat("knows_the_public_cases", "hidden ones are not", MEMORY, "pass")
