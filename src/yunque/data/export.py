"""The pairs of a data set for other trainers: ``yunque data export DATASET --to FORMAT``.

    openai      chat.jsonl        {"messages": [{"role": "user", …}, {"role": "assistant", …}]}: fine-tuning of a chat model
                                  behind an API, within its published limits
    sharegpt    sharegpt.jsonl    {"conversations": [{"from": "human", …}, {"from": "gpt", …}]}
    alpaca      alpaca.json       [{"instruction": …, "input": "", "output": …}]
    hf          data/*.parquet    prompt, completion, suffix, kind, language, natural_language: `datasets` and TRL load the
                                  folder
    webdataset  shard-*.tar       KEY.prompt.txt, KEY.answer.txt, KEY.suffix.txt, KEY.json

Covered: what a format cannot say is counted with its reason: FIM and CONTINUATION are no conversation; an example is over a
limit; an answer is empty. Every file is written whole or not at all.
Not covered: tokens as a model counts them. A text has at most as many tokens as bytes, and that many are let through.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yunque.core.errors import RecipeError
from yunque.core.nouns import Pair
from yunque.core.plugins import nearest
from yunque.data.pairs.chat import Turns, turns

MIN_EXAMPLES = 10
"""Fewer are refused by OpenAI's fine-tuning (guide "Supervised fine-tuning", 2026)."""
MAX_EXAMPLE_TOKENS = 65_536
"""Of one example, for the models of 2026 that can be fine-tuned; a longer one would be cut there."""
MAX_FILE_BYTES = 512_000_000
"""Of one uploaded file."""
SHARD_BYTES = 256 << 20
ROWS_A_FILE = 100_000
ROLES = ("system", "user", "assistant", "tool", "developer")


@dataclass(kw_only=True)
class Exported:
    """What was written, and what a format could not say."""

    files: list[str] = field(default_factory=list)
    examples: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)


def export(pairs: Iterable[Pair], to: str, folder: Path) -> Exported:
    """Write the pairs in a format into ``folder``, which is made. RecipeError for a format that is not known."""
    if to not in FORMATS:
        raise RecipeError(f"no format '{to}'", where="--to", do=nearest(to, list(FORMATS)))
    folder.mkdir(parents=True, exist_ok=True)
    exported = Exported()
    FORMATS[to](_spoken(pairs, exported) if to in CHAT_FORMATS else _whole(pairs, exported), folder, exported)
    return exported


def _whole(pairs: Iterable[Pair], exported: Exported) -> Iterator[Pair]:
    """Pairs with an answer; a lone surrogate, which no file can hold, is replaced."""
    for pair in pairs:
        if not pair.answer.strip():
            exported.left_out["empty answer"] += 1
        else:
            exported.examples += 1
            yield pair


def _spoken(pairs: Iterable[Pair], exported: Exported) -> Iterator[Turns]:
    """Pairs that are a question, as conversations."""
    for pair in pairs:
        spoken = turns(pair)
        if spoken is None:
            exported.left_out[f"{pair.kind.value} is no conversation"] += 1
        elif not spoken.answer.strip():
            exported.left_out["empty answer"] += 1
        elif len((spoken.question + spoken.answer).encode("utf-8", "replace")) > MAX_EXAMPLE_TOKENS:
            exported.left_out[f"over {MAX_EXAMPLE_TOKENS:,} bytes, so perhaps tokens"] += 1
        else:
            exported.examples += 1
            yield spoken


# ------------------------------------------------------------------------------------------------------------ conversations
def _openai(spoken: Iterable[Turns], folder: Path, exported: Exported) -> None:
    """JSON Lines; a new file where the next line would make one too large to be uploaded."""

    def row(item: Turns) -> dict:
        texts = (("user", item.question), ("assistant", item.answer))
        return {"messages": [{"role": role, "content": _clean(text)} for role, text in texts]}

    number, size, out = 0, MAX_FILE_BYTES + 1, None
    for item in spoken:
        line = json.dumps(row(item), ensure_ascii=False).encode() + b"\n"
        if size + len(line) > MAX_FILE_BYTES:
            if out is not None:
                out.close()
            number, size = number + 1, 0
            name = "chat.jsonl" if number == 1 else f"chat-{number}.jsonl"
            out = _Draft(folder / name, exported)
        size += len(line)
        assert out is not None
        out.write(line)
    if out is not None:
        out.close()
    if exported.examples < MIN_EXAMPLES:
        exported.warnings.append(f"{exported.examples} examples: OpenAI's fine-tuning asks for at least {MIN_EXAMPLES}")


def _sharegpt(spoken: Iterable[Turns], folder: Path, exported: Exported) -> None:
    out = _Draft(folder / "sharegpt.jsonl", exported)
    for item in spoken:
        texts = (("human", item.question), ("gpt", item.answer))
        row = {"conversations": [{"from": who, "value": _clean(text)} for who, text in texts]}
        out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    out.close()


