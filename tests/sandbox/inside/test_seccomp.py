"""The seccomp filter, decided by a small machine that runs it, for both processors; and its real effect here."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from yunque.sandbox.inside import kernel, seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000


def decide(program, arch: int, number: int, *arguments: int) -> int:
    """What the filter answers to a call: the same steps the kernel takes."""
    words = {0: number, 4: arch, **{16 + 8 * at: value & 0xFFFFFFFF for at, value in enumerate(arguments)}}
    at = held = 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:
            held = words.get(value, 0)
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return value
        elif code == 0x05:
            at += value
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += if_true if holds else if_false


@pytest.fixture(params=["x86_64", "aarch64"])
def judged(request, monkeypatch):
    """``judged(name, *arguments, **filter options)``: the answer on that machine."""
    for module in (kernel, seccomp):
        monkeypatch.setattr(module, "machine", lambda: request.param)

    def judge(call, *arguments, arch=None, **options):
        program = seccomp._filter_program(**options)
        number = kernel.number(call) if isinstance(call, str) else call
        if number is None:
            pytest.skip(f"{request.param} has no such call")
        return decide(program, arch or kernel.AUDIT_ARCH[request.param], number, *arguments)

    judge.machine = request.param
    return judge


@pytest.mark.parametrize(
    "name", ["socket", "ptrace", "mount", "unshare", "bpf", "keyctl", "chroot", "setns", "open_by_handle_at"]
)
def test_refused(judged, name):
    assert judged(name) == 0x50000 | errno.EPERM


@pytest.mark.parametrize("name", ["clone3", "io_uring_setup", "memfd_create", 463, 5000])
def test_absent(judged, name):
    assert judged(name) == 0x50000 | errno.ENOSYS


def test_everyday_calls_pass(judged):
    everyday = range(10) if judged.machine == "x86_64" else (56, 57, 62, 63, 64, 79, 80)
    assert {judged(number) for number in everyday} == {ALLOW}


def test_another_architecture_is_killed(judged):
    assert judged("chmod" if judged.machine == "x86_64" else "fchmod", arch=0x40000003) == KILL


def test_x32_is_killed_on_x86_only(judged):
    assert judged(0x40000000 + 1) == (KILL if judged.machine == "x86_64" else 0x50000 | errno.ENOSYS)


def test_clone_makes_threads_and_processes_but_no_namespaces(judged):
    assert judged("clone", 17) == ALLOW
    assert judged("clone", 0x3D0F00) == ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert judged("clone", flag | 17) == 0x50000 | errno.EPERM


def test_pairs_are_local_streams_only(judged):
    assert judged("socketpair", 1, 1) == ALLOW
    assert judged("socketpair", 1, 1 | 0o2000000 | 0o4000) == ALLOW
    assert judged("socketpair", 1, 2) == judged("socketpair", 2, 1) == 0x50000 | errno.EPERM


def test_limits_of_itself_only(judged):
    assert judged("prlimit64", 0) == ALLOW
    assert judged("prlimit64", 1) == 0x50000 | errno.EPERM


def test_what_files_can_be_asked(judged):
    assert {judged("fcntl", 3, command) for command in (0, 1, 4, 5, 1030)} == {ALLOW}
    # owner and signal, lease, notices, the size of a pipe
    assert {judged("fcntl", 3, command) for command in (8, 10, 15, 1024, 1026, 1031)} == {0x50000 | errno.EINVAL}
    assert judged("ioctl", 0, 0x5401) == ALLOW
    # typing, owner, flags of a file, flags of a file system's own
    assert {judged("ioctl", 0, it) for it in (0x5412, 0x8901, 0x40086602, 0x401C5820)} == {0x50000 | errno.ENOTTY}


@pytest.mark.parametrize(
    "name",
    ["shmat", "shmget", "shmctl", "msgrcv", "msgsnd", "semop", "semctl", "mq_open", "mq_unlink", "vmsplice", "mlockall",
     "process_vm_readv", "sched_setaffinity", "io_submit", "remap_file_pages", "capset", "mount_setattr", "quotactl"],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused(judged, name):
    assert judged(name) == 0x50000 | errno.EPERM


def test_every_number_is_answered_and_no_branch_jumps_too_far(judged):
    for options in ({}, {"pretend_metadata": True, "signals_only_to": 77, "shared_memory": False}):
        program = seccomp._filter_program(**options)
        assert len(program) < 4096 and all(max(if_true, if_false) < 256 for _, if_true, if_false, _ in program)
        arch = kernel.AUDIT_ARCH[judged.machine]
        answers = [decide(program, arch, number) for number in range(kernel.FIRST_UNKNOWN)]
        allowed = {kernel.number(name) for name in seccomp._ALLOWED}
        for number, answer in enumerate(answers):
            assert answer in (ALLOW, 0x50000) or answer >> 16 == 5, (number, answer)
            if number in allowed and not (
                options
                and number
                in {
                    kernel.number(n)
                    for n in ("kill", "tgkill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
                }
            ):
                assert answer == ALLOW, number


def test_shared_memory_is_refused_where_nothing_counts_it(judged):
    assert judged("mmap", 0, 4096, 3, 0x21) == ALLOW
    assert judged("mmap", 0, 4096, 3, 0x21, shared_memory=False) == 0x50000 | errno.EPERM
    for flags in (0x22, 0x01, 0x02, 0x20022):  # private, a file's, populated or not
        assert judged("mmap", 0, 4096, 3, flags, shared_memory=False) == ALLOW


def test_locks_and_larger_buffers_are_pretended(judged):
    assert {judged(name) for name in ("flock", "setsockopt", "sync", "syncfs")} == {0x50000}
    assert {judged("fcntl", 3, command) for command in (6, 7, 37, 38)} == {0x50000}
    assert {judged("fcntl", 3, command) for command in (0, 1, 2, 3, 4, 5, 36, 1030)} == {ALLOW}
    assert {judged("fcntl", 3, command) for command in (8, 10, 1024, 1026, 1031)} == {0x50000 | errno.EINVAL}
    assert {judged(name) for name in ("getxattr", "fsetxattr")} == {0x50000 | errno.ENOTSUP}


def test_a_program_adopts_no_orphans_and_changes_no_personality(judged):
    assert judged("prctl", 15) == ALLOW and judged("prctl", 36) == 0x50000 | errno.EINVAL
    assert judged("personality", 0xFFFFFFFF) == ALLOW and judged("personality", 0x40000) == 0x50000 | errno.EPERM


def test_metadata_is_pretended_only_when_asked(judged):
    assert judged("fchmodat") == ALLOW
    assert judged("fchmodat", pretend_metadata=True) == 0x50000


def test_signals_stay_at_home_on_kernels_that_cannot_scope_them(judged):
    assert judged("kill", 1) == judged("tgkill", 1) == judged("tkill", 1) == ALLOW
    for pid, answer in ((77, ALLOW), (0, ALLOW), (1, 0x50000 | errno.EPERM), (-1, 0x50000 | errno.EPERM)):
        assert judged("kill", pid, signals_only_to=77) == answer
    assert judged("tgkill", 77, signals_only_to=77) == ALLOW
    assert judged("tgkill", 78, signals_only_to=77) == judged("tkill", 77, signals_only_to=77) == 0x50000 | errno.EPERM


def test_the_filter_in_a_real_process():
    if kernel.machine() is None:
        pytest.skip(f"no filter for {os.uname().machine}")
    source = """
import os, sys, threading
sys.path.append(sys.argv[1])
import kernel, seccomp
kernel.forbid_new_privileges()
seccomp.restrict_calls(pretend_metadata=True, signals_only_to=os.getpid())
os.kill(os.getpid(), 0)
os.chmod(sys.executable, 0)
thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
try: os.kill(os.getppid(), 0)
except PermissionError: print("refused", flush=True)
os.abort()
"""
    room = str(Path(kernel.__file__).parent)
    before = os.stat(sys.executable).st_mode
    done = subprocess.run([sys.executable, "-I", "-S", "-c", source, room], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("thread\nrefused\n", -6), done.stderr
    assert os.stat(sys.executable).st_mode == before


def test_an_unknown_machine_has_no_filter(monkeypatch):
    for module in (kernel, seccomp):
        monkeypatch.setattr(module, "machine", lambda: None)
    with pytest.raises(OSError, match="no filter is known"):
        seccomp.restrict_calls()
    assert kernel.landlock_abi() == 0
