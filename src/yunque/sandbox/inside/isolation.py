"""What stands between a program and the machine, tier by tier: the place it runs in, and the steps to give up all else.

The worker imports this file alone, without the package, so it uses nothing but the standard library.

===========  =================================  ==============================================  ============================
tier         its file system                    its scratch folder                              who it is
===========  =================================  ==============================================  ============================
namespaces   a root of its own, made of binds   on a tmpfs mounted for one job, /dev/shm too     uid 1000 of a user namespace
bwrap        a root that bubblewrap made        a folder on a tmpfs of the worker's             uid 1000 of a user namespace
landlock     the machine's, locked by path      a folder on the machine's disk                  private uid (root), or you
rlimits      the machine's                      a folder on the machine's disk                  private uid (root), or you
===========  =================================  ==============================================  ============================

The order matters: no new privileges (already in the worker), user, folder, landlock, limits, and seccomp last, since it
forbids the calls before it.
"""

import abc
import contextlib
import os
import resource
import time
from collections.abc import Callable

import kernel  # beside this file: the package itself is not imported here, it would cost more than the whole start
import scratch
import seccomp

TREE = "/tree"
"""Where a root of its own shows the tree that the scratch folder is filled from; no program may read it."""
DEVICES = ("/dev/null", "/dev/full")
READ_DEVICES = ("/dev/zero", "/dev/random", "/dev/urandom")
"""Read only: a shared mapping of /dev/zero that may be written is memory that nobody counts, and entropy is not ours."""
_ROOT = "/sys"
"""Where the new root is put together: a folder that every Linux has and no job may read, hidden in this namespace alone."""
_MAX_FILES = 65_536
_REMOVED_AT_ONCE = 2_000
"""Files that the next job waits for to be removed; more of them are left to the runner."""


# ------------------------------------------------------------------------------------------------------------------- grounds
class Ground(abc.ABC):
    """Where the jobs of one worker run, one after the other: ``path`` is the scratch folder."""

    def __init__(self, place: dict) -> None:
        self.place, self.path = place, place["scratch"]
        self.isolated = place["tier"] != "rlimits"
        self.rulesets: list[int] = []
        """To be held to one after the other: a program may do what all of them allow."""

    def prepare(self) -> None:
        """Do once, in the worker, what every fork of it would do again: nothing of it binds the worker's own hands."""
        kernel.empty_bounding_set()
        if self.isolated:
            kernel.forbid_new_privileges()
            seccomp.assemble_filter(**_filter_options(self))

    def fresh(self) -> None:
        """Make an empty scratch folder that is the program's own, and copy the tree into it."""
        self._make()
        self.given = scratch.copy_tree(self.place["tree"], self.path, self.owner) if self.place["tree"] else (0, 0)

    def is_overfull(self) -> bool:
        """Whether the program has written more than it may; never where its file system itself refuses that."""
        return False

    @abc.abstractmethod
    def clear(self, in_fork: Callable[[Callable[[], None]], None]) -> None:
        """Remove the scratch folder and all that is in it; whatever meets the names there is done by ``in_fork``."""

    @property
    def owner(self) -> int | None:
        """The program's uid as this worker says it; None when it is the worker's own."""
        return self.place["uid"]

    @abc.abstractmethod
    def _make(self) -> None:
        """Make the scratch folder, empty and the program's own."""


