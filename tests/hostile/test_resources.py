"""Attacks on the machine's memory, disk, processor and on the runner's own memory."""

import time

import pytest

from yunque.core.nouns import Job, Limits
from yunque.sandbox import cgroups

MIB = 1 << 20


def test_output_flood(attack):
    started = time.monotonic()
    seen = attack(
        """
block = b"x" * 65536
while True:
    os.write(1, block)
    os.write(2, block)
""",
        output_bytes=100_000,
        wall_s=0.5,
    )
    assert (len(seen.stdout), len(seen.stderr), seen.truncated, seen.timed_out) == (100_000, 100_000, True, True)
    assert time.monotonic() - started < 4


def test_a_chatty_program_is_not_blocked(attack):
    seen = attack("sys.stdout.write('x' * 3_000_000); sys.exit(7)")
    assert (seen.exit_code, len(seen.stdout), seen.truncated) == (7, MIB, True)


def test_never_reading_a_large_stdin(attack):
    seen = attack("print('done')", stdin=b"x" * (4 * MIB))
    assert (seen.exit_code, seen.stdout) == (0, b"done\n")


def test_echoing_a_large_stdin(attack):
    data = bytes(range(256)) * 4096
    seen = attack("import shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)", stdin=data)
    assert seen.stdout == data


def test_waiting_for_stdin_that_never_comes(attack):
    seen = attack("print(repr(sys.stdin.read()))")
    assert (seen.stdout, seen.timed_out) == (b"''\n", False)


def test_memory_balloon(attack):
    seen = attack("attempt(bytearray, 3 << 30)", memory_bytes=256 * MIB)
    assert b"stopped by MemoryError" in seen.stdout
    assert seen.peak_bytes < 256 * MIB


def test_memory_in_small_steps(attack):
    seen = attack("kept = []\nwhile True: kept.append(bytearray(1 << 20))", memory_bytes=128 * MIB)
    assert seen.exit_code == 1
    assert b"MemoryError" in seen.stderr


def test_memory_outside_the_address_space(refused, nr):
    """A memfd, System V segments and message queues would hold memory that no address space limit sees."""
    refused(f"""
attempt(os.memfd_create, "balloon")
attempt(call, {nr("memfd_create")}, b"balloon", 0)
attempt(call, {nr("shmget")}, 0, 1 << 30, 0o1600)
attempt(call, {nr("msgget")}, 0, 0o1600)
attempt(call, {nr("mq_open")}, b"queue", 0o102, 0o600, 0)
""")


def test_file_too_large(attack):
    seen = attack(
        """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = open("big", "wb", 0)
def fill():
    while True: file.write(b"x" * 65536)
attempt(fill)
""",
        file_bytes=MIB,
        collect=("big",),
    )
    assert b"stopped by OSError 27" in seen.stdout
    assert len(seen.files["big"]) == MIB


def test_sparse_file(attack):
    seen = attack(
        """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
attempt(os.truncate, os.open("big", os.O_CREAT | os.O_RDWR), 1 << 40)
attempt(os.posix_fallocate, os.open("big2", os.O_CREAT | os.O_RDWR), 0, 1 << 40)
""",
        file_bytes=MIB,
        collect=("big", "big2"),
    )
    assert seen.stdout.count(b"stopped by") == 2
    assert seen.files == {"big": b"", "big2": b""}


def test_a_file_over_the_limit_kills_by_default(attack):
    seen = attack("signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('big', 'wb').write(b'x' * (2 << 20))", file_bytes=MIB)
    assert (seen.exit_code, seen.signal) == (None, 25)


def test_shared_memory_folder(attack):
    seen = attack(
        """
def fill():
    for n in range(100): open(f"/dev/shm/{n}", "wb").write(b"x" * (1 << 20))
attempt(fill)
""",
        disk_bytes=16 << 20,
    )
    assert b"stopped by" in seen.stdout


def test_processor_spin(attack):
    seen = attack("while True: pass", cpu_s=1, wall_s=10)
    assert seen.timed_out
    assert seen.exit_code is None
    assert 500 <= seen.cpu_ms <= 3000  # the kernel's limit counts ticks, and is a sixth and more off on a busy machine


def test_processor_spin_deaf_to_the_warning(attack):
    seen = attack("signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", cpu_s=1, wall_s=10)
    assert (seen.timed_out, seen.signal) == (True, 9)


def test_open_file_hoard(attack):
    seen = attack("""
def hoard():
    kept = []
    while True: kept.append(open("/dev/null"))
attempt(hoard)
""")
    assert b"stopped by OSError 24" in seen.stdout


def test_core_dump(attack):
    seen = attack("os.abort()", collect=("core",))
    assert (seen.signal, seen.files) == (6, {})


def test_time_of_children_that_nobody_waits_for(box, python):
    """Their parent ignores their end, so `wait` shows nothing of what they used; a group of the kernel's counts it."""
    if not cgroups.hierarchy()[0]:
        pytest.skip("no control group can be made here: `yunque doctor` says that this time is not bounded")
    source = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        until = time.process_time() + 0.02
        while time.process_time() < until: pass
        os._exit(0)
    time.sleep(0.015)
"""
    started = time.monotonic()
    seen = box.run(Job(python=source, limits=Limits(wall_s=30, cpu_s=1, processes=64)))
    assert seen.timed_out and time.monotonic() - started < 15, seen
    assert box.run(Job(python="print(1)")).stdout == b"1\n"
