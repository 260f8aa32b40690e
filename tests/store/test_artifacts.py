"""Artifacts: made once, whole or not at all."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import yunque
from yunque.core.errors import StoreError, YunqueError
from yunque.store.artifacts import MANIFEST, Store, disk_errors, peak_bytes, write_whole


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "out")


def writes(text: str = "x"):
    """A build that writes one file, and counts its bytes."""

    def build(folder: Path) -> dict:
        (folder / "text").write_text(text)
        return {"bytes": len(text)}

    return build


def drafts(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "work").glob("*"))


# ------------------------------------------------------------------------------------------------------------------ making
def test_artifacts_made_within_a_millisecond_are_listed_in_their_order(store):
    made = [store.make("step", writes(), recipe={"step": step})[0].id for step in range(40)]
    assert [artifact.id for artifact in store.all()] == made


def test_an_artifact_is_a_folder_with_its_files_and_a_manifest(store):
    parent, _ = store.make("records", writes("parent"))
    artifact, new = store.make("pairs", writes(), parents=[parent], recipe={"k": [1, "a"]}, seed=3)
    assert new
    assert artifact.path == store.root / "artifacts" / f"pairs-{artifact.id}"
    assert sorted(path.name for path in artifact.path.iterdir()) == [MANIFEST, "text"]
    told = json.loads((artifact.path / MANIFEST).read_text())
    assert (told["id"], told["kind"], told["parents"], told["seed"]) == (artifact.id, "pairs", [parent.id], 3)
    assert (told["recipe"], told["counts"], told["code_version"]) == ({"k": [1, "a"]}, {"bytes": 1}, yunque.__version__)
    assert told["created_at"].endswith("+00:00") and told["took_s"] >= 0 and told["peak_bytes"] > 1 << 20
    assert store.find(artifact.id) == artifact
    assert store.parents(artifact) == [parent]
    assert drafts(store) == []


def test_the_same_inputs_are_the_same_artifact_and_are_made_once(store):
    first, _ = store.make("a", writes(), recipe={"x": 1, "y": 2}, seed=1)
    again, new = store.make("a", lambda folder: pytest.fail("built twice"), recipe={"y": 2, "x": 1}, seed=1)
    assert (again, new) == (first, False)


def test_the_id_does_not_depend_on_the_store_or_the_time(store, tmp_path):
    assert store.make("a", writes())[0].id == Store(tmp_path / "elsewhere").make("a", writes("other"))[0].id


def test_whatever_decides_the_content_changes_the_id(store, monkeypatch):
    one, _ = store.make("parent", writes(), seed=1)
    two, _ = store.make("parent", writes(), seed=2)
    inputs = [
        {"kind": "a"},
        {"kind": "b"},
        {"kind": "a", "seed": 1},
        {"kind": "a", "recipe": {"x": 1}},
        {"kind": "a", "recipe": {"x": "1"}},
        {"kind": "a", "parents": [one]},
        {"kind": "a", "parents": [two]},
        {"kind": "a", "parents": [one, two]},
        {"kind": "a", "parents": [two, one]},
    ]
    ids = [store.make(build=writes(), **one)[0].id for one in inputs]
    monkeypatch.setattr(yunque, "__version__", "9.9.9")
    ids.append(store.make("a", writes())[0].id)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("error", [ValueError("broken"), YunqueError("refused"), KeyboardInterrupt()], ids=repr)
def test_a_build_that_raises_publishes_nothing_and_passes_its_error_on(store, error):
    def build(folder: Path) -> dict:
        (folder / "half").write_text("x")
        raise error

    with pytest.raises(type(error)) as caught:
        store.make("a", build)
    assert caught.value is error
    assert store.all() == []
    artifact, new = store.make("a", writes())
    assert new and sorted(path.name for path in artifact.path.iterdir()) == [MANIFEST, "text"], "the half is wiped"


def test_a_resumable_build_finds_what_it_left(store):
    def first(folder: Path) -> dict:
        (folder / "checkpoint").write_text("step 3")
        raise KeyboardInterrupt

    def second(folder: Path) -> dict:
        assert (folder / "checkpoint").read_text() == "step 3"
        (folder / "checkpoint").unlink()
        return {}

    with pytest.raises(KeyboardInterrupt):
        store.make("a", first, resumable=True)
    assert len(drafts(store)) == 1
    artifact, new = store.make("a", second, resumable=True)
    assert new and [path.name for path in artifact.path.iterdir()] == [MANIFEST]
    assert drafts(store) == []


def test_a_manifest_of_a_stopped_run_is_not_an_artifact(store):
    """A kill between the manifest and the rename leaves a draft that looks finished; it is not where finished ones are."""

    def build(folder: Path) -> dict:
        (folder / MANIFEST).write_text("{}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.make("a", build, resumable=True)
    assert store.all() == []
    artifact, new = store.make("a", writes(), resumable=True)
    assert new and store.find(artifact.id).counts == {"bytes": 1}


# -------------------------------------------------------------------------------------------------------------------- kills
BUILD_SLOWLY = """
import sys, time
from pathlib import Path
from yunque.store.artifacts import Store
def build(folder):
    (folder / "half").write_text("half")
    print("building", flush=True)
    time.sleep(60)
    return {}
