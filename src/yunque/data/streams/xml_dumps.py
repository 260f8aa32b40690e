"""The rows of an XML dump, one by one, from a plain file or out of a .7z while it unpacks.

Rows are cut from the stream at ``<row`` and end before the next ``<``, which cannot stand inside a well-formed one, and lxml
parses a few hundred of them at a time. Its ``iterparse`` would end for good at the first byte that is wrong; here a broken
row is one ``Dropped``, and as no row ever sees a DTD, no entity can expand and nothing can be fetched.

Covered: a byte order mark, CRLF, rows over several lines or all on one, rows that are cut short, too long or not UTF-8,
characters that XML does not allow (left out, and said), a cut file, damaged and encrypted archives, bombs.
Not covered: values in nested elements; other encodings than UTF-8 (refused).
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped
from yunque.data.sources.snapshots import CHUNK_BYTES, shown

MAX_ROW_BYTES = 4 << 20
"""A post has at most some 30,000 characters."""
BATCH_ROWS = 256
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
_START = re.compile(rb"<row(?=[\s/>])")
_ENCODING = re.compile(rb"<\?xml[^<>]*encoding\s*=\s*[\"']([\w.:-]+)")
_ID = re.compile(rb"\sId\s*=\s*[\"'](\d{1,19})[\"']")
_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
_NONCHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row."""

    values: dict[str, str]
    cleaned: bool = False
    """It held characters that XML does not allow; they are left out."""


def read_rows(path: Path, member: str, max_total_bytes: int) -> Iterator[Row | Dropped]:
    """Every row of ``path``, or of the ``member`` in it when it is a .7z; in file order.

    SourceError when it cannot be read, is damaged, or is more than ``max_total_bytes`` of XML.
    """
    batch: list[bytes] = []
    for piece in _cut(_counted(_chunks(path, member, max_total_bytes), max_total_bytes, path), path):
        if isinstance(piece, Dropped):
            yield from _parse(batch)
            batch = []
            yield piece
        else:
            batch.append(piece)
            if len(batch) == BATCH_ROWS:
                yield from _parse(batch)
                batch = []
    yield from _parse(batch)


# ---------------------------------------------------------------------------------------------------------------- rows
def _cut(chunks: Iterator[bytes], path: Path) -> Iterator[bytes | Dropped]:
    """The bytes of each row, ``<row … />``; what is too long is not kept while it passes."""
    held, head, lost_bytes, begun = b"", b"", 0, False
    for chunk in chunks:
        held += chunk
        starts = [match.start() for match in _START.finditer(held)]
        if starts and not begun:
            _check_encoding(held[: starts[0]], path)
        edges = [0, *starts] if begun and starts[:1] != [0] else starts
        for start, end in pairwise(edges):
            yield _whole(held[start:end], head, lost_bytes)
            head, lost_bytes = b"", 0
        if starts:
            held, begun = held[starts[-1] :], True
        if len(held) > MAX_ROW_BYTES:  # keep what may be the beginning of the next row, and of this one its number
            head, lost_bytes = head or held[:200], lost_bytes + len(held) - 5
            held = held[-5:]
    if begun:
        yield _whole(held, head, lost_bytes)
        if not lost_bytes and held.rstrip().endswith(b"/>"):
            yield Dropped(path=shown(path.name), reason="cut short", detail="it ends without an end tag")