def _alpaca(spoken: Iterable[Turns], folder: Path, exported: Exported) -> None:
    out = _Draft(folder / "alpaca.json", exported)
    before = b"[\n"
    for item in spoken:
        row = {"instruction": _clean(item.question), "input": "", "output": _clean(item.answer)}
        out.write(before + json.dumps(row, ensure_ascii=False).encode())
        before = b",\n"
    out.write(b"\n]\n" if before == b",\n" else b"[]\n")
    out.close()


def check_openai(path: Path) -> list[str]:
    """What OpenAI's published rules for fine-tuning data refuse in a file, a line each; empty for a file that may be sent.

    Rules: JSON Lines in UTF-8, each an object with ``messages``; known roles and texts; the last one is the assistant's, and
    at least one is; at least `MIN_EXAMPLES` examples, each within `MAX_EXAMPLE_TOKENS`; the file within `MAX_FILE_BYTES`.
    """
    problems = []
    if path.stat().st_size > MAX_FILE_BYTES:
        problems.append(f"the file is over {MAX_FILE_BYTES:,} bytes")
    number = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            problems += [f"line {number}: {what}" for what in _refused(line)]
    if number < MIN_EXAMPLES:
        problems.append(f"{number} examples, at least {MIN_EXAMPLES} are asked for")
    return problems


def _refused(line: bytes) -> list[str]:
    try:
        row = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, ValueError):
        return ["is not JSON in UTF-8"]
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not messages or not all(isinstance(item, dict) for item in messages):
        return ["has no list of messages"]
    problems = [f"the role {item.get('role')!r}" for item in messages if item.get("role") not in ROLES]
    problems += [
        "a message without text" for item in messages if not isinstance(item.get("content"), str) or not item["content"]
    ]
    if messages[-1].get("role") != "assistant":
        problems.append("does not end with the assistant")
    if sum(len(str(item.get("content", "")).encode("utf-8", "replace")) for item in messages) > MAX_EXAMPLE_TOKENS:
        problems.append(f"is over {MAX_EXAMPLE_TOKENS:,} bytes, and so perhaps tokens")
    return problems


# -------------------------------------------------------------------------------------------------------------- whole pairs
def _hf(pairs: Iterable[Pair], folder: Path, exported: Exported) -> None:
    """Parquet files of `ROWS_A_FILE` rows, where `datasets` looks for them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("prompt", "completion", "suffix", "kind", "language", "natural_language", "id")
    schema = pa.schema([(name, pa.string()) for name in names])
    (folder / "data").mkdir(exist_ok=True)
    rows: list[dict[str, str]] = []

    def write() -> None:
        path = folder / "data" / f"train-{len(exported.files):05d}.parquet"
        draft = path.with_suffix(".part")
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), draft)
        draft.replace(path)
        exported.files.append(f"data/{path.name}")
        rows.clear()

    for pair in pairs:
        texts = {"prompt": pair.prompt, "completion": pair.answer, "suffix": pair.suffix}
        about = {
            "kind": pair.kind.value,
            "language": pair.language,
            "natural_language": pair.natural_language,
            "id": pair.id,
        }
        rows.append({name: _clean(text) for name, text in texts.items()} | about)
        if len(rows) == ROWS_A_FILE:
            write()
    if rows or not exported.files:
        write()


def _webdataset(pairs: Iterable[Pair], folder: Path, exported: Exported) -> None:
    """Tar files of about `SHARD_BYTES`; the members of a pair stand together, as readers ask."""
    shard, size = None, 0
    for pair in pairs:
        if shard is None or size > SHARD_BYTES:
            if shard is not None:
                shard.close()
            shard, size = _Shard(folder / f"shard-{len(exported.files):06d}.tar", exported), 0
        about = {"kind": pair.kind.value, "language": pair.language, "natural_language": pair.natural_language}
        members = {
            "prompt.txt": pair.prompt,
            "answer.txt": pair.answer,
            "suffix.txt": pair.suffix,
            "json": json.dumps(about),
        }
        for name, text in members.items():
            size += shard.add(f"{pair.id}.{name}", _clean(text).encode())
    if shard is not None:
        shard.close()


class _Draft:
    """A file that is in its place when it is closed."""

    def __init__(self, path: Path, exported: Exported) -> None:
        self.path, self.exported = path, exported
        self.file = open(path.with_name(f".{path.name}.part"), "wb")  # noqa: SIM115  held until it is closed

    def write(self, data: bytes) -> None:
        self.file.write(data)

    def close(self) -> None:
        self.file.close()
        Path(self.file.name).replace(self.path)
        self.exported.files.append(self.path.name)


class _Shard(_Draft):
    """The same for a tar file; equal members make equal files."""

    def __init__(self, path: Path, exported: Exported) -> None:
        super().__init__(path, exported)
        self.tar = tarfile.open(fileobj=self.file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, name: str, data: bytes) -> int:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self.tar.addfile(member, io.BytesIO(data))
        return 512 + len(data)

    def close(self) -> None:
        self.tar.close()
        super().close()


def _clean(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


CHAT_FORMATS = ("openai", "sharegpt", "alpaca")
FORMATS: dict[str, Callable[[Iterable[Any], Path, Exported], None]] = {
    "openai": _openai,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "hf": _hf,
    "webdataset": _webdataset,
}