store = Store(Path(sys.argv[1]))
with store.lock():
    store.make("slow", build)
"""


def start(code: str, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_kill_9_in_the_middle_leaves_no_artifact_and_no_lock_and_a_second_run_finishes(store):
    with start(BUILD_SLOWLY, store.root) as run:
        try:
            assert run.stdout.readline() == "building\n"
            with pytest.raises(StoreError, match="another run is writing here"), store.lock():
                pass
        finally:
            run.send_signal(signal.SIGKILL)
    assert store.all() == [] and len(drafts(store)) == 1
    with store.lock():
        artifact, new = store.make("slow", writes())
    assert new and sorted(path.name for path in artifact.path.iterdir()) == [MANIFEST, "text"]
    assert drafts(store) == []


KILL_AT_RANDOM = """
import sys
from pathlib import Path
from yunque.store.artifacts import Store
def build(folder):
    for number in range(40):
        (folder / str(number)).write_text(str(number) * 1000)
    return {"files": 40}
store = Store(Path(sys.argv[1]))
print("on", flush=True)
for seed in range(2000):
    store.make("a", build, seed=seed)
"""


def test_kill_9_at_any_moment_leaves_only_whole_artifacts(store):
    for delay_ms in (5, 20, 37, 60):
        with start(KILL_AT_RANDOM, store.root) as run:
            run.stdout.readline()
            time.sleep(delay_ms / 1000)
            run.kill()
    found = store.all()
    assert found, "nothing was made before the first kill"
    for artifact in found:
        assert len(list(artifact.path.iterdir())) == 1 + artifact.counts["files"]
        assert all((artifact.path / str(n)).read_text() == str(n) * 1000 for n in range(40))


# --------------------------------------------------------------------------------------------------------------------- lock
def test_two_runs_in_one_store(store):
    with store.lock():
        with pytest.raises(StoreError) as caught, Store(store.root).lock():
            pytest.fail("both are in")
        assert caught.value.line() == f"{store.root}: another run is writing here; wait for it, or choose another --out"
    with store.lock():
        pass


def test_a_process_that_was_forked_meanwhile_does_not_keep_the_lock(store):
    with store.lock():
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # lives on, as a judge of answers does
            os._exit(0)
    try:
        with Store(store.root).lock():
            pass
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


# ------------------------------------------------------------------------------------------------------------------ finding
def test_finding_by_the_start_of_an_id_or_of_a_kind(store):
    one, _ = store.make("records", writes())
    other, _ = store.make("pairs", writes())
    assert store.find(one.id[:6]) == one
    assert store.find(f"pairs-{other.id[:4]}") == other
    assert store.find("pairs") == other
    assert {artifact.id for artifact in store.all()} == {one.id, other.id}


def test_an_ambiguous_start_names_those_it_could_be(store):
    made = [store.make("scores", writes(), seed=seed)[0] for seed in (1, 2)]
    store.make("pairs", writes())
    with pytest.raises(StoreError, match="2 artifacts start with 'scores'") as caught:
        store.find("scores")
    assert all(f"scores-{artifact.id}" in caught.value.line() for artifact in made)
    assert "pairs" not in caught.value.line()


@pytest.mark.parametrize("wanted", ["zzzz", "", "/", "records-zz", "*", "../../etc"])
def test_an_unknown_one_is_answered_with_those_that_are_there(store, wanted):
    artifact, _ = store.make("records", writes())
    with pytest.raises(StoreError, match="no artifact") as caught:
        store.find(wanted)
    assert f"records-{artifact.id}" in caught.value.line()


def test_an_empty_or_missing_store_says_how_to_fill_it(store):
    assert store.all() == []
    with pytest.raises(StoreError, match=r"no artifacts here; run `yunque forge`"):
        store.find("abc")


def test_of_a_kind_only_that_kind_is_found_and_named(store):
    with pytest.raises(StoreError, match=r"no datasets here; run `yunque data build`"):
        store.find("abc", "dataset")
    records, _ = store.make("records", writes())
    data, _ = store.make("dataset", writes())
    assert store.find(data.id, "dataset").id == data.id
    with pytest.raises(StoreError, match="no dataset") as caught:
        store.find(records.id, "dataset")
    assert data.id in caught.value.line() and "records-" not in caught.value.line()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"parents": 3}', '{"parents": [], "surprise": 1}', "\udcff"], ids=ascii
)
def test_an_unreadable_manifest_is_one_line_with_its_folder(store, text):
    artifact, _ = store.make("a", writes())
    (artifact.path / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    for attempt in (lambda: store.find(artifact.id), lambda: store.make("a", writes()), store.all):
        with pytest.raises(StoreError, match="unreadable manifest") as caught:
            attempt()
        assert str(artifact.path) in caught.value.line() and "\n" not in caught.value.line()


# ---------------------------------------------------------------------------------------------------------------- bad disks
def test_an_out_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "out").write_text("")
    for root in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(StoreError, match=r"cannot write .*choose another --out"), Store(root).lock():
            pass
        with pytest.raises(StoreError, match="cannot write"):
            Store(root).make("a", writes())


@pytest.mark.parametrize("place", ["", "artifacts/a-1", "work/a-1/x"])
def test_an_out_without_permission_is_one_line(tmp_path, place):
    root = tmp_path / "out"
    with pytest.raises(StoreError) as caught, disk_errors(root):
        raise PermissionError(errno.EACCES, "Permission denied", str(root / place))
    assert caught.value.line() == f"{root}: cannot write (Permission denied); choose another --out"


IN_A_SMALL_DISK = """
import sys
from pathlib import Path
from yunque.core.errors import YunqueError
from yunque.store.artifacts import Store
from yunque.store.tables import write_table
from yunque.core.nouns import Finding
import random
how, root = sys.argv[1], Path(sys.argv[2])
choose = random.Random(1)
def plain(folder):
    with open(folder / "large", "wb") as file:
        for _ in range(64):
            file.write(choose.randbytes(1 << 16))
    return {}
