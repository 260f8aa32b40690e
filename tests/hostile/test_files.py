"""Attacks on files outside the scratch folder, and on the runner that collects files afterwards."""

import os

import pytest

from yunque.core.errors import SandboxError


def test_writing_outside(refused, victim):
    refused(f"""
for path in ("/tmp/yunque-was-here", "/var/tmp/yunque-was-here", "/usr/yunque-was-here", "/yunque-was-here",
             "{victim.parent}/new", "{victim}"):
    attempt(open, path, "w")
attempt(os.mkdir, "{victim.parent}/folder")
attempt(os.unlink, "{victim}")
attempt(os.rename, "{victim}", "{victim}.moved")
""")
    for folder in ("/tmp", "/var/tmp", "/usr", "/"):
        assert not os.path.exists(os.path.join(folder, "yunque-was-here"))


def test_truncating_outside(refused, victim):
    refused(f'attempt(os.truncate, "{victim}", 0)\nattempt(os.open, "{victim}", os.O_RDONLY | os.O_TRUNC)')


def test_climbing_out_of_scratch(refused, victim):
    refused(f"""
up = "../" * 20
attempt(open, up + "{victim}".lstrip("/"), "a")
attempt(open, "../yunque-was-here", "w")
""")


def test_reading_outside(refused, victim):
    assert b"SECRET" not in refused(f'attempt(lambda: open("{victim}").read())').stdout


def test_mode_owner_and_times_outside(attack, victim):
    """Landlock does not watch over these; the victim fixture compares them from outside."""
    attack(f"""
attempt(os.chmod, "{victim}", 0)
attempt(os.chown, "{victim}", os.getuid(), os.getgid())
attempt(os.utime, "{victim}", (1, 1))
attempt(os.setxattr, "{victim}", "user.x", b"x")
""")
    assert "user.x" not in os.listxattr(victim)


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/passwd", "/etc/hosts", "/etc/machine-id"])
def test_reading_system_secrets(refused, path):
    refused(f'attempt(lambda: open("{path}").read())')


def test_reading_the_users_home(refused):
    home = os.path.expanduser("~")
    refused(f'attempt(os.listdir, "{home}")\nattempt(lambda: open("{home}/.bashrc").read())')


def test_listing_the_machine(refused):
    refused('for path in ("/", "/tmp", "/home", "/root", "/var", "/sys", "/run"): attempt(os.listdir, path)')


def test_symbolic_link_out_of_scratch(refused, victim):
    refused(f'os.symlink("{victim}", "link")\nattempt(open, "link")\nattempt(open, "link", "a")')


def test_hard_link_to_a_file_outside(refused, victim):
    refused(f'attempt(os.link, "{victim}", "link")\nattempt(os.link, "/bin/true", "link2")')


def test_moving_a_file_in_from_outside(refused, victim):
    refused(f'attempt(os.rename, "{victim}", "mine")')


def test_working_folder_handle_to_the_root(refused, victim):
    refused(f"""
def through(path):
    root = os.open("/", os.O_PATH)
    return os.open(path, os.O_RDWR, dir_fd=root)
attempt(through, "{victim}".lstrip("/"))
attempt(through, "etc/passwd")
""")


def test_through_proc_of_itself_and_others(refused, victim):
    refused(f"""
for pid in ("self", 1, os.getppid()):
    for way in ("root", "cwd", "fd/0", "fd/3"):
        attempt(open, f"/proc/{{pid}}/{{way}}{victim}")
        attempt(os.open, f"/proc/{{pid}}/{{way}}/../../../{victim}", os.O_WRONLY)
""")


def test_chroot(refused):
    refused('os.mkdir("r")\nattempt(os.chroot, "r")\nattempt(os.chroot, "/")')


def test_the_original_of_the_tree(attack, ground):
    tree = ground / "tree"
    tree.mkdir(mode=0o777)
    (tree / "module.py").write_text("original")
    (tree / "module.py").chmod(0o666)
    seen = attack(
        f"""
open("module.py", "w").write("changed")
attempt(open, "{tree}/module.py", "w")
attempt(open, "{tree}/new.py", "w")
""",
        tree=str(tree),
        collect=("module.py",),
    )
    assert seen.files == {"module.py": b"changed"}
    assert (tree / "module.py").read_text() == "original"
    assert os.listdir(tree) == ["module.py"]


