"""What a job is given and what comes back."""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time

import pytest

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Limits
from yunque.sandbox import open_sandbox
from yunque.sandbox.exchange import Capped
from yunque.sandbox.inside.scratch import copy_tree, remove_folder
from yunque.sandbox.jobs import check_job, fixed_environment
from yunque.sandbox.pool import Outcome
from yunque.sandbox.runner import observation

PYTHON = (sys.executable, "-I", "-S", "-c")


def run(box, source, **job):
    return box.run(Job(argv=(*PYTHON, source), **job))


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (Job(argv=()), "the job has no program"),
        (Job(argv=("",)), "the job has no program"),
        (Job(argv=("a\0b",)), "NUL"),
        (Job(argv=("a",), env={"A=B": "1"}), "holds '='"),
        (Job(argv=("a",), files={"/etc/x": b""}), "leaves the scratch folder"),
        (Job(argv=("a",), files={"a/../../x": b""}), "leaves the scratch folder"),
        (Job(argv=("a",), files={"": b""}), "leaves the scratch folder"),
        (Job(argv=("a",), collect=("../x",)), "leaves the scratch folder"),
        (Job(argv=("a",), collect=("/etc/passwd",)), "leaves the scratch folder"),
        (Job(argv=("a",), tree="/no/such/folder"), "no such folder"),
        (Job(argv=("a",), readable=("relative",)), "not an absolute path"),
        (Job(argv=("a",), readable=("/no/such/folder",)), "not an absolute path that exists"),
        (Job(argv=("a",), readable=("/",)), "may not be shown"),
        (Job(argv=("a",), readable=("/usr/../proc",)), "may not be shown"),
        (Job(argv=("a",), readable=("/proc/self",)), "may not be shown"),
        *[(Job(argv=("a",), limits=Limits(**{name: 0})), f"{name} is 0") for name in Limits.__dataclass_fields__],
        (Job(argv=("a",), limits=Limits(wall_s=-1)), "wall_s is -1"),
        (Job(argv=("a",), limits=Limits(wall_s=float("nan"))), "wall_s is nan"),
        (Job(argv=("a",), limits=Limits(cpu_s=float("inf"))), "cpu_s is inf"),
    ],
)
def test_bad_jobs(job, says):
    with pytest.raises(SandboxError, match=says) as caught:
        check_job(job)
    assert "\n" not in str(caught.value)