def parquet(folder):
    rows = [Finding(rule="r", message=choose.randbytes(20_000).hex()) for _ in range(200)]
    return {"rows": write_table(folder / "rows.parquet", rows, Finding)}
def almost(folder):  # all but a last byte is full when the manifest comes
    try:
        with open(folder / "large", "wb", buffering=0) as file:
            while True:
                file.write(choose.randbytes(4096))
    except OSError:
        return {"what": "x" * 100_000}
try:
    store = Store(root / "out")
    with store.lock():
        store.make("a", {"plain": plain, "parquet": parquet, "almost": almost}[how])
    print("made")
except YunqueError as error:
    print(type(error).__name__, error.line())
print("artifacts", len(list((root / "out" / "artifacts").glob("*"))))
"""


@pytest.fixture
def mounted(tmp_path):
    """Run code where ``tmp_path/disk`` is a file system of its own, in a private mount namespace; gives its stdout."""
    if shutil.which("unshare") is None:
        pytest.skip("no `unshare` here to mount a small disk with")
    disk = tmp_path / "disk"
    disk.mkdir()

    def run(code: str, options: str, *arguments: object) -> list[str]:
        mount = f'mount -t tmpfs -o {options} none "$1" && shift && exec "$@"'
        command = ["unshare", "-rm", "sh", "-c", mount, "sh", str(disk), sys.executable, "-c", code, *map(str, arguments)]
        probe = subprocess.run([*command[:7], "true"], capture_output=True, text=True, timeout=60)
        if probe.returncode:
            pytest.skip(f"mounting in a private namespace is not permitted here: {probe.stderr.strip()[-100:]}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    run.disk = disk
    return run


@pytest.mark.parametrize("how", ["plain", "parquet", "almost"])
def test_a_disk_that_fills_is_one_line_and_leaves_no_artifact(mounted, how):
    root = mounted.disk
    told, artifacts = mounted(IN_A_SMALL_DISK, "size=2m", how, root)
    assert told == f"StoreError {root / 'out'}: the disk is full; free some space and run again; finished steps are kept"
    assert artifacts == "artifacts 0"


def test_the_same_build_fits_on_a_larger_disk(mounted):
    assert mounted(IN_A_SMALL_DISK, "size=64m", "plain", mounted.disk) == ["made", "artifacts 1"]


def test_a_read_only_disk_is_one_line(mounted):
    told, artifacts = mounted(IN_A_SMALL_DISK, "ro", "plain", mounted.disk)
    assert told.startswith(f"StoreError {mounted.disk / 'out'}: cannot write") and told.endswith("choose another --out")
    assert artifacts == "artifacts 0"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "x"),
        OSError(errno.EDQUOT, "x"),
        RuntimeError("safetensors: I/O error: No space left on device (os error 28)"),
    ],
    ids=["errno", "quota", "words"],
)
def test_a_full_disk_is_known_by_errno_words_or_cause(tmp_path, error):
    with pytest.raises(StoreError, match="the disk is full"), disk_errors(tmp_path):
        raise error
    with pytest.raises(StoreError, match="the disk is full"), disk_errors(tmp_path):
        try:
            raise error
        except Exception as cause:
            raise ValueError("could not save") from cause


def test_other_errors_are_left_alone(tmp_path):
    for error in (ValueError("no"), PermissionError(errno.EACCES, "no", "/elsewhere/entirely"), StoreError("as it is")):
        with pytest.raises(type(error)) as caught, disk_errors(tmp_path / "out"):
            raise error
        assert caught.value is error


# -------------------------------------------------------------------------------------------------------------------- small
def test_write_whole_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "one ñ")
    write_whole(path, "two")
    assert path.read_text(encoding="utf-8") == "two"
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_that_breaks_leaves_the_old_content(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \ud800")
    assert path.read_text() == "old"


def test_peak_bytes_is_the_size_of_a_python():
    assert 4 << 20 < peak_bytes() < 1 << 36


def test_artifacts_made_in_the_same_second_are_listed_as_they_were_made(tmp_path):
    store, ids = Store(tmp_path), []
    for number in range(6):
        time.sleep(0.002)
        ids.append(store.make("numbers", lambda folder: {"n": 1}, recipe={"number": number})[0].id)
    assert [artifact.id for artifact in store.all()] == ids != sorted(ids)


@pytest.mark.parametrize(("umask", "rights"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_files_that_a_library_writes_for_nobody_else_follow_the_umask(tmp_path, umask, rights):
    import os

    def build(folder):
        (folder / "sub").mkdir()
        for name in ("a.safetensors", "sub/b"):
            (folder / name).write_bytes(b"x")
            (folder / name).chmod(0o600)
        return {}

    before = os.umask(umask)
    try:
        artifact, _ = Store(tmp_path / str(umask)).make("model", build)
    finally:
        os.umask(before)
    found = {path.name: path.stat().st_mode & 0o777 for path in artifact.path.rglob("*") if path.is_file()}
    assert found == {"a.safetensors": rights, "b": rights, "manifest.json": rights}


# ------------------------------------------------------------------------------------------------------------------ cleaning
def test_what_only_an_older_result_needs_is_superseded(store):
    source, _ = store.make("snapshot", writes(), name="s")
    made = {}
    for turn in (1, 2):
        rows, _ = store.make("packed", writes(), parents=[source], recipe={"turn": turn}, name="s")
        made["model", turn], _ = store.make("model", writes(), parents=[rows], recipe={"turn": turn}, name="s")
        made["report", turn], _ = store.make("report", writes(), parents=[made["model", turn]], name="s")
        made["eval", turn], _ = store.make("eval", writes(), recipe={"turn": turn}, name="m")
        made["rows", turn] = rows
    other, _ = store.make("report", writes(), name="another")
    gone = store.superseded()
    assert [item.id for item in gone] == [made[kind, 1].id for kind in ("rows", "model", "report")]
    assert other not in gone and source not in gone
    store.remove(item.path for item in gone)
    assert store.superseded() == [] and {item.id for item in store.all()} >= {source.id, other.id, made["eval", 1].id}
    assert store.parents(made["report", 2]) == [made["model", 2]]


def test_drafts_are_what_stopped_runs_left(store):
    with pytest.raises(KeyboardInterrupt):
        store.make("a", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
    assert [path.name.split("-")[0] for path in store.drafts()] == ["a"]
    store.remove(store.drafts())
    assert store.drafts() == []
