"""The system calls that a program may make: a seccomp filter, assembled here and read by the kernel.

Covered: x86-64 and aarch64, and calls of the other mode of either machine, which end the process.
Not covered: what a call does with memory that it is pointed at, which a filter cannot read.
"""

import ctypes
import functools
import struct

if __name__.startswith("yunque."):
    from yunque.sandbox.inside.kernel import (
        ANY_NAMESPACE,
        AUDIT_ARCH,
        FIRST_UNKNOWN,
        forbid_new_privileges,
        machine,
        number,
        prctl,
    )
else:  # in the worker, which imports its neighbours without the package
    from kernel import ANY_NAMESPACE, AUDIT_ARCH, FIRST_UNKNOWN, forbid_new_privileges, machine, number, prctl

_EPERM, _EINVAL, _ENOTTY, _ENOSYS, _ENOTSUP = 1, 22, 25, 38, 95
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _AND, _RETURN, _JUMP = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06, 0x05
_AT_NUMBER, _AT_ARCH = 0, 4
# What a program may ask of the kernel; everything else is refused (EPERM). What each language needs: docs/sandbox.md.
_ALLOWED = [
    # files
    "read", "write", "open", "close", "stat", "fstat", "lstat", "newfstatat", "statx", "poll", "lseek", "pread64",
    "pwrite64", "readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2", "access", "faccessat", "faccessat2",
    "pipe", "pipe2", "dup", "dup2", "dup3", "sendfile", "copy_file_range", "splice", "tee", "fsync", "fdatasync",
    "sync_file_range", "truncate", "ftruncate", "fallocate", "fadvise64", "readahead", "getdents", "getdents64",
    "getcwd", "chdir", "fchdir", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "creat", "link",
    "linkat", "unlink", "unlinkat", "symlink", "symlinkat", "readlink", "readlinkat", "umask", "openat", "openat2",
    "mknod", "mknodat", "statfs", "fstatfs",
    # memory
    "mprotect", "munmap", "brk", "mremap", "msync", "mincore", "madvise", "mlock", "mlock2", "munlock", "pkey_alloc",
    "pkey_free", "pkey_mprotect", "membarrier", "rseq", "map_shadow_stack",
    # processes
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "getppid", "gettid",
    "getpgrp", "getpgid", "setpgid", "setsid", "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid",
    "getresgid", "getgroups", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
    "setfsgid", "capget", "arch_prctl", "setrlimit", "getrlimit", "getrusage", "sysinfo", "times", "uname",
    "pidfd_open",
    # the scheduler, to be asked
    "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_getattr",
    "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "getcpu", "getpriority",
    # signals
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
    "sigaltstack", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "pause",
    # time
    "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "getitimer", "setitimer",
    "alarm", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "timerfd_create",
    "timerfd_settime", "timerfd_gettime",
    # waiting for other threads
    "futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "set_robust_list", "get_robust_list",
    "set_tid_address", "restart_syscall", "set_thread_area", "get_thread_area",
    # waiting for descriptors
    "select", "pselect6", "ppoll", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
    # what passes through a pair of sockets
    "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "getsockname", "getpeername",
    "getsockopt",
    # the rest
    "getrandom", "close_range",
]  # fmt: skip
# Allowed by their arguments: `_filter_program`. Landlock does not watch over modes, owners and times; without mounts of its
# own a program's changes of them "succeed" and do nothing, for a refusal would break `shutil.copy`.
_METADATA = [
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat",
    "utimensat",
]  # fmt: skip
# Locks on files outside, larger buffers of sockets, the whole machine's disks: these "succeed" and do nothing.
_PRETENDED = ["flock", "setsockopt", "sync", "syncfs"]
# As on a file system that has none: what is written there would outlive the job.
_UNSUPPORTED = [
    "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "setxattr", "lsetxattr", "fsetxattr",
    "removexattr", "lremovexattr", "fremovexattr",
]  # fmt: skip
# Programs ask, hear that they do not exist, and take the older road: glibc makes threads without clone3 only on ENOSYS.
_ABSENT = [
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create", "memfd_secret", "io_setup",
    "inotify_init", "inotify_init1", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp",
    "userfaultfd", "cachestat",
]  # fmt: skip
_FCNTL = {
    0, 1, 2, 3, 4, 1030,  # descriptors and their flags
    5, 36,  # locks, to be asked: nobody has any
    9, 11, 1032, 1034,  # owner, signal, size of a pipe and seals, to be asked
}  # fmt: skip
"""Not F_SETOWN and F_SETSIG (signals by way of a file), leases and notices, or the size of a pipe, which a user shares."""
_FCNTL_PRETENDED = {6, 7, 37, 38}
"""Locks: "taken", and nothing is done. As with `flock`, one on a file outside would be seen by whoever else reads that."""
_IOCTL = {0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451}
"""Is it a terminal, whose, how large; bytes to read; not waiting; close on exec. Nothing that changes flags of a file."""
_PRCTL = {
    1, 2, 3, 4, 7, 8, 15, 16, 21, 22, 23, 27, 29, 30, 37, 38, 39, 40, 41, 42, 0x53564D41, 0x59616D61,
}  # fmt: skip
"""Death signal, dumpable, name, seccomp, bounding set (asked), timer slack, no new privileges, huge pages, names of memory,
who may trace it. Not to adopt orphans, which is how they are found."""
_SHARED_ANONYMOUS = 0x21
"""MAP_SHARED and MAP_ANONYMOUS."""
_NAMING = [
    "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "creat", "link", "linkat", "unlink", "unlinkat",
    "symlink", "symlinkat", "mknod", "mknodat", "truncate", "openat2",
]  # fmt: skip
"""With these a program changes files by their names; and with `open`."""
_TO_CHANGE = 0o3 | 0o100 | 0o1000 | 0o20000000
"""Flags of `open`: to write, to make, to empty, to make one without a name."""


