"""What the room asks of the Linux kernel, by number, through ctypes: landlock, namespaces, mounts, capabilities.

The worker imports this file alone, without the package, so it uses nothing but the standard library.

Covered: x86-64 and aarch64. Every call that fails raises OSError with the call's name in it.
Not covered: other machines (`machine()` is None there, and the tiers above refuse).
"""

import ctypes
import os
import struct

# ------------------------------------------------------------------------------------------------------------- machines
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The word seccomp shows as a call's architecture; a 32-bit call made by a 64-bit program shows another one."""

FIRST_UNKNOWN = 463
"""Calls from here on came after this filter was written: they do not exist for the program (ENOSYS), and libc falls back."""

# Name -> number on x86-64, number on aarch64; None where the machine has no such call. From 424 on both agree.
CALLS = {
    "accept": (43, 202), "accept4": (288, 242), "access": (21, None), "acct": (163, 89), "add_key": (248, 217),
    "adjtimex": (159, 171), "alarm": (37, None), "arch_prctl": (158, None), "bind": (49, 200), "bpf": (321, 280),
    "brk": (12, 214), "cachestat": (451, 451), "capget": (125, 90), "capset": (126, 91), "chdir": (80, 49),
    "chmod": (90, None), "chown": (92, None), "chroot": (161, 51), "clock_adjtime": (305, 266),
    "clock_getres": (229, 114), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "clock_settime": (227, 112),
    "clone": (56, 220), "clone3": (435, 435), "close": (3, 57), "close_range": (436, 436), "connect": (42, 203),
    "copy_file_range": (326, 285), "creat": (85, None), "delete_module": (176, 106), "dup": (32, 23), "dup2": (33, None),
    "dup3": (292, 24), "epoll_create": (213, None), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441), "epoll_wait": (232, None), "eventfd": (284, None),
    "eventfd2": (290, 19), "execve": (59, 221), "execveat": (322, 281), "exit": (60, 93), "exit_group": (231, 94),
    "faccessat": (269, 48), "faccessat2": (439, 439), "fadvise64": (221, 223), "fallocate": (285, 47),
    "fanotify_init": (300, 262), "fchdir": (81, 50), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "fchown": (93, 55), "fchownat": (260, 54), "fcntl": (72, 25), "fdatasync": (75, 83), "fgetxattr": (193, 10),
    "finit_module": (313, 273), "flistxattr": (196, 13), "flock": (73, 32), "fork": (57, None), "fremovexattr": (199, 16),
    "fsconfig": (431, 431), "fsetxattr": (190, 7), "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433),
    "fstat": (5, 80), "fstatfs": (138, 44), "fsync": (74, 82), "ftruncate": (77, 46), "futex": (202, 98),
    "futex_requeue": (456, 456), "futex_wait": (455, 455), "futex_waitv": (449, 449), "futex_wake": (454, 454),
    "futimesat": (261, None), "get_robust_list": (274, 100), "get_thread_area": (211, None), "getcpu": (309, 168),
    "getcwd": (79, 17), "getdents": (78, None), "getdents64": (217, 61), "getegid": (108, 177), "geteuid": (107, 175),
    "getgid": (104, 176), "getgroups": (115, 158), "getitimer": (36, 102), "getpeername": (52, 205),
    "getpgid": (121, 155), "getpgrp": (111, None), "getpid": (39, 172), "getppid": (110, 173), "getpriority": (140, 141),
    "getrandom": (318, 278), "getresgid": (120, 150), "getresuid": (118, 148), "getrlimit": (97, 163),
    "getrusage": (98, 165), "getsid": (124, 156), "getsockname": (51, 204), "getsockopt": (55, 209), "gettid": (186, 178),
    "gettimeofday": (96, 169), "getuid": (102, 174), "getxattr": (191, 8), "init_module": (175, 105),
    "inotify_add_watch": (254, 27), "inotify_init": (253, None), "inotify_init1": (294, 26), "io_pgetevents": (333, 292),
    "io_setup": (206, 0), "io_submit": (209, 2), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "ioctl": (16, 29), "ioperm": (173, None), "iopl": (172, None), "ioprio_set": (251, 30),
    "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219), "kill": (62, 129),
    "landlock_add_rule": (445, 445), "landlock_create_ruleset": (444, 444), "landlock_restrict_self": (446, 446),
    "lchown": (94, None), "lgetxattr": (192, 9), "link": (86, None), "linkat": (265, 37), "listen": (50, 201),
    "listmount": (458, 458), "listxattr": (194, 11), "llistxattr": (195, 12), "lookup_dcookie": (212, 18),
    "lremovexattr": (198, 15), "lseek": (8, 62), "lsetxattr": (189, 6), "lstat": (6, None), "madvise": (28, 233),
    "map_shadow_stack": (453, 453), "mbind": (237, 235), "membarrier": (324, 283), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "migrate_pages": (256, 238), "mincore": (27, 232), "mkdir": (83, None),
    "mkdirat": (258, 34), "mknod": (133, None), "mknodat": (259, 33), "mlock": (149, 228), "mlock2": (325, 284),
    "mlockall": (151, 230), "mmap": (9, 222), "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "move_pages": (279, 239), "mprotect": (10, 226), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "mremap": (25, 216), "msgctl": (71, 187), "msgget": (68, 186), "msgrcv": (70, 188),
    "msgsnd": (69, 189), "msync": (26, 227), "munlock": (150, 229), "munmap": (11, 215), "name_to_handle_at": (303, 264),
    "nanosleep": (35, 101), "newfstatat": (262, 79), "nfsservctl": (180, 42), "open": (2, None),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "openat": (257, 56), "openat2": (437, 437),
    "pause": (34, None), "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pipe": (22, None), "pipe2": (293, 59),
    "pivot_root": (155, 41), "pkey_alloc": (330, 289), "pkey_free": (331, 290), "pkey_mprotect": (329, 288),
    "poll": (7, None), "ppoll": (271, 73), "prctl": (157, 167), "pread64": (17, 67), "preadv": (295, 69),
    "preadv2": (327, 286), "prlimit64": (302, 261), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pselect6": (270, 72), "ptrace": (101, 117),
    "pwrite64": (18, 68), "pwritev": (296, 70), "pwritev2": (328, 287), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "read": (0, 63), "readahead": (187, 213), "readlink": (89, None), "readlinkat": (267, 78), "readv": (19, 65),
    "reboot": (169, 142), "recvfrom": (45, 207), "recvmmsg": (299, 243), "recvmsg": (47, 212),
    "remap_file_pages": (216, 234), "removexattr": (197, 14), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "request_key": (249, 218), "restart_syscall": (219, 128), "rmdir": (84, None),
    "rseq": (334, 293), "rt_sigaction": (13, 134), "rt_sigpending": (127, 136), "rt_sigprocmask": (14, 135),
    "rt_sigqueueinfo": (129, 138), "rt_sigreturn": (15, 139), "rt_sigsuspend": (130, 133), "rt_sigtimedwait": (128, 137),
    "rt_tgsigqueueinfo": (297, 240), "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "sched_getaffinity": (204, 123), "sched_getattr": (315, 275), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "sched_rr_get_interval": (148, 127), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_yield": (24, 124),
    "seccomp": (317, 277), "select": (23, None), "semctl": (66, 191), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "sendfile": (40, 71), "sendmmsg": (307, 269), "sendmsg": (46, 211), "sendto": (44, 206),
    "set_mempolicy": (238, 237), "set_robust_list": (273, 99), "set_thread_area": (205, None),
    "set_tid_address": (218, 96), "setdomainname": (171, 162), "setfsgid": (123, 152), "setfsuid": (122, 151),
    "setgid": (106, 144), "sethostname": (170, 161), "setitimer": (38, 103), "setns": (308, 268), "setpgid": (109, 154),
    "setpriority": (141, 140), "setregid": (114, 143), "setresgid": (119, 149), "setresuid": (117, 147),
    "setreuid": (113, 145), "setrlimit": (160, 164), "setsid": (112, 157), "setsockopt": (54, 208),
    "settimeofday": (164, 170), "setuid": (105, 146), "setxattr": (188, 5), "shmat": (30, 196), "shmctl": (31, 195),
    "shmget": (29, 194), "shutdown": (48, 210), "sigaltstack": (131, 132), "signalfd": (282, None),
    "signalfd4": (289, 74), "socket": (41, 198), "socketpair": (53, 199), "splice": (275, 76), "stat": (4, None),
    "statfs": (137, 43), "statmount": (457, 457), "statx": (332, 291), "swapoff": (168, 225), "swapon": (167, 224),
    "symlink": (88, None), "symlinkat": (266, 36), "sync": (162, 81), "sync_file_range": (277, 84), "syncfs": (306, 267),
    "sysinfo": (99, 179), "syslog": (103, 116), "tee": (276, 77), "tgkill": (234, 131), "time": (201, None),
    "timer_create": (222, 107), "timer_delete": (226, 111), "timer_getoverrun": (225, 109), "timer_gettime": (224, 108),
    "timer_settime": (223, 110), "timerfd_create": (283, 85), "timerfd_gettime": (287, 87), "timerfd_settime": (286, 86),
    "times": (100, 153), "tkill": (200, 130), "truncate": (76, 45), "umask": (95, 166), "umount2": (166, 39),
    "uname": (63, 160), "unlink": (87, None), "unlinkat": (263, 35), "unshare": (272, 97), "uselib": (134, None),
    "userfaultfd": (323, 282), "utime": (132, None), "utimensat": (280, 88), "utimes": (235, None), "vfork": (58, None),
    "vhangup": (153, 58), "vmsplice": (278, 75), "wait4": (61, 260), "waitid": (247, 95), "write": (1, 64),
    "writev": (20, 66),
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


