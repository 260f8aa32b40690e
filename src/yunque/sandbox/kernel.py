"""What the room asks of the Linux kernel, by number, through ctypes: landlock, seccomp, namespaces, mounts, capabilities.

The worker imports this file alone, without the package, so it uses nothing but the standard library.

Covered: x86-64 and aarch64. Every call that fails raises OSError with the call's name in it.
Not covered: other machines (`machine()` is None there, and the tiers above refuse).
"""

import ctypes
import functools
import os
import struct

# ------------------------------------------------------------------------------------------------------------- machines
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The word seccomp shows as a call's architecture; a 32-bit call made by a 64-bit program shows another one."""

FIRST_UNKNOWN = 463
"""Calls from here on came after this filter was written: they do not exist for the program (ENOSYS), and libc falls back."""

# Name -> number on x86-64, number on aarch64; None where the machine has no such call. From 424 on both agree.
CALLS = {
    "accept": (43, 202), "accept4": (288, 242), "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171),
    "bind": (49, 200), "bpf": (321, 280), "capset": (126, 91), "chmod": (90, None), "chown": (92, None),
    "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112), "clone": (56, 220),
    "clone3": (435, 435), "connect": (42, 203), "delete_module": (176, 106), "fanotify_init": (300, 262),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "fchown": (93, 55), "fchownat": (260, 54),
    "fcntl": (72, 25), "finit_module": (313, 273), "fremovexattr": (199, 16), "fsconfig": (431, 431),
    "fsetxattr": (190, 7), "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433), "futimesat": (261, None),
    "init_module": (175, 105), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "ioctl": (16, 29), "ioperm": (173, None), "iopl": (172, None), "ioprio_set": (251, 30),
    "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219), "kill": (62, 129),
    "landlock_add_rule": (445, 445), "landlock_create_ruleset": (444, 444), "landlock_restrict_self": (446, 446),
    "lchown": (94, None), "listen": (50, 201), "listmount": (458, 458), "lookup_dcookie": (212, 18),
    "lremovexattr": (198, 15), "lsetxattr": (189, 6), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "migrate_pages": (256, 238), "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "move_pages": (279, 239), "mq_open": (240, 180), "msgget": (68, 186),
    "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "pivot_root": (155, 41),
    "prlimit64": (302, 261), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "reboot": (169, 142), "removexattr": (197, 14), "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "semget": (64, 190),
    "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268), "setpriority": (141, 140),
    "settimeofday": (164, 170), "setxattr": (188, 5), "shmget": (29, 194), "socket": (41, 198), "socketpair": (53, 199),
    "statmount": (457, 457), "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116), "tgkill": (234, 131),
    "tkill": (200, 130), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, None), "userfaultfd": (323, 282),
    "utime": (132, None), "utimensat": (280, 88), "utimes": (235, None), "vhangup": (153, 58),
}  # fmt: skip


def machine() -> str | None:
    """``x86_64`` or ``aarch64`` when this process makes that machine's 64-bit calls, else None."""
    uname = os.uname()
    known = uname.sysname == "Linux" and uname.machine in AUDIT_ARCH and struct.calcsize("P") == 8
    return uname.machine if known else None


def number(name: str) -> int | None:
    """The number of a call on this machine, or None."""
    return CALLS[name][0 if machine() == "x86_64" else 1]


# ---------------------------------------------------------------------------------------------------------------- calling
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _syscall(name: str, *arguments: object) -> int:
    """Make a call by its name; integers go as longs, for a bare int may leave half of its register undefined."""
    longs = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    _libc.syscall.restype = ctypes.c_long
    return _checked(_libc.syscall(ctypes.c_long(number(name) or -1), *longs), name)


def _prctl(what: str, option: int, value: int = 0, pointer: object = None) -> int:
    return _checked(_libc.prctl(option, ctypes.c_ulong(value), pointer or ctypes.c_ulong(0), 0, 0), what)


def die_with_parent() -> None:
    """Let the kernel kill this process when the thread that made it ends."""
    _prctl("prctl(PR_SET_PDEATHSIG)", 1, 9)