def test_a_tree_with_links_that_lead_out(attack, victim, ground):
    tree = ground / "tree"
    tree.mkdir()
    (tree / "file").symlink_to(victim)
    (tree / "folder").symlink_to(victim.parent)
    seen = attack(
        'for path in ("file", "folder/victim.txt"): attempt(open, path); attempt(open, path, "w")',
        tree=str(tree),
        collect=("file", "folder/victim.txt"),
    )
    assert seen.stdout.count(b"stopped by") == 4
    assert seen.files == {}


def test_the_jobs_own_files_do_not_follow_the_trees_links(attack, victim, ground):
    tree = ground / "tree"
    tree.mkdir()
    (tree / "file").symlink_to(victim)
    (tree / "folder").symlink_to(victim.parent)
    seen = attack("", tree=str(tree), files={"file": b"new"}, collect=("file",))
    assert seen.files == {"file": b"new"}
    with pytest.raises(SandboxError, match="through a link"):
        attack("", tree=str(tree), files={"folder/victim.txt": b"new"})


def test_collecting_a_link_to_a_secret(attack, victim):
    seen = attack(
        f"""
os.symlink("{victim}", "answer")
os.symlink("{victim.parent}", "folder")
os.mkdir("real"); os.symlink("/etc", "real/deep")
open("good", "w").write("fine")
""",
        collect=("answer", "folder/victim.txt", "real/deep/passwd", "good", "missing"),
    )
    assert seen.files == {"good": b"fine"}


def test_collecting_a_fifo_and_a_folder(attack):
    seen = attack('os.mkfifo("answer"); os.mkdir("folder"); print("made")', collect=("answer", "folder"), wall_s=3)
    assert seen.stdout == b"made\n"
    assert seen.files == {}


def test_making_a_device(refused):
    refused("""
import stat
attempt(os.mknod, "disk", stat.S_IFBLK | 0o666, os.makedev(254, 0))
attempt(os.mknod, "memory", stat.S_IFCHR | 0o666, os.makedev(1, 1))
""")


def test_other_devices(refused):
    refused('for name in ("mem", "kmsg", "tty", "vda", "sda", "fuse", "kvm", "ptmx"): attempt(open, "/dev/" + name, "rb")')


def test_folders_deeper_than_a_path_can_say(attack):
    """Removing these must neither fail nor take the runner's stack; the attack fixture looks for what is left."""
    seen = attack("""
for _ in range(300):
    os.mkdir("d" * 40)
    os.chdir("d" * 40)
open("bottom", "w").close()
print("made")
""")
    assert seen.stdout == b"made\n"


def test_folders_locked_against_removal(attack):
    seen = attack('os.makedirs("a/b/c"); open("a/b/f", "w"); os.chmod("a/b", 0); os.chmod("a", 0); os.chmod(".", 0)')
    assert seen.exit_code == 0


def test_names_that_are_not_text(attack):
    assert attack('open(b"\\xff\\xfe\\n-rf", "w"); os.mkdir(b"\\xff"); os.mkdir(b".0.yunque")').exit_code == 0


def test_listing_an_unreadable_file_for_collection(attack):
    attack('open("answer", "w").write("x"); os.chmod("answer", 0)', collect=("answer",))


def test_times_of_devices(attack, box):
    """They are the machine's own files: what is written there would be read by the jobs to come."""
    paths = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]

    def times(path):
        return os.stat(path)[7:9]

    before = [times(path) for path in paths]
    attack(f"""
for path in {paths}:
    attempt(os.utime, path, (1, 1))
    attempt(os.utime, path)
open("/dev/null", "w").write("x" * 10); open("/dev/null", "ab").write(b"x")
print("written")
""")
    if box.tier == "bwrap":  # which binds them so that their time can be set to now, as `yunque doctor` says
        assert all(
            now >= then for path, old in zip(paths, before, strict=True) for now, then in zip(times(path), old, strict=True)
        )
        return
    assert [times(path) for path in paths] == before


def test_locks_on_files_outside(attack):
    """One that is held would tell a job beside this one something; it seems to be taken, and nobody sees it."""
    path = os.path.realpath("/bin/sh")
    seen = attack(f"""
import fcntl, struct
file = open({path!r}, "rb")
for how in (fcntl.LOCK_SH, fcntl.LOCK_SH | fcntl.LOCK_NB):
    fcntl.lockf(file, how)
    fcntl.flock(file, how)
asked = struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0)
if os.fork() == 0:
    found = struct.unpack("hhqqi", fcntl.fcntl(open({path!r}, "rb"), fcntl.F_GETLK, asked))
    print("nobody" if found[0] == fcntl.F_UNLCK else found, flush=True)
    os._exit(0)
os.wait()
""")
    assert seen.stdout == b"nobody\n", seen