class FolderGround(Ground):
    """An ordinary folder, alone in a folder of the worker's (tiers landlock and rlimits, and inside bubblewrap)."""

    def __init__(self, place: dict) -> None:
        super().__init__(place)
        self.set_aside = 0
        above = os.path.dirname(self.path)
        if place["tier"] != "bwrap":
            os.mkdir(above, 0o711)
        if self.isolated:  # what is readable takes hundreds of rules: once, and for the folder that is made for a job a few
            readable = [*place["readable"], *(["/proc"] if place["tier"] == "bwrap" else []), *READ_DEVICES]
            self.rulesets = [kernel.allow_files(readable, [above], list(DEVICES), place["listable"])]

    def is_overfull(self) -> bool:
        """Whether it holds too many files, or too much: counted (in a fork) once the disk has lost so much that it might."""
        now = os.statvfs(self.path)
        few = now.f_files and self.before.f_ffree - now.f_ffree < _MAX_FILES // 2
        small = (self.before.f_bfree - now.f_bfree) * now.f_frsize < self.place["disk_bytes"] // 2
        if (few and small) or time.monotonic() < self.next_count:
            return False
        started = time.monotonic()
        counter = os.fork()
        if counter == 0:
            try:
                files, size = scratch.census(self.path, self.given[0] + _MAX_FILES)
                too_many = files - self.given[0] > _MAX_FILES or size - self.given[1] > self.place["disk_bytes"]
                os._exit(int(too_many))
            finally:
                os._exit(0)
        status = os.waitpid(counter, 0)[1]
        self.next_count = time.monotonic() + 5 * (time.monotonic() - started)
        return bool(status)

    def clear(self, in_fork: Callable[[Callable[[], None]], None]) -> None:
        """Close the ruleset that knows this very folder, and remove it; one of many files is set aside for the runner."""
        if len(self.rulesets) > 1:
            os.close(self.rulesets.pop())
        if not os.path.isdir(self.path):
            return
        with contextlib.suppress(OSError):
            os.rmdir(self.path)
            return
        at_most = None if self.place["tier"] == "bwrap" else _REMOVED_AT_ONCE
        in_fork(lambda: scratch.remove_folder(self.path, at_most))
        if os.path.isdir(self.path):
            self.set_aside += 1
            aside = os.path.dirname(os.path.dirname(self.path))
            os.rename(self.path, f"{aside}/{scratch.SET_ASIDE}{self.set_aside}")

    def _make(self) -> None:
        os.mkdir(self.path, 0o755)
        self.before, self.next_count = os.statvfs(self.path), 0.0
        if self.owner is not None:
            os.chown(self.path, self.owner, self.owner)
        if self.isolated:
            self.rulesets.append(kernel.allow_files(["/"], [self.path], list(DEVICES), []))


class MountedGround(Ground):
    """A root of binds and a tmpfs for every job (tier namespaces). The caller is pid 1 of fresh namespaces."""

    def __init__(self, place: dict) -> None:
        super().__init__(place)
        self.box = os.path.dirname(self.path)
        self.shared = f"{self.box}/shm"
        self._build_root()
        self.size = place["disk_bytes"] + (scratch.tree_bytes(TREE) if place["tree"] else 0)
        if place["tree"]:
            place["tree"] = TREE
        # What may be written lies on a file system that is mounted below this folder of the read-only root, job by job;
        # a rule for the folder that it is mounted on would not be seen behind it.
        writable = [os.path.dirname(self.box)]
        readable = [*place["readable"], "/proc", *READ_DEVICES]
        self.rulesets = [kernel.allow_files(readable, writable, list(DEVICES), place["listable"])]

    @property
    def owner(self) -> int | None:
        """The program's uid inside; None when only one is mapped."""
        return None if self.place["uid"] is None else kernel.INNER_UID

    def _build_root(self) -> None:
        """Make a root that holds what the program may read, mount points, a few devices and a /proc of its own."""
        kernel.make_mounts_private()
        strict = kernel.NO_SUID | kernel.NO_DEV
        kernel.mount_new("tmpfs", _ROOT, strict, "mode=755,size=1m")
        shown: list[str] = []
        for path in sorted(self.place["readable"]):
            if not any(path.startswith(f"{above}/") for above in shown):
                kernel.bind(path, _mount_point(path, os.path.isdir(path)), kernel.READ_ONLY | strict)
                shown.append(path)
        if self.place["tree"]:
            kernel.bind(self.place["tree"], _mount_point(TREE, True), kernel.READ_ONLY | strict | kernel.NO_EXEC)
        for path in (*DEVICES, *READ_DEVICES):
            flags = kernel.NO_SUID | kernel.NO_EXEC | kernel.READ_ONLY  # it can be written to, and its times cannot be set
            kernel.bind(path, _mount_point(path, False), flags)
        try:
            kernel.mount_new("proc", _mount_point("/proc", True), strict | kernel.NO_EXEC, "hidepid=2,subset=pid")
            os.symlink("/proc/self/fd", f"{_ROOT}/dev/fd")
        except PermissionError:
            pass  # inside many containers a fresh /proc is refused: the program then has none at all, which is stricter
        _mount_point(self.box, True)
        os.symlink(self.shared, f"{_ROOT}/dev/shm")
        kernel.restrict_mount(_ROOT, kernel.READ_ONLY | strict)
        kernel.change_root(_ROOT)

    def _make(self) -> None:
        strict = kernel.NO_SUID | kernel.NO_DEV
        kernel.mount_new("tmpfs", self.box, strict, f"mode=755,size={self.size},nr_inodes={_MAX_FILES}")
        for path in (self.path, self.shared):
            os.mkdir(path, 0o755)
            if self.owner is not None:
                os.chown(path, self.owner, self.owner)

    def clear(self, in_fork: Callable[[Callable[[], None]], None]) -> None:
        """Take the file system away; it goes with all that is in it."""
        kernel.unmount(self.box)