def test_output_exit_code_and_numbers(box):
    seen = run(box, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (seen.exit_code, seen.signal, seen.stdout, seen.stderr) == (3, None, b"out\n", b"err\n")
    assert not seen.truncated
    assert not seen.timed_out
    assert seen.cpu_ms > 0
    assert 0 < seen.wall_ms < 10_000
    assert seen.peak_bytes > 1 << 20
    assert seen.tier == box.tier


def test_files_in_and_out(box):
    source = "import os; os.makedirs('out/deep'); open('out/deep/b', 'wb').write(open('in/a', 'rb').read() * 2)"
    seen = run(box, source, files={"in/a": b"\x00\xff"}, collect=("out/deep/b", "in/a", "missing", "out"))
    assert seen.files == {"out/deep/b": b"\x00\xff" * 2, "in/a": b"\x00\xff"}


def test_collected_files_are_cut(box):
    seen = run(box, "", files={"a": b"x" * 5000}, collect=("a",), limits=Limits(file_bytes=1000))
    assert (len(seen.files["a"]), seen.truncated) == (1000, True)


def test_stdin(box):
    assert run(box, "import sys; print(sys.stdin.read().upper())", stdin=b"hello").stdout == b"HELLO\n"


def test_the_environment_is_clean_and_fixed(box, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    seen = run(box, "import os; print(*sorted(os.environ)); print(os.environ['ADDED'])", env={"ADDED": "yes"})
    names, added = seen.stdout.decode().splitlines()
    assert set(names.split()) - {"LC_CTYPE"} == {*fixed_environment("/"), "ADDED"}
    assert added == "yes"


def test_scratch_is_home_and_temporary_folder_and_working_folder(box):
    seen = run(box, "import os; print(len({os.getcwd(), os.environ['HOME'], os.environ['TMPDIR']})); open('x', 'w')")
    assert (seen.stdout, seen.exit_code) == (b"1\n", 0)


def test_readable_paths_can_be_read_and_not_written(box, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "a").write_text("content")
    if box.tier != "namespaces" and os.geteuid() == 0:
        pytest.skip("as root in this tier, a folder below a private one is out of the private user's reach")
    source = f"print(open('{shared}/a').read(), flush=True); open('{shared}/b', 'w')"
    seen = run(box, source, readable=(str(shared),))
    assert (seen.stdout, seen.exit_code) == (b"content\n", 1)
    assert os.listdir(shared) == ["a"]
    assert run(box, source).stdout == b""


def test_readable_through_a_link(box, tmp_path):
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "real" / "a").write_text("content")
    (tmp_path / "link").symlink_to("real")
    if box.tier != "namespaces" and os.geteuid() == 0:
        pytest.skip("as root in this tier, a folder below a private one is out of the private user's reach")
    link = tmp_path / "link"
    assert run(box, f"print(open('{link}/a').read())", readable=(str(link),)).stdout == b"content\n"


def test_path_finds_programs(box):
    assert box.run(Job(argv=("sh", "-c", "echo $0 $1", "a", "b"))).stdout == b"a b\n"


def test_a_script_among_the_files(box):
    assert box.run(Job(argv=("./go",), files={"go": b"#!/bin/sh\necho went\n"})).stdout == b"went\n"


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", "./missing"])
def test_a_program_that_does_not_exist(box, name):
    seen = box.run(Job(argv=(name,)))
    assert (seen.exit_code, seen.signal) == (127, None)
    assert name in seen.stderr.decode()


def test_a_file_that_is_no_program(box):
    seen = box.run(Job(argv=("./data",), files={"data": b"plain"}))
    assert seen.exit_code == 126


def test_pytest_in_a_copied_tree(box, tmp_path):
    if box.tier != "namespaces" and os.geteuid() == 0:
        pytest.skip("as root in this tier, our own interpreter may be out of the private user's reach")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "test_it.py").write_text(
        "import package, shutil, subprocess, sys\n"
        "def test_double(tmp_path):\n    assert package.double(2) == 4\n    (tmp_path / 'a').write_text('x')\n"
        "    shutil.copy(tmp_path / 'a', tmp_path / 'b')\n"
        "def test_child():\n    assert subprocess.run([sys.executable, '-c', 'raise SystemExit(4)']).returncode == 4\n"
        "def test_wrong():\n    assert package.double(2) == 5\n"
    )
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    site = os.path.dirname(os.path.dirname(pytest.__file__))  # where it lies, should that be outside our own prefix
    job = Job(argv=argv, tree=str(tmp_path), readable=(site,), env={"PYTHONPATH": site}, limits=Limits(wall_s=60, cpu_s=60))
    seen = box.run(job)
    assert seen.exit_code == 1, seen
    assert b"1 failed, 2 passed" in seen.stdout
    assert sorted(os.listdir(tmp_path)) == ["package", "test_it.py"]


def test_many_threads_may_run_jobs_at_once(box):
    seen = {}

    def work(number):
        seen[number] = run(box, f"print({number})").stdout

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {number: b"%d\n" % number for number in range(6)}