def prctl(what: str, option: int, value: int = 0, pointer: object = None) -> int:
    """Returns what the call gives; OSError with ``what`` in it."""
    return _checked(_libc.prctl(option, ctypes.c_ulong(value), pointer or ctypes.c_ulong(0), 0, 0), what)


def die_with_parent() -> None:
    """Let the kernel kill this process when the thread that made it ends."""
    prctl("prctl(PR_SET_PDEATHSIG)", 1, 9)


def adopt_orphans() -> None:
    """Make this process the new parent of every orphan below it, so that none can slip away."""
    prctl("prctl(PR_SET_CHILD_SUBREAPER)", 36, 1)


def hide_from_ptrace() -> None:
    """Make this process undumpable: nobody without privileges attaches to it or reads its memory."""
    prctl("prctl(PR_SET_DUMPABLE)", 4, 0)


def forbid_new_privileges() -> None:
    """Make set-uid bits and file capabilities do nothing from here on."""
    prctl("prctl(PR_SET_NO_NEW_PRIVS)", 38, 1)


def empty_bounding_set() -> None:
    """Let no later `execve` give a capability back. Without CAP_SETPCAP it does nothing."""
    for capability in range(64):
        if _libc.prctl(24, ctypes.c_ulong(capability), 0, 0, 0) < 0:  # PR_CAPBSET_DROP: EINVAL past the last one
            break


def drop_capabilities() -> None:
    """Empty this process's ambient, effective, permitted and inheritable capabilities."""
    prctl("prctl(PR_CAP_AMBIENT_CLEAR_ALL)", 47, 4)
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _syscall("capset", header, ctypes.create_string_buffer(24))


# ------------------------------------------------------------------------------------------------------------- namespaces
NEW_ALL = 0x20000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEW NS, UTS, IPC, USER, PID and NET."""
ANY_NAMESPACE = NEW_ALL | 0x2000000
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