def restrict_calls(**options: object) -> None:
    """Filter this process's system calls, and those of all its children, for good. Options: as of `assemble_filter`."""
    _enter_filter(assemble_filter(**options))


def forbid_changes() -> None:
    """Make no file, write to none, and take none away, for good: this process and all its children only read.

    Within a filter of `restrict_calls`, which leaves no other way in; descriptors that are open already stay as they are.
    """
    answers = {name: _refuse_all(_EPERM) for name in (*_NAMING, *_METADATA)}
    answers |= {"open": _demand((1, {0}), mask=_TO_CHANGE), "openat": _demand((2, {0}), mask=_TO_CHANGE)}
    forbid_new_privileges()
    _enter_filter(_packed([(_LOAD, 0, 0, _AT_NUMBER), *_by_number(answers, _ALLOW_ALL)]))


def _enter_filter(program: bytes) -> None:
    code = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    prctl("prctl(PR_SET_SECCOMP)", 22, 2, header)


@functools.cache
def assemble_filter(
    *, pretend_metadata: bool = False, signals_only_to: int | None = None, shared_memory: bool = True
) -> bytes:
    """The filter's instructions as the kernel reads them, 8 bytes each; remembered, also across a fork.

    ``pretend_metadata``: changes of mode, owner and times do nothing and report success, where there are no own mounts.
    ``signals_only_to``: signals reach that pid and the own process group only; for kernels whose landlock cannot scope them.
    ``shared_memory``: memory that processes share may be had; where nothing counts it, unmapped pages of it stay unseen.
    """
    return _packed(_filter_program(pretend_metadata, signals_only_to, shared_memory))


