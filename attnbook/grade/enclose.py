"""Keep a worker apart from the machine: what can be done is done, what cannot is returned in words.

On Linux, as root or where ordinary users may make namespaces, a worker sees a file system of its
own with Python's libraries, read only, and one small folder in memory; it has no network, no other
process and no rights. Elsewhere an audit hook and resource limits are what there is. This module
runs in the worker, so it imports nothing of the package.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
NOSUID, NODEV, RDONLY, REMOUNT, BIND, REC, PRIVATE = 2, 4, 1, 32, 4096, 16384, 1 << 18
NOEXEC, NOATIME, NODIRATIME = 8, 1024, 2048  # kept as they are where others set them
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
BOX = "/box"
UNREADABLE = "Python cannot be read by other users, so what a submission imports may be missing."


@dataclass
class Plan:
    """What a worker may and may not do.

    Attributes
    ----------
    root : str
        An empty folder on which a file system can be mounted.
    hidden : list of str
        Folders and files of the real package, the coursework, the submissions, the seed.
    user : int
        A user id that nobody has, for a grader that runs as root.
    memory, files, seconds, processes : int
        Limits: bytes over what Python has at the start, bytes of a file, CPU seconds, threads.
    missing : list of str
        What could not be done.
    namespaces : bool
        Whether the worker will have a file system of its own.
    """

    root: str
    hidden: list[str]
    user: int
    memory: int = 1 << 31
    files: int = 1 << 24
    seconds: int = 300
    processes: int = 32
    missing: list[str] = field(default_factory=list)
    namespaces: bool = False


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc(), name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = (None if t is None else os.fsencode(t) for t in (source, target, kind))
    _call("mount", *texts, ctypes.c_ulong(flags), None if data is None else data.encode())


def prepare(plan: Plan) -> None:
    """Build the worker's file system, once for all workers of this process.

    Parameters
    ----------
    plan : Plan
        Its `namespaces` and `missing` are set.
    """
    if not sys.platform.startswith("linux"):
        plan.missing.append("This is not Linux: a submission can read your files and use the net.")
        return
    user = os.geteuid()
    try:
        if user == 0:
            _call("unshare", NEWNS | NEWNET | NEWUTS)
        else:
            group = os.getegid()
            _call("unshare", NEWUSER | NEWNS | NEWNET | NEWUTS)
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"65534 {user} 1")
            _write("/proc/self/gid_map", f"65534 {group} 1")
        _build(plan)
        plan.namespaces = True
    except OSError as error:
        plan.missing.append(
            f"This machine gives the worker no file system and network of its own ({error})."
        )


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _build(plan: Plan) -> None:
    """Mount what a worker may see on the empty folder."""
    root = plan.root
    _mount("none", "/", None, REC | PRIVATE)
    _mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "size=1m,mode=755")
    for folder in dict.fromkeys([*LIBRARIES, *_python_folders()]):
        if os.path.islink(folder) and folder in LIBRARIES:
            os.symlink(os.readlink(folder), root + folder)
        elif os.path.isdir(folder):
            os.makedirs(root + folder, exist_ok=True)
            _bind(folder, root + folder)
    os.makedirs(root + "/dev", exist_ok=True)
    for device in DEVICES:
        with open(root + device, "w"):
            pass
        _mount(device, root + device, None, BIND)
    for path in plan.hidden:
        _mask(root + path)
    os.makedirs(root + BOX, exist_ok=True)
    if not os.path.lexists(root + "/tmp"):
        os.symlink("box", root + "/tmp")
    _mount("none", root, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV)


def _python_folders() -> list[str]:
    """Return the folders from which Python imports, and those in which they stand by true name."""
    folders = [p for p in sys.path if os.path.isdir(p)] + [os.path.join(sys.base_prefix, "lib")]
    return [name for p in folders for name in (os.path.abspath(p), os.path.realpath(p))]


def _under(path: str, folders: Sequence[str]) -> bool:
    return any(path == f or path.startswith(f.rstrip("/") + "/") for f in folders)


def _bind(source: str, target: str) -> None:
    _mount(source, target, None, BIND)
    flags = os.statvfs(target).f_flag & (NODEV | NOEXEC | NOATIME | NODIRATIME)
    _mount("none", target, None, REMOUNT | BIND | RDONLY | NOSUID | flags)


def _mask(target: str) -> None:
    if os.path.isdir(target):
        _mount("tmpfs", target, "tmpfs", RDONLY | NOSUID | NODEV, "size=4k,mode=000")
    elif os.path.exists(target):
        _mount("/dev/null", target, None, BIND)


def tidy(plan: Plan) -> None:
    """Take away the folder on which the file system was built, also when the grader was killed."""
    if plan.namespaces:
        _libc().umount2(os.fsencode(plan.root), 2)  # MNT_DETACH
    shutil.rmtree(plan.root, ignore_errors=True)


def separate(plan: Plan) -> None:
    """Give the next child processes their own process numbers; called once per submission."""
    if plan.namespaces:
        _call("unshare", NEWNS | NEWPID | NEWIPC)
    elif sys.platform.startswith("linux"):
        _libc().prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans come to this process


def enter(plan: Plan, box: str) -> None:
    """Leave the machine behind: in the child that is going to run the student's code.

    Parameters
    ----------
    plan : Plan
        What was prepared; its `missing` grows.
    box : str
        The only folder in which the child may write, where there is no file system of its own.
    """
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if plan.namespaces:
        size = f"size={2 * plan.files},nr_inodes=1000,mode=777"
        _mount("tmpfs", plan.root + BOX, "tmpfs", NOSUID | NODEV, size)
        os.chroot(plan.root)
        box = BOX
    os.chdir(box)
    for name in [n for n in os.environ if n not in ("PATH", "LANG", "LC_ALL", "OMP_NUM_THREADS")]:
        del os.environ[name]
    os.environ.update(HOME=box, TMPDIR=box, TEMP=box)
    _limit(plan, root)
    if root:
        try:
            os.setgroups([])
            os.setresgid(plan.user, plan.user, plan.user)
            os.setresuid(plan.user, plan.user, plan.user)
        except OSError as error:
            plan.missing.append(f"This root cannot become another user ({error.strerror}).")
    elif hasattr(os, "geteuid") and not plan.namespaces:
        plan.missing.append("This is not root: a submission runs with your own rights.")
    if sys.platform.startswith("linux"):
        _libc().prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        _call("capset", header, nothing)
        _libc().prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    _find_readable(plan)
    sys.addaudithook(_hook(plan.hidden, box))


def _limit(plan: Plan, alone: bool) -> None:
    try:
        import resource
    except ImportError:
        plan.missing.append("This system has no limits on memory and processes.")
        return
    limits = {"FSIZE": plan.files, "CORE": 0, "NOFILE": 64, "CPU": plan.seconds}
    size = _size()
    if size is not None:
        limits["AS"] = size + plan.memory
    else:
        plan.missing.append("The memory of a submission is not limited.")
    if alone:  # its user has no other process
        limits["NPROC"] = plan.processes
    else:
        plan.missing.append("The number of processes is limited by Python only.")
    for name, value in limits.items():
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
        except (ValueError, OSError):
            plan.missing.append(f"The limit {name} could not be set.")


def _size() -> int | None:
    """Return the address space that Python takes now, measured before the files are left behind."""
    return _SIZE[0] if _SIZE else None


_SIZE: list[int] = []


def measure_size() -> None:
    """Keep the present size of the process for `enter`."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[0])
        _SIZE[:] = [pages * os.sysconf("SC_PAGE_SIZE")]
    except (OSError, ValueError, AttributeError):
        _SIZE.clear()