def _mount_point(path: str, folder: bool) -> str:
    """An empty folder or file at ``path`` below the new root, to mount on."""
    point = _ROOT + path
    if folder:
        os.makedirs(point, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(point), exist_ok=True)
        os.close(os.open(point, os.O_CREAT | os.O_RDONLY, 0o644))
    return point


# ---------------------------------------------------------------------------------------------------------- giving up rights
def give_up_rights(ground: Ground) -> None:
    """Become the program's user, go to its folder, and hold no capability and no other file."""
    if ground.owner is not None:
        os.setgroups([])
        os.setresgid(ground.owner, ground.owner, ground.owner)
        os.setresuid(ground.owner, ground.owner, ground.owner)
    elif ground.isolated:
        kernel.drop_capabilities()  # giving up uid 0 does the same
    os.chdir(ground.path)
    for ruleset in ground.rulesets:
        kernel.enter_ruleset(ruleset)


def limit(limits: dict, processes: int) -> None:
    """Set the resource limits; where the user's own hard limit is lower already, that one stays."""
    cpu_s = max(1, -int(-limits["cpu_s"] // 1))
    wanted = {
        resource.RLIMIT_CORE: (1, 1),  # 0 would not keep the kernel from starting a program that takes the core; 1 does
        resource.RLIMIT_SIGPENDING: (256, 256),  # a user's processes share how many may wait
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),  # SIGXCPU, and a second later SIGKILL
        resource.RLIMIT_NOFILE: (512, 512),
        resource.RLIMIT_FSIZE: (limits["file_bytes"],) * 2,
        resource.RLIMIT_NPROC: (processes,) * 2,
        resource.RLIMIT_MEMLOCK: (1 << 16,) * 2,
        resource.RLIMIT_AS: (limits["address_space_bytes"],) * 2,
    }
    for what, pair in wanted.items():
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, tuple(value if hard == resource.RLIM_INFINITY else min(value, hard) for value in pair))


def restrict_calls(ground: Ground) -> None:
    """Seccomp: the program and all it starts never make certain calls."""
    if ground.isolated:
        seccomp.restrict_calls(**_filter_options(ground))


def _filter_options(ground: Ground) -> dict:
    """Without mounts, a pid namespace, or a group that counts its memory, a program needs more rules."""
    alone = ground.place["tier"] == "landlock"
    same_user = alone and ground.place["uid"] is None
    only_to = os.getpid() if same_user and kernel.landlock_abi() < 6 else None
    return {"pretend_metadata": alone, "signals_only_to": only_to, "shared_memory": ground.place["counted"]}
