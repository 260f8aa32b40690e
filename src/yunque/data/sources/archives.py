"""Unpack an archive nobody trusts: tar in every compression, zip, wheel.

Regular files are written by ``TreeWriter``; nothing of ``tarfile`` or ``zipfile`` touches the disk itself.

Covered: names that lead outside (the archive is refused), links (made only if they stay inside), devices and pipes (left
behind), bombs by size, by ratio, by number and by header, overlapping zip members, encrypted and damaged archives.
Not covered: archives inside archives stay as they are; self-extracting zips; 7z and rar.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from yunque.core.errors import SourceError
from yunque.data.sources.snapshots import CHUNK_BYTES, TreeLimits, TreeWriter

SUPPORTED = "tar (plain, gz, bz2, xz), zip and whl"
MAX_HEADER_BYTES = 1 << 20
"""A long name or an extended header over this is an attack: tarfile reads it into memory whole."""
MAX_RATIO, RATIO_FROM_BYTES = 500, 64 << 20
"""An archive that promises so many bytes, and so many times its own size, is a bomb: code packs to a third or a tenth."""
TRAILER_BYTES = 1 << 20
"""What is read behind the end of a tar: it is filled up with zeros, and more of them may be a bomb. A block of bzip2, which
tells only at its end whether it was right, is less."""
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError)
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_FOREIGN = {b"7z\xbc\xaf": "a 7z archive", b"Rar!": "a rar archive", b"\x28\xb5\x2f\xfd": "compressed with zstandard"}


def archive_kind(path: Path) -> str:
    """``zip`` or ``tar``, by content and not by name. SourceError when it is neither."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
        if start in _ZIP_STARTS:  # not is_zipfile: that also finds a zip at the end of a tar
            return "zip"
        if tarfile.is_tarfile(path):
            return "tar"
    except PermissionError as error:
        raise SourceError("cannot be read (permission denied)", where=path) from error
    except _DAMAGED:
        pass  # damaged in its first block, so nothing we know
    what = _FOREIGN.get(start, "not an archive")
    raise SourceError(f"is {what}", where=path, do=f"name a folder, a git repository, or an archive: {SUPPORTED}")


def unpack(path: Path, writer: TreeWriter) -> None:
    """Give every member to the writer, without the single top folder if there is one; the caller finishes the writer.

    SourceError when the archive is refused, damaged, encrypted or over the writer's limits.
    """
    if archive_kind(path) == "zip":
        _unzip(path, writer)
    else:
        _untar(path, writer)
    writer.strip_top()


class _HeaderBomb(Exception):
    """Not one of tarfile's errors, which it takes for the end of the archive."""


class _CappedInfo(tarfile.TarInfo):
    """A tar header that refuses an extended header too large to be one."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENDED and info.size > MAX_HEADER_BYTES:
            raise _HeaderBomb(f"is a bomb: it has a header of {info.size} bytes")
        return info


def _untar(path: Path, writer: TreeWriter) -> None:
    budget = _Budget(path, writer.limits)
    try:
        with tarfile.open(path, "r:*", tarinfo=_CappedInfo) as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # not in typeshed; or it keeps every header in memory
                budget.spend(member.size if member.isreg() else 0)
                _take_tar_member(tar, member, writer, path)
            tar.fileobj.read(TRAILER_BYTES)  # gzip and xz tell only at their end whether all of it was right
    except _HeaderBomb as error:
        raise SourceError(str(error), where=path, do="do not trust it") from None
    except _DAMAGED as error:
        _raise_damaged(path, error)


def _take_tar_member(tar: tarfile.TarFile, member: tarfile.TarInfo, writer: TreeWriter, path: Path) -> None:
    if member.isdir():
        return
    if member.issym():
        writer.add_link(member.name, member.linkname)
    elif member.islnk():
        writer.add_copy(member.name, member.linkname)
    elif not member.isreg():
        writer.skip(member.name, "special file", "a pipe or device")
    elif member.size > writer.limits.max_file_bytes:
        writer.skip(member.name, "too large", f"over {writer.limits.max_file_bytes} bytes", member.size)
    else:
        stream = tar.extractfile(member)
        assert stream is not None  # it is a regular file
        writer.add_file(member.name, _chunks(stream, path), executable=bool(member.mode & 0o100))


def _unzip(path: Path, writer: TreeWriter) -> None:
    budget = _Budget(path, writer.limits)
    try:
        archive = zipfile.ZipFile(path)
    except (*_DAMAGED, NotImplementedError) as error:
        _raise_damaged(path, error)
    with archive:
        for info in archive.infolist():
            budget.spend(info.file_size)
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if info.file_size > writer.limits.max_file_bytes:
                writer.skip(info.filename, "too large", f"over {writer.limits.max_file_bytes} bytes", info.file_size)
                continue
            try:
                stream = archive.open(info)
            except (*_DAMAGED, RuntimeError, NotImplementedError) as error:  # RuntimeError: it is encrypted
                _raise_damaged(path, error)
            with stream:
                if stat.S_ISLNK(mode):
                    target = b"".join(_chunks(stream, path))[:4096].decode("utf-8", "surrogateescape")
                    writer.add_link(info.filename, target)
                else:
                    writer.add_file(info.filename, _chunks(stream, path), executable=bool(mode & 0o100))


class _Budget:
    """What the headers promise, added up before a member is unpacked: skipping one costs time as well."""

    def __init__(self, path: Path, limits: TreeLimits) -> None:
        self.path, self.limits, self.members, self.bytes = path, limits, 0, 0
        self.packed = path.stat().st_size

    def spend(self, size: int) -> None:
        self.members, self.bytes = self.members + 1, self.bytes + size
        if self.members > self.limits.max_files or self.bytes > self.limits.max_total_bytes:
            most = f"{self.limits.max_files} members or {self.limits.max_total_bytes} bytes"
            raise SourceError(f"unpacks to more than {most}", where=self.path, do="unpack the part you need by hand")
        if self.bytes > max(RATIO_FROM_BYTES, MAX_RATIO * self.packed):
            what = f"is a bomb: {self.packed} bytes that unpack to {self.bytes} or more"
            raise SourceError(what, where=self.path, do="do not trust it")


def _chunks(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    """The bytes of a member; an error of the archive becomes a SourceError here, and one of the disk stays what it is."""
    while True:
        try:
            chunk = stream.read(CHUNK_BYTES)
        except (*_DAMAGED, RuntimeError, NotImplementedError) as error:
            _raise_damaged(path, error)
        if not chunk:
            return
        yield chunk


def _raise_damaged(path: Path, error: Exception) -> None:
    if isinstance(error, OSError) and error.errno is not None:
        raise error  # the disk, not the archive
    raise SourceError(f"the archive is damaged or encrypted ({error})", where=path, do="get it again") from error