def adopt_orphans() -> None:
    """Make this process the new parent of every orphan below it, so that none can slip away."""
    _prctl("prctl(PR_SET_CHILD_SUBREAPER)", 36, 1)


def hide_from_ptrace() -> None:
    """Make this process undumpable: nobody without privileges attaches to it or reads its memory."""
    _prctl("prctl(PR_SET_DUMPABLE)", 4, 0)


def forbid_new_privileges() -> None:
    """Make set-uid bits and file capabilities do nothing from here on."""
    _prctl("prctl(PR_SET_NO_NEW_PRIVS)", 38, 1)


def empty_bounding_set() -> None:
    """Let no later `execve` give a capability back. Without CAP_SETPCAP it does nothing."""
    for capability in range(64):
        if _libc.prctl(24, ctypes.c_ulong(capability), 0, 0, 0) < 0:  # PR_CAPBSET_DROP: EINVAL past the last one
            break


def drop_capabilities() -> None:
    """Empty this process's ambient, effective, permitted and inheritable capabilities."""
    _prctl("prctl(PR_CAP_AMBIENT_CLEAR_ALL)", 47, 4)
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _syscall("capset", header, ctypes.create_string_buffer(24))


# ------------------------------------------------------------------------------------------------------------- namespaces
NEW_ALL = 0x20000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEW NS, UTS, IPC, USER, PID and NET."""
_ANY_NAMESPACE = NEW_ALL | 0x2000000
_BIND, _REC, _PRIVATE, _DETACH = 0x1000, 0x4000, 1 << 18, 2
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC = 1, 2, 4, 8
"""Mount flags; `mount_setattr` uses the same values."""


INNER_UID = 1000
"""Who a program is inside its user namespace."""


def clone_into_namespaces() -> int:
    """Fork into six new namespaces: 0 in the child, which is pid 1 there with every capability inside, else its pid."""
    return _syscall("clone", NEW_ALL | 17, 0, 0, 0, 0)  # 17 is SIGCHLD


def make_mounts_private() -> None:
    """Cut this mount namespace off: nothing mounted here is seen outside, nor the other way round."""
    _mount("none", "/", "", _REC | _PRIVATE)


def bind(source: str, target: str, flags: int) -> None:
    """Show ``source`` and all mounted below it at ``target``, every mount of it at least as strict as ``flags``."""
    _mount(source, target, "", _BIND | _REC)
    restrict_mount(target, flags, below=True)


def restrict_mount(target: str, flags: int, *, below: bool = False) -> None:
    """Add flags to a mount; ``below``: and to every mount under it."""
    attributes = ctypes.create_string_buffer(struct.pack("=4Q", flags, 0, 0, 0), 32)
    _syscall("mount_setattr", -100, os.fsencode(target), 0x8000 if below else 0, attributes, 32)


def mount_new(kind: str, target: str, flags: int, options: str) -> None:
    """Mount a fresh file system of that kind."""
    _mount(kind, target, kind, flags, options)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    encoded = [os.fsencode(text) for text in (source, target, kind)]
    what = f"mount {kind or source} on {target}"
    _checked(_libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(options) or None), what)


def unmount(target: str) -> None:
    """Take a mount away, also one that is still in use."""
    _checked(_libc.umount2(os.fsencode(target), _DETACH), f"umount {target}")


def change_root(path: str) -> None:
    """Make the mount at ``path`` the root and let go of the old root altogether, which `chroot` would not."""
    os.chdir(path)
    _syscall("pivot_root", b".", b".")
    _checked(_libc.umount2(b".", _DETACH), "umount2")
    os.chdir("/")


# --------------------------------------------------------------------------------------------------------------- landlock
_EXECUTE, _WRITE, _READ, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK, _TRUNCATE, _IOCTL_DEV = 1 << 6, 1 << 9, 1 << 11, 1 << 14, 1 << 15
_NOT_IN_SCRATCH = _MAKE_CHAR | _MAKE_SOCK | _MAKE_BLOCK | _IOCTL_DEV
_RIGHTS_BITS = {1: 13, 2: 14, 3: 15, 4: 15}  # from 5 on, 16
_FILE_RIGHTS = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL_DEV


def landlock_abi() -> int:
    """The version of landlock this kernel speaks; 0 when it has none, or has it switched off."""
    if machine() is None:
        return 0
    _libc.syscall.restype = ctypes.c_long
    return max(0, _libc.syscall(ctypes.c_long(444), None, ctypes.c_long(0), ctypes.c_long(1)))


def allow_files(readable: list[str], writable: list[str], devices: list[str], listable: list[str]) -> int:
    """A ruleset that allows these files, no TCP, and no signal or abstract socket to the outside: a descriptor to enter.

    Of what is ``listable`` names may be read, and nothing else.
    """
    abi = landlock_abi()
    handled = (1 << _RIGHTS_BITS.get(abi, 16)) - 1
    attributes = struct.pack("=3Q", handled, 0b11, 0b11)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = _syscall("landlock_create_ruleset", ctypes.create_string_buffer(attributes), len(attributes), 0)
    for paths, rights in (
        (readable, _EXECUTE | _READ | _READ_DIR),
        (writable, handled & ~_NOT_IN_SCRATCH),
        (devices, _READ | _WRITE),
        (listable, _READ_DIR),
    ):
        for path in paths:
            _allow_below(ruleset, path, rights & handled)
    return ruleset


def enter_ruleset(ruleset: int) -> None:
    """Hold this process and all its children to a ruleset, for good."""
    _syscall("landlock_restrict_self", ruleset, 0)


def _allow_below(ruleset: int, path: str, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS  # the kernel refuses folder rights on a file
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, handle))
        _syscall("landlock_add_rule", ruleset, 1, rule, 0)
    finally:
        os.close(handle)


# ---------------------------------------------------------------------------------------------------------------- seccomp
_EPERM, _ENOSYS = 1, 38
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_AT_NUMBER, _AT_ARCH = 0, 4

_REFUSED = [
    # the network and other processes' mailboxes
    "socket", "connect", "bind", "listen", "accept", "accept4", "msgget", "semget", "shmget", "mq_open",
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "pidfd_getfd",
    "sched_setparam", "sched_setscheduler", "sched_setattr", "sched_setaffinity", "setpriority", "ioprio_set",
    "migrate_pages", "move_pages",
    # namespaces, mounts, roots
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "statmount", "listmount", "open_by_handle_at", "name_to_handle_at",
    "fanotify_init",
    # the machine
    "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "kexec_load", "kexec_file_load",
    "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff", "sethostname", "setdomainname",
    "syslog", "acct", "quotactl", "quotactl_fd", "nfsservctl", "vhangup", "iopl", "ioperm", "modify_ldt", "uselib",
    "lookup_dcookie", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
]  # fmt: skip
# Programs ask, hear that they do not exist, and take the older road: glibc makes threads without clone3 only on ENOSYS.
_ABSENT = [
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create", "memfd_secret",
]  # fmt: skip
# Landlock does not watch over modes, owners, times and attributes. A refusal breaks `shutil.copy`, so they "succeed".
_METADATA = [
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
    "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "utime", "utimes", "futimesat", "utimensat",
]  # fmt: skip


def restrict_calls(*, pretend_metadata: bool = False, signals_only_to: int | None = None) -> None:
    """Filter this process's system calls, and those of all its children, for good.

    ``pretend_metadata``: changes of mode, owner and times do nothing and report success, where there are no own mounts.
    ``signals_only_to``: signals reach that pid and the own process group only; for kernels whose landlock cannot scope them.
    """
    program = assemble_filter(pretend_metadata=pretend_metadata, signals_only_to=signals_only_to)
    code = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    _prctl("prctl(PR_SET_SECCOMP)", 22, 2, header)


@functools.cache
def assemble_filter(pretend_metadata: bool, signals_only_to: int | None) -> bytes:
    """The filter's instructions as the kernel reads them, 8 bytes each; remembered, also across a fork."""
    return b"".join(struct.pack("=HBBI", *line) for line in _filter_program(pretend_metadata, signals_only_to))