def test_no_descriptor_is_left_open(box):
    run(box, "")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run(box, "")
        with pytest.raises(SandboxError):
            box.run(Job(argv=()))
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_interrupted_run_leaves_nothing(box, monkeypatch, tmp_path):
    tmp_path.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def interrupt(*_, **__):
        time.sleep(0.2)
        raise KeyboardInterrupt

    monkeypatch.setattr("yunque.sandbox.pool.exchange", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(box, "import time; time.sleep(60)")
    assert os.listdir(tmp_path) == []


def test_an_interpreter_that_cannot_start(box, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with open_sandbox(box.tier) as fresh, pytest.raises(SandboxError, match="worker could not be started"):
        fresh.run(Job(argv=("true",)))


@pytest.mark.parametrize("memory_bytes", [1, 1 << 20, 8 << 20])
def test_too_little_memory_to_start_is_never_a_success(box, memory_bytes):
    try:
        seen = run(box, "print(1)", limits=Limits(memory_bytes=memory_bytes))
    except SandboxError:
        return
    assert seen.exit_code != 0
    assert seen.stdout == b""


def test_no_room_for_scratch(monkeypatch):
    with open_sandbox("rlimits", unsafe=True) as fresh:
        monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
        with pytest.raises(SandboxError, match="no scratch folder"):
            fresh.run(Job(argv=("true",)))


def test_rlimits_limits_and_cleans_up_though_it_isolates_nothing():
    seen = open_sandbox("rlimits", unsafe=True).run(
        Job(argv=("sh", "-c", "echo out; sleep 57.25 & setsid sleep 57.25 & sleep 57.25"), limits=Limits(wall_s=0.3))
    )
    assert (seen.stdout, seen.timed_out, seen.tier) == (b"out\n", True, "rlimits")
    left = [name for name in filter(str.isdigit, os.listdir("/proc")) if b"57.25" in _command(name)]
    assert left == []


def _command(name: str) -> bytes:
    try:
        with open(f"/proc/{name}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_trees_are_copied_with_links_as_links_and_plain_modes(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "folder").mkdir(parents=True)
    target.mkdir()
    (source / "folder" / "run").write_text("#!")
    (source / "folder" / "run").chmod(0o4711)
    (source / "data").write_text("x")
    (source / "data").chmod(0o400)
    (source / "link").symlink_to("/etc/passwd")
    (source / "linked").symlink_to("folder")
    os.mkfifo(source / "pipe")
    copy_tree(str(source), str(target))
    assert sorted(os.listdir(target)) == ["data", "folder", "link", "linked"]
    assert os.readlink(target / "link") == "/etc/passwd"
    assert (target / "linked").is_symlink()
    assert ((target / "folder" / "run").stat().st_mode & 0o7777, (target / "data").stat().st_mode & 0o7777) == (0o755, 0o644)
    assert (target / "data").stat().st_mtime_ns == (source / "data").stat().st_mtime_ns


def test_removing_follows_no_link(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    gone = tmp_path / "gone"
    (gone / "a" / "b").mkdir(parents=True)
    (gone / "a" / "link").symlink_to(tmp_path / "kept")
    (gone / "a" / "b").chmod(0)
    remove_folder(gone)
    assert os.listdir(tmp_path) == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "x"
    shutil.rmtree(tmp_path / "kept")


@pytest.mark.parametrize(
    ("number", "cpu_s", "spent_s", "timed_out"),
    [
        (signal.SIGXCPU, 1, 0.84, True),  # seen on a busy machine
        (signal.SIGXCPU, 1, 0.1, False),  # its own doing
        (signal.SIGKILL, 1, 1.9, True),
        (signal.SIGKILL, 20, 17, True),
        (signal.SIGKILL, 1, 0.7, False),
        (signal.SIGTERM, 1, 1.0, False),
    ],
)
def test_what_counts_as_out_of_processor_time(number, cpu_s, spent_s, timed_out):
    lines = {"done": f"status={int(number)} own_cpu_us={spent_s * 1e6:.0f}"}
    job = Job(argv=("a",), limits=Limits(cpu_s=cpu_s))
    seen = observation("namespaces", job, Outcome(Capped(9), Capped(9), accepted=True), lines, {})
    assert (seen.signal, seen.timed_out) == (number, timed_out)