def _check_encoding(head: bytes, path: Path) -> None:
    if (match := _ENCODING.search(head)) and match[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise SourceError(f"is written in {match[1].decode()}", where=path, do="convert it to UTF-8")


def _whole(piece: bytes, head: bytes, lost_bytes: int) -> bytes | Dropped:
    """The row at the start of a piece; ``head`` and ``lost_bytes`` are of one that was too long to keep."""
    if lost_bytes or len(piece) > MAX_ROW_BYTES:
        size = lost_bytes + len(piece)
        return Dropped(path=_place(head or piece), reason="too large", detail=f"a row of {size} bytes", size_bytes=size)
    row = b"<" + piece[1:].partition(b"<")[0].rstrip()
    if row.endswith(b"/>"):
        return row
    if row.endswith(b">"):
        return row[:-1] + b"/>"
    return Dropped(path=_place(row), reason="broken row", detail="it is cut short", size_bytes=len(row))


def _place(row: bytes) -> str:
    match = _ID.search(row[:200])
    return f"posts/{match[1].decode()}" if match else "posts/?"


def _parse(rows: list[bytes]) -> Iterator[Row | Dropped]:
    """All rows at once; by halves where something is wrong with one of them."""
    from lxml import etree

    if not rows:
        return
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, collect_ids=False)
    try:
        root = etree.fromstring(b"<rows>" + b"".join(rows) + b"</rows>", parser)
    except etree.XMLSyntaxError:
        root = ()
    if len(root) == len(rows):
        yield from (Row(values=dict(element.attrib)) for element in root)
    elif len(rows) == 1:
        yield _parse_one(rows[0], etree, parser)
    else:
        yield from _parse(rows[: len(rows) // 2])
        yield from _parse(rows[len(rows) // 2 :])


def _parse_one(row: bytes, etree, parser) -> Row | Dropped:
    try:
        row.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 at byte {error.start} of the row"
        return Dropped(path=_place(row), reason="encoding", detail=detail, size_bytes=len(row))
    cleaned = _NONCHARACTERS.sub(b"", _REFERENCE.sub(_legal, row.translate(None, _CONTROLS)))
    try:
        return Row(values=dict(etree.fromstring(cleaned, parser).attrib), cleaned=cleaned != row)
    except etree.XMLSyntaxError as error:
        detail = " ".join(str(error.msg).split())[:200]
        return Dropped(path=_place(row), reason="broken row", detail=detail, size_bytes=len(row))


def _legal(match: re.Match[bytes]) -> bytes:
    """The reference, or nothing when XML does not know the character."""
    code = int(match[1], 16) if match[1] else int(match[2])
    legal = code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match[0] if legal else b""


# --------------------------------------------------------------------------------------------------------------- bytes
def _chunks(path: Path, member: str, max_total_bytes: int) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            if file.read(len(SEVEN_ZIP)) == SEVEN_ZIP:
                yield from _unpacked(path, member, max_total_bytes)
                return
            file.seek(0)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})", where=path) from error


def _counted(chunks: Iterator[bytes], max_total_bytes: int, path: Path) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        if not total and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise SourceError("is written in UTF-16", where=path, do="convert it to UTF-8")
        total += len(chunk)
        if total > max_total_bytes:
            raise SourceError(f"is more than {max_total_bytes} bytes of XML", where=path, do="raise max_total_bytes")
        yield chunk


def _unpacked(path: Path, member: str, max_total_bytes: int) -> Iterator[bytes]:
    """A member of a .7z as it unpacks: py7zr only pushes, so it does that in a thread with a short queue between."""
    try:
        import py7zr
    except ImportError:
        do = f"pip install py7zr, or unpack {member} by hand"
        raise SourceError("a .7z is read with py7zr, which is not installed", where=path, do=do) from None
    waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=2)
    stopped = threading.Event()

    class Pipe(py7zr.io.Py7zIO):
        """Gives on what is written to it."""

        def write(self, s: bytes | bytearray) -> int:
            if not _put(waiting, bytes(s), stopped):
                raise InterruptedError("nobody reads on")
            return len(s)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            return None

        def size(self) -> int:
            return 0

    class Pipes(py7zr.io.WriterFactory):
        """Makes the one pipe."""

        def create(self, filename: str) -> Pipe:
            return Pipe()

    def work() -> None:
        end: BaseException | None = None
        try:
            with open(path, "rb") as file, py7zr.SevenZipFile(file, "r") as archive:
                target = _member(archive, member, path, max_total_bytes)
                archive.extract(targets=[target], factory=Pipes())
        except Exception as error:  # a damaged archive makes py7zr raise nearly anything
            end = error
        _put(waiting, end, stopped)

    thread = threading.Thread(target=work, name="unpack", daemon=True)
    thread.start()
    try:
        while isinstance(chunk := waiting.get(), bytes):
            yield chunk
    finally:
        stopped.set()
        thread.join(10)
    if isinstance(chunk, SourceError):
        raise chunk
    if chunk is not None:
        why = str(chunk) or type(chunk).__name__
        raise SourceError(f"the archive is damaged or encrypted ({why})", where=path, do="get it again") from chunk


def _put(waiting: queue.Queue, item: object, stopped: threading.Event) -> bool:
    """Put it into the queue; False when nobody will take it any more."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False


def _member(archive, member: str, path: Path, max_total_bytes: int) -> str:
    """The name of the member in the archive; nothing is unpacked when the whole promises to be too large."""
    listed = archive.list()
    if sum(item.uncompressed or 0 for item in listed) > max_total_bytes:
        raise SourceError(f"unpacks to more than {max_total_bytes} bytes", where=path, do="raise max_total_bytes")
    result = sorted(item.filename for item in listed if PurePosixPath(item.filename).name == member)
    if not result:
        details = ", ".join(item.filename for item in listed[:5]) or "nothing"
        raise SourceError(f"there is no {member} in it (it holds {details})", where=path, do=f"name the .7z with {member}")
    return result[0]