def _filter_program(pretend_metadata: bool, signals_only_to: int | None) -> list[tuple[int, int, int, int]]:
    """The filter, as (operation, jump if true, jump if false, value) lines: decide by number, then by single arguments."""
    arch = machine()
    if arch is None:
        raise OSError(_ENOSYS, "seccomp: no filter is known for this machine")
    lines = [(_LOAD, 0, 0, _AT_ARCH), (_IF_EQUAL, 1, 0, AUDIT_ARCH[arch]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _AT_NUMBER)]
    if arch == "x86_64":
        lines += [(_IF_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]  # the x32 numbers, which would dodge the list
    lines += [(_IF_AT_LEAST, 0, 1, FIRST_UNKNOWN), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    answers = {name: _refuse_all(_EPERM) for name in _REFUSED} | {name: _refuse_all(_ENOSYS) for name in _ABSENT}
    if pretend_metadata:
        answers |= {name: _refuse_all(0) for name in _METADATA}
    if signals_only_to is not None:
        others = ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
        answers |= {name: _refuse_all(_EPERM) for name in others}
        answers |= {"kill": _demand((0, {signals_only_to, 0})), "tgkill": _demand((0, {signals_only_to}))}
    # asyncio and multiprocessing need pairs; a datagram pair could still be pointed at a stranger's address, a stream cannot
    answers["socketpair"] = _demand((0, {1}), (1, {1}), mask=0xF)
    answers["prlimit64"] = _demand((0, {0}))  # the limits of others, such as the watching process
    answers["fcntl"] = _refuse(1, {8, 10, 15})  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals by way of a file
    answers["ioctl"] = _refuse(1, {0x8901, 0x8902, 0x5412, 0x541C})  # the same by ioctl; typing into a terminal
    answers["clone"] = [(_LOAD, 0, 0, _low_word(0)), (_IF_ANY_BIT, 0, 1, _ANY_NAMESPACE), *_refuse_all(_EPERM), *_ALLOWED]
    known = {number(name): lines for name, lines in answers.items() if number(name) is not None}
    return lines + _tree(sorted(known.items()))


_Lines = list[tuple[int, int, int, int]]
_ALLOWED: _Lines = [(_RETURN, 0, 0, _ALLOW)]


def _tree(answers: list[tuple[int, _Lines]]) -> _Lines:
    """Lines that find a call by halving: at every start the kernel tries the filter on every call there is."""
    if len(answers) > 3:
        middle = len(answers) // 2
        below, above = _tree(answers[:middle]), _tree(answers[middle:])
        return [(_IF_AT_LEAST, len(below), 0, answers[middle][0]), *below, *above]
    return [line for call, lines in answers for line in ((_IF_EQUAL, 0, len(lines), call), *lines)] + _ALLOWED


def _low_word(argument: int) -> int:
    """Where the filter finds the lower half of an argument; both machines are little-endian."""
    return 16 + 8 * argument


def _refuse_all(errno: int) -> _Lines:
    """Lines that answer a call with an error, or with success that did nothing (0)."""
    return [(_RETURN, 0, 0, _ERRNO | errno)]


def _demand(*rules: tuple[int, set[int]], mask: int = 0xFFFFFFFF) -> _Lines:
    """Lines that allow a call only when each (argument, values) rule holds: the argument is one of the values.

    ``mask``: only these bits of the last rule's argument are looked at.
    """
    lines: _Lines = []
    for at, (argument, values) in enumerate(rules):
        bits = mask if at == len(rules) - 1 else 0xFFFFFFFF
        tests = [(_IF_EQUAL, len(values) - place, 0, value & 0xFFFFFFFF) for place, value in enumerate(sorted(values))]
        lines += [(_LOAD, 0, 0, _low_word(argument)), (_AND, 0, 0, bits), *tests, *_refuse_all(_EPERM)]
    return lines + _ALLOWED


def _refuse(argument: int, values: set[int]) -> _Lines:
    """Lines that refuse a call when the argument is one of the values, and allow it otherwise."""
    tests = [line for value in sorted(values) for line in ((_IF_EQUAL, 0, 1, value), *_refuse_all(_EPERM))]
    return [(_LOAD, 0, 0, _low_word(argument)), *tests, *_ALLOWED]
