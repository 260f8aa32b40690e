"""Attacks by system call: privileges, namespaces, mounts, and the corners of the kernel that break most often."""

from yunque.core.nouns import Job

CALLS = [
    ("mount", "b'none', b'.', b'tmpfs', 0, 0"),
    ("umount2", "b'/proc', 2"),
    ("pivot_root", "b'.', b'.'"),
    ("fsopen", "b'tmpfs', 0"),
    ("open_tree", "-100, b'.', 1"),
    ("mount_setattr", "-100, b'/', 0, 0, 0"),
    ("unshare", "0x10000000"),
    ("unshare", "0x20000"),
    ("setns", "0, 0"),
    ("clone", "0x10000000 | 17, 0, 0, 0, 0"),
    ("clone3", "0, 0"),
    ("io_uring_setup", "8, ctypes.create_string_buffer(120)"),
    ("keyctl", "0, -3, 0, 0, 0"),
    ("add_key", "b'user', b'x', b'x', 1, -3"),
    ("request_key", "b'user', b'x', 0, -3"),
    ("bpf", "0, ctypes.create_string_buffer(120), 120"),
    ("perf_event_open", "ctypes.create_string_buffer(120), 0, -1, -1, 0"),
    ("userfaultfd", "0"),
    ("open_by_handle_at", "-100, 0, 0"),
    ("name_to_handle_at", "-100, b'/', 0, 0, 0"),
    ("kexec_load", "0, 0, 0, 0"),
    ("init_module", "0, 0, b''"),
    ("delete_module", "b'x', 0"),
    ("reboot", "0xfee1dead, 672274793, 0, 0"),
    ("swapon", "b'/x', 0"),
    ("sethostname", "b'x', 1"),
    ("syslog", "3, ctypes.create_string_buffer(100), 100"),
    ("settimeofday", "0, 0"),
    ("acct", "b'x'"),
    ("quotactl", "0, 0, 0, 0"),
    ("fanotify_init", "0, 0"),
    ("kcmp", "os.getpid(), os.getppid(), 0, 0, 0"),
]


def test_refused_calls(refused, nr):
    """All in one program: each is refused by the filter, whatever was tried before it."""
    source = "".join(f"print({name!r}, end=' '); attempt(call, {nr(name)}, {arguments})\n" for name, arguments in CALLS)
    lines = refused(source).stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [name for name, _ in CALLS]
    others = [line for line in lines if line.split()[-1] not in ("1", "38")]
    assert not others, "refused by something else than the filter"


def test_becoming_root(refused):
    refused("attempt(os.setuid, 0); attempt(os.setresuid, 0, 0, 0); attempt(os.setgid, 0); attempt(os.setgroups, [0])")


def test_no_new_privileges_and_not_root(attack):
    seen = attack("libc = ctypes.CDLL(None); print(libc.prctl(39, 0, 0, 0, 0), os.geteuid() != 0)")
    assert seen.stdout == b"1 True\n"


def test_capabilities_are_gone(attack, nr):
    seen = attack("""
import struct
header, data = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0)), ctypes.create_string_buffer(24)
ctypes.CDLL(None).capget(header, data)
print(data.raw[:24] == bytes(24))
""")
    assert seen.stdout == b"True\n"


def test_removing_the_filter(attack, nr):
    """A second filter may be added, never taken away: the call refused before is refused after."""
    seen = attack(f"libc = ctypes.CDLL(None); libc.prctl(22, 0, 0); attempt(call, {nr('unshare')}, 0x20000)")
    assert b"stopped by PermissionError" in seen.stdout


def test_numbers_from_another_table(attack):
    """On x86-64 the x32 numbers name the same calls again; the filter kills."""
    seen = attack("attempt(call, 0x40000000 + 101, 0, 0, 0, 0)")
    assert seen.signal == 31 or b"stopped by" in seen.stdout
    assert b"went through" not in seen.stdout


def test_calls_not_invented_yet(refused):
    seen = refused("attempt(call, 463, 0, 0, 0, 0); attempt(call, 600, 0, 0, 0, 0)")
    assert seen.stdout.count(b" 38\n") == 2


def test_what_may_only_read_makes_and_changes_nothing(box):
    """The process of a program that a repository's tests call (`seccomp.forbid_changes`), within each tier's own filter."""
    source = """
import os, sys
open("kept", "w").write("as it was")
os.mkdir("folder")
sys.modules["yunque.sandbox.inside.seccomp"].forbid_changes()
fd = os.open("kept", os.O_RDONLY)
tries = {
    "write": lambda: open("kept", "w"), "append": lambda: open("kept", "a"), "make": lambda: open("new", "x"),
    "truncate": lambda: os.truncate("kept", 0), "both": lambda: os.open("kept", os.O_RDWR),
    "unnamed": lambda: os.open(".", os.O_TMPFILE | os.O_RDWR), "unlink": lambda: os.unlink("kept"),
    "rename": lambda: os.rename("kept", "new"), "replace": lambda: os.replace("kept", "new"), "mkdir": lambda: os.mkdir("n"),
    "rmdir": lambda: os.rmdir("folder"), "link": lambda: os.link("kept", "new"), "symlink": lambda: os.symlink("kept", "n"),
    "fifo": lambda: os.mkfifo("n"), "reopen": lambda: os.open(f"/proc/self/fd/{fd}", os.O_WRONLY),
    "chmod": lambda: os.chmod("kept", 0),
    "utime": lambda: os.utime("kept", (1, 1)), "null": lambda: open("/dev/null", "w"),
}
for name, act in tries.items():
    try:
        act()
    except OSError as error:
        continue
    print(name)
if os.fork() == 0:
    try:
        os.execv("/bin/sh", ["/bin/sh", "-c", "echo x > kept; rm -f kept; mkdir n"])
    finally:
        os._exit(1)
os.wait()
print(open("kept").read(), sorted(os.listdir(".")))
"""
    seen = box.run(Job(python=source, preload=("yunque.sandbox.inside.kernel", "yunque.sandbox.inside.seccomp")))
    assert seen.stdout == b"as it was ['folder', 'kept']\n", seen