def _filter_program(
    pretend_metadata: bool = False, signals_only_to: int | None = None, shared_memory: bool = True
) -> list[tuple[int, int, int, int]]:
    """The filter, as (operation, jump if true, jump if false, value) lines: decide by number, then by single arguments."""
    arch = machine()
    if arch is None:
        raise OSError(_ENOSYS, "seccomp: no filter is known for this machine")
    lines = [
        (_LOAD, 0, 0, _AT_ARCH),
        (_IF_EQUAL, 1, 0, AUDIT_ARCH[arch]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
    ]
    if arch == "x86_64":
        lines += [(_IF_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]  # the x32 numbers, which would dodge the list
    lines += [(_IF_AT_LEAST, 0, 1, FIRST_UNKNOWN), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    answers = dict.fromkeys((*_ALLOWED, *_METADATA), _ALLOW_ALL)
    answers |= {name: _refuse_all(_ENOSYS) for name in _ABSENT}
    answers |= {name: _refuse_all(0) for name in (*_PRETENDED, *(_METADATA if pretend_metadata else ()))}
    answers |= {name: _refuse_all(_ENOTSUP) for name in _UNSUPPORTED}
    if signals_only_to is not None:
        others = ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
        answers |= {name: _refuse_all(_EPERM) for name in others}
        answers |= {"kill": _demand((0, {signals_only_to, 0})), "tgkill": _demand((0, {signals_only_to}))}
    # asyncio and multiprocessing need pairs; a datagram pair could still be pointed at a stranger's address, a stream cannot
    answers["socketpair"] = _demand((0, {1}), (1, {1}), mask=0xF)
    answers["prlimit64"] = _demand((0, {0}))  # the limits of others, such as the watching process
    answers["fcntl"] = [*_pretend(1, _FCNTL_PRETENDED), *_demand((1, _FCNTL), errno=_EINVAL)]
    answers["ioctl"] = _demand((1, _IOCTL), errno=_ENOTTY)
    answers["prctl"] = _demand((0, _PRCTL), errno=_EINVAL)
    answers["personality"] = _demand((0, {0, 0xFFFFFFFF}))
    answers["clone"] = [
        (_LOAD, 0, 0, _low_word(0)),
        (_IF_ANY_BIT, 0, 1, ANY_NAMESPACE),
        *_refuse_all(_EPERM),
        *_ALLOW_ALL,
    ]
    shared = [(_LOAD, 0, 0, _low_word(3)), (_AND, 0, 0, _SHARED_ANONYMOUS), (_IF_EQUAL, 0, 1, _SHARED_ANONYMOUS)]
    answers["mmap"] = _ALLOW_ALL if shared_memory else [*shared, *_refuse_all(_EPERM), *_ALLOW_ALL]
    return lines + _by_number(answers, _refuse_all(_EPERM))


_Lines = list[tuple[int, int, int, int]]
_ALLOW_ALL: _Lines = [(_RETURN, 0, 0, _ALLOW)]


def _packed(lines: _Lines) -> bytes:
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _by_number(answers: dict[str, _Lines], others: _Lines) -> _Lines:
    """Lines that answer the calls of these names, where this machine has them, and ``others`` to every other call."""
    return _tree(_ranges({number(name): lines for name, lines in answers.items() if number(name) is not None}, others))


def _ranges(answers: dict[int, _Lines], others: _Lines) -> list[tuple[int, _Lines]]:
    """The first number of every run of calls with one answer, in order; ``others``: to what is not in the list."""
    results: list[tuple[int, _Lines]] = []
    for call in range(FIRST_UNKNOWN):
        lines = answers.get(call, others)
        if not results or results[-1][1] != lines or len(lines) > 1:
            results.append((call, lines))
    return results


def _tree(ranges: list[tuple[int, _Lines]]) -> _Lines:
    """Lines that find a call by halving: at every start the kernel tries the filter on every call there is."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = _tree(ranges[:middle]), _tree(ranges[middle:])
    if len(below) < 256:
        return [(_IF_AT_LEAST, len(below), 0, ranges[middle][0]), *below, *above]
    return [(_IF_AT_LEAST, 0, 1, ranges[middle][0]), (_JUMP, 0, 0, len(below)), *below, *above]  # a branch jumps 255 lines


def _low_word(argument: int) -> int:
    """Where the filter finds the lower half of an argument; both machines are little-endian."""
    return 16 + 8 * argument


def _refuse_all(errno: int) -> _Lines:
    """Lines that answer a call with an error, or with success that did nothing (0)."""
    return [(_RETURN, 0, 0, _ERRNO | errno)]


def _pretend(argument: int, values: set[int]) -> _Lines:
    """Lines that answer with success that did nothing when an argument is one of the values, and go on otherwise."""
    return [(_LOAD, 0, 0, _low_word(argument)), *_skip_one_if(values), (_JUMP, 0, 0, 1), *_refuse_all(0)]


def _skip_one_if(values: set[int]) -> _Lines:
    """Lines that pass over the one behind them when what was loaded is one of the values."""
    ordered = enumerate(sorted(values))
    return [(_IF_EQUAL, len(values) - place, 0, value & 0xFFFFFFFF) for place, value in ordered]


def _demand(*rules: tuple[int, set[int]], mask: int = 0xFFFFFFFF, errno: int = _EPERM) -> _Lines:
    """Lines that allow a call only when each (argument, values) rule holds: the argument is one of the values.

    ``mask``: only these bits of the last rule's argument are looked at.
    """
    lines: _Lines = []
    for index, (argument, values) in enumerate(rules):
        bits = mask if index == len(rules) - 1 else 0xFFFFFFFF
        load = [(_LOAD, 0, 0, _low_word(argument)), (_AND, 0, 0, bits)]
        lines += [*load, *_skip_one_if(values), *_refuse_all(errno)]
    return lines + _ALLOW_ALL
