"""Artifacts on disk: made once, whole, with their parents.

    artifacts/<kind>-<id>/manifest.json    finished: the manifest is inside and the folder was renamed into place
    work/<kind>-<id>/                      being made, or left by a run that was stopped
    tainted.json                           what must not be used any more, and why
    lock                                   held while a run writes here

An id is the hash of what decides the content (kind, parents, recipe, seed, code version), so it is known before the work
starts: a finished step is found and skipped, and an unfinished one finds its own half-done folder.

Covered: kill at any moment, two runs in one store, a disk that fills.
Not covered: stores on file systems without atomic rename; a user who edits a finished artifact by hand.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import os
import re
import resource
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yunque
from yunque.core.errors import StoreError
from yunque.core.nouns import content_id

MANIFEST = "manifest.json"
TAINTED = "tainted.json"
RECIPE = "recipe.json"
"""File of an artifact that a whole recipe made: that recipe, defaults included."""
MEASUREMENTS = ("eval",)
"""Kinds of artifacts that are kept beside newer ones of their name."""
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an artifact is and where it came from; written last, so that "it exists" means "it is whole"."""

    id: str
    kind: str
    parents: tuple[str, ...]
    recipe: dict
    """The resolved part of the recipe that decided this artifact."""
    seed: int
    code_version: str
    counts: dict
    """What went in, what came out, what was lost and why; numbers and short strings only."""
    created_at: str
    """UTC, ISO 8601, microseconds: the order in which artifacts were made. Not part of the id."""
    took_s: float
    peak_bytes: int
    """Largest resident set of this process until the artifact was done. Not part of the id."""
    name: str = ""
    """What it is of, for people. Not part of the id."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A finished artifact: its folder and its manifest."""

    path: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """The artifact's id, 16 hex digits."""
        return self.manifest.id

    @property
    def full_id(self) -> str:
        """``kind-id``: the name of its folder."""
        return f"{self.manifest.kind}-{self.id}"

    @property
    def counts(self) -> dict:
        """What went in, came out and was lost."""
        return self.manifest.counts

    def starts_with(self, wanted: str) -> bool:
        """Whether that is how its id begins, alone or behind its kind (``kind-id``)."""
        return bool(wanted) and (self.id.startswith(wanted) or self.full_id.startswith(wanted))


