"""The scratch folder of a job: fill it, look into it, empty it, whatever a hostile program left there.

The worker imports this file alone, without the package, so it uses nothing but the standard library.

Covered: links that lead out, folders deeper than a path can say, folders locked against removal, pipes and devices in place
of files, names that are not text.
Not covered: a folder that somebody outside moves while it is removed (an OSError says so).
"""

import contextlib
import fnmatch
import os
import shutil
import stat

SET_ASIDE = "set-aside-"
"""How the name of a folder begins that is no longer used, and too large to be removed at once."""


def census(root: str, enough: int) -> tuple[int, int]:
    """How many files and folders lie below ``root``, and how many bytes they take; counting stops at ``enough`` of them."""
    files = size = 0
    waiting = [root]
    while waiting and files <= enough:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                files += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return files, size


def copy_tree(source: str, target: str, uid: int | None = None) -> tuple[int, int]:
    """Copy folders, regular files and links as links; pipes, sockets and devices stay behind, and so do odd mode bits.

    ``uid``: who owns the copy; None: this process. Returns how many were copied, and the bytes that they take.
    """
    copied = size = 0
    for folder, names, files in os.walk(source):
        here = os.path.normpath(os.path.join(target, os.path.relpath(folder, source)))
        for name in (*names, *files):
            old, new = os.path.join(folder, name), os.path.join(here, name)
            seen = os.lstat(old)
            if stat.S_ISLNK(seen.st_mode):
                os.symlink(os.readlink(old), new)
            elif stat.S_ISDIR(seen.st_mode):
                os.mkdir(new, 0o755)
            elif stat.S_ISREG(seen.st_mode):
                shutil.copyfile(old, new, follow_symlinks=False)
                os.chmod(new, 0o755 if seen.st_mode & 0o111 else 0o644)
                os.utime(new, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # or every cached .pyc in the copy would be stale
            else:
                continue
            copied, size = copied + 1, size + os.lstat(new).st_blocks * 512
            if uid is not None:
                os.chown(new, uid, uid, follow_symlinks=False)
    return copied, size


def tree_bytes(source: str) -> int:
    """What `copy_tree` will take on a disk, each file rounded up to whole pages."""
    total = 0
    for folder, names, files in os.walk(source):
        for name in (*names, *files):
            total += (os.lstat(os.path.join(folder, name)).st_size + 8191) & ~4095
    return total


def write_inside(root: str, path: str, content: bytes) -> None:
    """Write a file below ``root``; PermissionError when a link there would lead it elsewhere. Programs may be run."""
    target = os.path.join(root, path)
    folder = os.path.dirname(target)
    if os.path.commonpath([os.path.realpath(folder), os.path.realpath(root)]) != os.path.realpath(root):
        raise PermissionError(f"{path!r} leads out of the scratch folder through a link of the tree")
    os.makedirs(folder, exist_ok=True)
    if os.path.islink(target):
        os.unlink(target)
    with open(target, "wb") as file:
        file.write(content)
    os.chmod(target, 0o755 if content.startswith((b"#!", b"\x7fELF")) else 0o644)


def find_inside(root: str, wanted: list[str]) -> list[str]:
    """The paths that are wanted, patterns (``*.class``) replaced by the matching names that lie in ``root`` itself."""
    results: list[str] = []
    names: list[str] | None = None
    for path in wanted:
        if not any(character in path for character in "*?["):
            results.append(path)
            continue
        names = sorted(os.listdir(root)) if names is None else names
        results += fnmatch.filter(names, path)
    return results


def open_inside(root: str, path: str) -> int:
    """Open a file below ``root``, step by step, so that no folder on the way can be a link; never waits on a pipe."""
    *folders, name = [part for part in path.split("/") if part not in ("", ".")]
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            above, here = here, os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(above)
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=here)
    finally:
        os.close(here)


def remove_folder(folder: str, at_most: int | None = None) -> None:
    """Remove a folder however deep or locked, with one descriptor and no recursion; links are removed, never followed.

    ``at_most``: stop after about so many files; the rest then still lies there.
    """
    os.chmod(folder, 0o700)
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    above: list[tuple[str, list[str], os.stat_result]] = []  # name here, folders still to go beside it, the folder it is in
    waiting, removed = _unlink_files(here, at_most)
    try:
        while waiting or above:
            if at_most is not None and removed >= at_most:
                return
            if waiting:
                name = waiting.pop()
                os.chmod(name, 0o700, dir_fd=here)
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                above.append((name, waiting, os.fstat(here)))
                os.close(here)
                here = below
                waiting, more = _unlink_files(below, at_most)
                removed += more + 1
            else:
                name, waiting, expected = above.pop()
                parent = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
                os.close(here)
                here = parent
                if not os.path.samestat(os.fstat(here), expected):
                    raise OSError(f"{folder} was moved while it was removed")
                os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)
    if at_most is None or removed < at_most:
        os.rmdir(folder)


def _unlink_files(here: int, at_most: int | None) -> tuple[list[str], int]:
    """Unlink everything in a folder that is no folder; the names of the folders, and how many were unlinked."""
    with os.scandir(here) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    names = [name for name, is_folder in listed if not is_folder][:at_most]
    for name in names:
        os.unlink(name, dir_fd=here)
    return [name for name, is_folder in listed if is_folder], len(names)
