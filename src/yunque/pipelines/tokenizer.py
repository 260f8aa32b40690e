"""``yunque tokenizer``: a vocabulary is trained on a data set, extended for one, or measured on one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yunque
from yunque.core.errors import ModelError
from yunque.core.nouns import Record
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.models.base import FACTS, BaseFacts, find_base
from yunque.models.vocabulary.extension import Merge, StepZero
from yunque.reports.tokenizer import Grown, Vocabulary, render_vocabularies
from yunque.store.artifacts import write_whole

PAGE, MERGES = "vocabulary.html", "merges.json"
MOST_BYTES = 8_000_000
"""Of each language that is measured."""
PROSE = "prose, "
SAMPLE_CHARS = 1200
PROOF_TEXTS = 8


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Vocabularies side by side, on the same texts."""

    vocabularies: tuple[Vocabulary, ...]
    groups: Mapping[str, int]
    """Group of texts -> its bytes."""
    grown: Grown | None = None

    def page(self) -> str:
        """As HTML."""
        return render_vocabularies(self.vocabularies, self.groups, self.grown, code_version=yunque.__version__)


def measure(tokenizers: Mapping[str, Any], records: Iterable[Record], progress: Progress = silent) -> Measured:
    """What each tokenizer costs by programming language of the records, and by language of the same few sentences."""
    from yunque.models.vocabulary.fertility import by_group, sentences

    texts: dict[str, list[str]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    sample = ""
    for record in records:
        if sizes[record.language] < MOST_BYTES:
            texts[record.language].append(record.text)
            sizes[record.language] += len(record.text.encode())
            sample = sample or (record.text if len(record.text) >= SAMPLE_CHARS // 2 else "")
    groups = {name: texts[name] for name in sorted(texts, key=lambda name: -sizes[name])}
    groups |= {f"{PROSE}{language}": [text] for language, text in sentences().items()}
    shown = (sample or next(iter(sentences().values())))[:SAMPLE_CHARS]
    vocabularies = []
    with progress("measure", len(tokenizers), "vocabularies") as advance:
        for name, tokenizer in tokenizers.items():
            costs = by_group(tokenizer, groups)
            vocabularies.append(
                Vocabulary(
                    name=name,
                    size=len(tokenizer),
                    bytes_per_token={group: cost.bytes_per_token for group, cost in costs.items()},
                    sample=tuple(pieces_of(tokenizer, shown)),
                )
            )
            advance(1, name)
    return Measured(
        vocabularies=tuple(vocabularies), groups={name: sum(len(t.encode()) for t in g) for name, g in groups.items()}
    )


def pieces_of(tokenizer: Any, text: str) -> list[str]:
    """The text in its tokens; those that share a character stand together."""
    offsets = tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    pieces, end = [], 0
    for start, stop in offsets:
        if stop > end:
            pieces.append(text[max(start, end) : stop])
            end = stop
    return pieces


@dataclass(frozen=True, kw_only=True)
class VocabularyTraining:
    """A new tokenizer from records; ``run`` writes it into a new folder, with a page."""

    records: Sequence[Record]
    """What is learned from: nothing held out."""
    folder: Path
    size: int
    progress: Progress = silent

    def run(self) -> Measured:
        """ModelError where there is nothing to learn from, no room, or the folder holds something already."""
        from yunque.models.vocabulary.bpe import train_bpe

        _refuse_full(self.folder)
        with self.progress("train", 1, "vocabulary") as advance:
            tokenizer = train_bpe((record.text for record in self.records), self.size)
            advance(1)
        measured = measure({self.folder.name: tokenizer}, self.records, self.progress)
        tokenizer.save_pretrained(self.folder)
        write_whole(self.folder / PAGE, measured.page())
        return measured


@dataclass(frozen=True, kw_only=True)
class VocabularyExtension:
    """A base whose vocabulary grows by the merges that pay; ``run`` writes the grown base into a new folder, with a page.

    What of it has never been learned stands in ``merges.json``; a training on that base learns those rows, adapter or not.
    """

    records: Sequence[Record]
    base: str
    folder: Path
    most: int
    """New tokens."""
    progress: Progress = silent

    def run(self) -> Measured:
        """ModelError where nothing pays, the base has no BPE tokenizer, or the folder holds something already."""
        import torch

        from yunque.models.adapt import load_model
        from yunque.models.tokenizer import load_tokenizer
        from yunque.models.vocabulary.extension import extend, grow, paying_merges, step_zero

        _refuse_full(self.folder)
        base_folder, facts = find_base(self.base, self.progress)
        old = load_tokenizer(base_folder)
        with self.progress("count", 1, "corpus") as advance:
            merges = paying_merges(old, (record.text for record in self.records), self.most)
            advance(1)
        if not merges:
            raise ModelError(
                "no merge pays on this corpus", where=self.base, do="more text, or keep the vocabulary as it is"
            )
        new, first = extend(old, merges), len(old)
        base, grown = (load_model(base_folder, torch.float32).eval() for _ in range(2))
        grow(grown, merges, first)
        proof = step_zero(base, grown, (old, new), [record.text for record in self.records[:PROOF_TEXTS]])
        measured = measure({facts.name: old, f"{facts.name} + {len(merges)}": new}, self.records, self.progress)
        bits = proof.before, proof.kept, proof.after
        saved = sorted(((_shown(new, merge), merge.saved) for merge in merges), key=lambda item: -item[1])
        measured = replace(measured, grown=Grown(base=facts.name, merges=saved, bits=bits))
        self._write(grown, new, facts, merges, first, proof)
        write_whole(self.folder / PAGE, measured.page())
        return measured

    def _write(
        self, grown: Any, tokenizer: Any, facts: BaseFacts, merges: Sequence[Merge], first: int, proof: StepZero
    ) -> None:
        from yunque.models.adapt import save_whole

        save_whole(grown, tokenizer, self.folder)
        renamed = replace(
            find_base(str(self.folder))[1],
            name=f"{facts.name} + {len(merges)} tokens",
            source=f"{facts.name} ({facts.source}), vocabulary extended",
            licence=facts.licence,
        )
        write_whole(self.folder / FACTS, json.dumps(asdict(renamed), indent=2) + "\n")
        kept = {"first": first, "step_zero": asdict(proof), "merges": [asdict(merge) for merge in merges]}
        write_whole(self.folder / MERGES, json.dumps(kept) + "\n")


def unlearned_ids(folder: Path) -> list[int]:
    """Ids of tokens that a base got from `VocabularyExtension` and has not learned yet; none of any other base."""
    try:
        kept = json.loads((folder / MERGES).read_text("utf-8"))
    except FileNotFoundError:
        return []
    return list(range(kept["first"], kept["first"] + len(kept["merges"])))


def _shown(tokenizer: Any, merge: Merge) -> str:
    return tokenizer.decode(tokenizer.convert_tokens_to_ids([merge.name]))


def _refuse_full(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ModelError("holds something already", where=folder, do="name a new folder")