class Store:
    """A folder of artifacts. Raises StoreError when ``root`` cannot be used."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._artifacts, self._work = self.root / "artifacts", self.root / "work"

    # ------------------------------------------------------------------------------------------------------------- writing
    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out of this store while the context lasts; StoreError when one is in already."""
        with disk_errors(self.root):
            self._artifacts.mkdir(parents=True, exist_ok=True)
            self._work.mkdir(exist_ok=True)
            handle = open(self.root / "lock", "w")  # noqa: SIM115  held for the whole context
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(
                    "another run is writing here", where=self.root, do="wait for it, or choose another --out"
                ) from None
            try:
                yield
            finally:  # said, not left to the file's end: a process that was forked meanwhile holds the file as well
                fcntl.flock(handle, fcntl.LOCK_UN)

    def make(
        self,
        kind: str,
        build: Callable[[Path], dict],
        *,
        parents: Sequence[Artifact] = (),
        recipe: dict | None = None,
        seed: int = 0,
        resumable: bool = False,
        name: str = "",
    ) -> tuple[Artifact, bool]:
        """The artifact that these inputs decide, and whether it had to be made.

        ``build`` fills the folder it is given and returns the counts. With ``resumable`` it may find there what an earlier,
        stopped run left; otherwise the folder is empty. Nothing is published when ``build`` raises. ``name`` is for people.
        """
        parent_ids = tuple(parent.id for parent in parents)
        recipe = recipe or {}
        identity = json.dumps([kind, parent_ids, recipe, seed, yunque.__version__], sort_keys=True)
        artifact_id = content_id(identity)
        folder = f"{kind}-{artifact_id}"
        final, draft = self._artifacts / folder, self._work / folder
        if (final / MANIFEST).exists():
            return self._read(final), False
        started = time.monotonic()
        with disk_errors(self.root):
            if draft.exists() and not resumable:
                shutil.rmtree(draft)
            draft.mkdir(parents=True, exist_ok=True)
            counts = build(draft)
            manifest = Manifest(
                id=artifact_id, kind=kind, parents=parent_ids, recipe=recipe, seed=seed, code_version=yunque.__version__,
                counts=counts, created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
                took_s=round(time.monotonic() - started, 3), peak_bytes=peak_bytes(), name=name,
            )  # fmt: skip
            write_whole(draft / MANIFEST, json.dumps(dataclasses.asdict(manifest), indent=2) + "\n")
            self._artifacts.mkdir(parents=True, exist_ok=True)
            _share(draft, (draft / MANIFEST).stat().st_mode)
            os.rename(draft, final)
        made = Artifact(path=final, manifest=manifest)
        of = {*(parent.full_id for parent in parents), *_sources(made)}
        if marks := [why for name, why in self.tainted().items() if name in of]:
            self._mark([folder], marks[0])
        return made, True

    # ------------------------------------------------------------------------------------------------------------- reading
    def all(self) -> list[Artifact]:
        """Every finished artifact, oldest first."""
        artifacts = [self._read(path.parent) for path in self._artifacts.glob(f"*/{MANIFEST}")]
        return sorted(artifacts, key=lambda artifact: (artifact.manifest.created_at, artifact.id))

    def find(self, wanted: str, kind: str = "") -> Artifact:
        """The one artifact (of that kind) whose id, or ``kind-id``, starts with ``wanted``.

        StoreError when none or several do.
        """
        every = [artifact for artifact in self.all() if kind in ("", artifact.manifest.kind)]
        hits = [artifact for artifact in every if artifact.starts_with(wanted)]
        if len(hits) == 1:
            return hits[0]
        if not every:
            first = "yunque data build" if kind == "dataset" else "yunque forge"
            raise StoreError(
                f"no {kind or 'artifact'}s here", where=self.root, do=f"run `{first}` first, or name its folder with --out"
            )
        known = ", ".join(artifact.full_id for artifact in (hits or every)[-12:])
        of_kind = kind or "artifact"
        what = f"{len(hits)} {of_kind}s start with '{wanted}'" if hits else f"no {of_kind} '{wanted}'"
        raise StoreError(what, where=self.root, do=f"known: {known}")

    def parents(self, artifact: Artifact) -> list[Artifact]:
        """The artifacts this one was made from."""
        return [self.find(parent) for parent in artifact.manifest.parents]

    # --------------------------------------------------------------------------------------------------------------- taint
    def taint(self, names: Iterable[str], why: str) -> list[Artifact]:
        """Mark artifacts (``kind-id``) and all that was made of them; returns those that are here.

        What is not here is marked all the same: it may be published a moment later.
        """
        names = set(names)
        every, reached, marked = self.all(), list[Artifact](), set(names)
        while more := [artifact for artifact in every if artifact not in reached and _made_of(artifact) & marked]:
            reached += more
            marked |= {name for artifact in more for name in (artifact.full_id, artifact.id)}
        names |= {artifact.full_id for artifact in reached}
        if names:
            self._mark(names, why)
        return reached

    def _mark(self, names: Iterable[str], why: str) -> None:
        """Without the lock of runs, which may last for hours; a lock of its own for a moment."""
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            with open(self.root / "tainted.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                write_whole(self.root / TAINTED, json.dumps(dict.fromkeys(names, why) | self.tainted(), indent=1) + "\n")

    def tainted(self) -> dict[str, str]:
        """``kind-id`` of what must not be used any more -> why."""
        try:
            return dict(json.loads((self.root / TAINTED).read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(f"cannot be read ({error})", where=self.root / TAINTED) from None

    # ------------------------------------------------------------------------------------------------------------ cleaning
    def superseded(self) -> list[Artifact]:
        """What only an older result of a name needs, a name's newest one being there; measurements are never superseded."""
        every = self.all()
        parents = {parent for artifact in every for parent in artifact.manifest.parents}
        newest: dict[tuple[str, str], Artifact] = {}
        needed = []
        for artifact in (item for item in every if item.id not in parents):  # oldest first
            if artifact.manifest.kind in MEASUREMENTS:
                needed.append(artifact.id)
            newest[artifact.manifest.kind, artifact.manifest.name] = artifact
        by_id = {artifact.id: artifact for artifact in every}
        stack, kept = [*needed, *(artifact.id for artifact in newest.values())], set()
        while stack:
            artifact_id = stack.pop()
            if artifact_id not in kept and artifact_id in by_id:
                kept.add(artifact_id)
                stack += by_id[artifact_id].manifest.parents
        return [artifact for artifact in every if artifact.id not in kept]

    def drafts(self) -> list[Path]:
        """What stopped runs left."""
        return sorted(self._work.iterdir()) if self._work.exists() else []

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove folders of artifacts and drafts, manifests first, so that none is ever there in part."""
        with self.lock(), disk_errors(self.root):
            for path in paths:
                (path / MANIFEST).unlink(missing_ok=True)
                shutil.rmtree(path)

    def _read(self, folder: Path) -> Artifact:
        try:
            fields = json.loads((folder / MANIFEST).read_text())
            manifest = Manifest(**{**fields, "parents": tuple(fields["parents"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"unreadable manifest ({error})", where=folder, do="delete that folder and run again"
            ) from error
        return Artifact(path=folder, manifest=manifest)


def _made_of(artifact: Artifact) -> set[str]:
    """What taints an artifact: itself, its parents by their ids, and what it read as a source."""
    return {artifact.full_id, *artifact.manifest.parents, *_sources(artifact)}


def _sources(artifact: Artifact) -> tuple[str, ...]:
    """Artifacts that were read as a source, by a stream that says so in its identity."""
    source = artifact.manifest.recipe.get("source")
    return (source["artifact"],) if isinstance(source, dict) and source.get("artifact") else ()


def _share(folder: Path, mode: int) -> None:
    """Give every file at least the rights of one that was just written: some libraries let nobody else read theirs."""
    for path in folder.rglob("*"):
        seen = path.lstat()
        if stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1:
            path.chmod(stat.S_IMODE(seen.st_mode | mode))


def bytes_below(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def peak_bytes() -> int:
    """Largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a StoreError, whichever library met it."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if _is_full(error):
            what = "the disk is full"
            raise StoreError(what, where=root, do="free some space and run again; finished steps are kept") from error
        if isinstance(error, OSError) and error.errno in UNWRITABLE and _inside(error, root):
            raise StoreError(f"cannot write ({error.strerror})", where=root, do="choose another --out") from error
        raise


def _is_full(error: BaseException) -> bool:
    """Whether the error, or one it came from, says "no space": libraries in C++ and Rust keep the words, not the errno."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        if re.search(r"no space left on device|os error 28|disk quota exceeded", str(cause), re.IGNORECASE):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _inside(error: OSError, root: Path) -> bool:
    return error.filename is None or str(error.filename).startswith(str(root)) or str(root).startswith(str(error.filename))