def _find_readable(plan: Plan) -> None:
    """Try what a submission would try."""
    if not os.access(os.path.dirname(os.__file__), os.R_OK | os.X_OK):
        plan.missing.append(UNREADABLE)
    for path in plan.hidden:
        try:
            found = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        except OSError:
            continue
        if found:
            plan.missing.append(
                f"{os.path.basename(path)} can be read by other users, against an audit hook only."
            )


REFUSED = {
    "os.fork": "start processes",
    "os.forkpty": "start processes",
    "os.exec": "start processes",
    "os.posix_spawn": "start processes",
    "os.spawn": "start processes",
    "os.startfile": "start processes",
    "os.system": "start processes",
    "pty.spawn": "start processes",
    "subprocess.Popen": "start processes",
    "os.kill": "signal processes",
    "os.killpg": "signal processes",
}
REFUSED_FAMILIES = {"socket": "use the network", "ctypes": "use ctypes", "winreg": "use winreg"}
CHANGES = {"os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"} | {
    "os.symlink",
    "os.truncate",
}


def _hook(hidden: Sequence[str], box: str) -> Any:
    """Return a function that Python calls before it opens files, starts processes and the like."""
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
    inside, secret = (os.path.realpath(box), "/dev/null"), tuple(map(os.path.realpath, hidden))
    realpath, fsdecode, families = os.path.realpath, os.fsdecode, REFUSED_FAMILIES
    refused, changes, under = REFUSED, CHANGES, _under
    tops = (*secret, "/proc")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int):
                return
            name = realpath(fsdecode(path))
            if under(name, tops):
                raise PermissionError("this file must not be read while grading")
            if flags and flags & writes and not under(name, inside):
                raise PermissionError("files can be written in the own folder only")
            return
        if event in refused:
            raise PermissionError(f"a submission must not {refused[event]}")
        if event in changes:
            for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
                if isinstance(path, str | bytes) and not under(realpath(fsdecode(path)), inside):
                    raise PermissionError("files can be changed in the own folder only")
            return
        if event in ("os.listdir", "os.scandir") and isinstance(arguments[0], str | bytes):
            if under(realpath(fsdecode(arguments[0])), tops):
                raise PermissionError("this folder must not be read while grading")
            return
        family = event.partition(".")[0]
        if family in families and not (event == "ctypes.dlopen" and arguments[0] is None):
            raise PermissionError(f"a submission must not {families[family]}")

    return hook
