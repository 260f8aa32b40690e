"""The reference engine: a Hugging Face folder, torch, batches on whatever device there is.

Decoding is batched with a key-value cache. Requests are sorted by length so that little is padded, and rows that have
ended leave the batch once they are half of it. Greedy text depends on the batch a little (sums in another order), so a
comparison keeps the batch size fixed.

Legend: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, PromptStyle, Request, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.inference.stops import first_stop
from yunque.models.adapt import choose_dtype, load_model
from yunque.models.tokenizer import encode, find_fim, load_tokenizer, render

WINDOW_TOKENS = 512
SCORED_AT_ONCE = 256
"""Tokens whose V logits are held at once while scoring."""


@dataclass(kw_only=True)
class _Row:
    """A request on its way."""

    place: int
    request: Request
    ids: list[int]
    blanks: str
    generated: list[int] = field(default_factory=list)
    text: str = ""
    ended: str = ""
    took_ms: float = 0.0


class TorchEngine:
    """A model that answers (seam ``Engine``). Raises ModelError when the folder holds no usable model."""

    def __init__(
        self,
        folder: Path,
        *,
        dtype: str = "auto",
        batch_rows: int = 32,
        prompt_tokens: int = 192,
        suffix_tokens: int = 64,
        progress: Progress = silent,
    ) -> None:
        self.name = f"torch:{Path(folder).name}"
        self.tokenizer = load_tokenizer(folder)
        self.fim = find_fim(self.tokenizer)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = load_model(folder, choose_dtype(dtype)).to(self.device).eval()
        self.batch_rows, self.prompt_tokens, self.suffix_tokens = batch_rows, prompt_tokens, suffix_tokens
        self.progress = progress

    # --------------------------------------------------------------------------------------------------------- completing
    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order. ModelError for a fill-in-the-middle request without such tokens."""
        rows = [self._row(place, request) for place, request in enumerate(requests)]
        by_length = sorted(rows, key=lambda row: (row.request.max_tokens, len(row.ids), row.place))
        with self.progress("generate", len(rows), "answers") as advance:
            for start in range(0, len(by_length), self.batch_rows):
                batch = by_length[start : start + self.batch_rows]
                self._decode(batch, advance)
        for row in rows:
            yield Completion(text=row.text, stop=row.ended, tokens=len(row.generated), took_ms=row.took_ms, engine=self.name)

    def _row(self, place: int, request: Request) -> _Row:
        if request.style is PromptStyle.FIM and self.fim is None:
            raise ModelError(
                "this model has no fill-in-the-middle tokens", where=self.name, do="ask without a suffix, or forge it first"
            )
        fim = self.fim if request.style is PromptStyle.FIM else None
        ids, blanks, _ = render(self.tokenizer, request.prompt, request.suffix, fim, self.prompt_tokens, self.suffix_tokens)
        return _Row(place=place, request=request, ids=ids or [self.tokenizer.eos_token_id], blanks=blanks)

    @torch.inference_mode()
    def _decode(self, rows: list[_Row], advance: Callable[[int], None]) -> None:
        """Generate for some rows together until each has ended."""
        from transformers import DynamicCache

        started = time.perf_counter()
        longest = max(len(row.ids) for row in rows)
        ids_BT = torch.full((len(rows), longest), self.tokenizer.eos_token_id)
        seen_BT = torch.zeros((len(rows), longest), dtype=torch.long)
        for index, row in enumerate(rows):
            ids_BT[index, longest - len(row.ids) :] = torch.tensor(row.ids)
            seen_BT[index, longest - len(row.ids) :] = 1
        ids_BT, seen_BT = ids_BT.to(self.device), seen_BT.to(self.device)
        positions_BT = (seen_BT.cumsum(dim=1) - 1).clamp_min(0)
        cache, alive = DynamicCache(config=self.model.config), list(rows)
        while alive:
            logits_BV = self.model(
                input_ids=ids_BT,
                attention_mask=seen_BT,
                position_ids=positions_BT,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            chosen = [self._choose(row, logits) for row, logits in zip(alive, logits_BV, strict=True)]
            for row, token in zip(alive, chosen, strict=True):
                if not row.ended and self._take(row, token):
                    row.took_ms = 1000 * (time.perf_counter() - started)
                    advance(1)
            going = [index for index, row in enumerate(alive) if not row.ended]
            # Leaving costs a copy of the cache, so rows that ended stay until they are half of the batch.
            if len(going) <= len(alive) // 2:
                keep = torch.tensor(going, device=self.device, dtype=torch.long)
                cache.batch_select_indices(keep)
                alive, chosen = [alive[i] for i in going], [chosen[i] for i in going]
                seen_BT, positions_BT = seen_BT[keep], positions_BT[keep]
            ids_BT = torch.tensor(chosen, device=self.device)[:, None] if alive else ids_BT
            positions_BT = positions_BT[:, -1:] + 1
            seen_BT = torch.cat([seen_BT, seen_BT.new_ones(len(alive), 1)], dim=1)

    def _choose(self, row: _Row, logits_V: torch.Tensor) -> int:
        if row.request.temperature <= 0:
            return int(logits_V.argmax())
        seed = seed_from(row.request.seed, len(row.generated), row.request.prompt)
        generator = torch.Generator().manual_seed(seed % 2**63)
        shares_V = torch.softmax(logits_V.float().cpu() / row.request.temperature, dim=-1)
        return int(torch.multinomial(shares_V, 1, generator=generator))

    def _take(self, row: _Row, token: int) -> bool:
        """Add a token to a row; whether the row has now ended."""
        row.generated.append(token)
        end = token == self.tokenizer.eos_token_id
        ids = row.generated[:-1] if end else row.generated
        text = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        row.text = _without_blanks(text, row.blanks)
        cut = first_stop(row.text, row.request.stop, row.request.stops)
        if end:
            row.ended = "eos"
        elif cut is not None:
            row.ended = "rule"
        elif len(row.generated) >= row.request.max_tokens:
            row.ended = "length"
        if cut is not None:
            row.text = row.text[:cut]
        return bool(row.ended)

    # ------------------------------------------------------------------------------------------------------------ scoring
    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """For each text, the natural-log probability of every token, given those before it in its window of 512 tokens.

        A window opens with the end token, so every token of the text is scored and none twice; ``sum(score) / -ln 2`` is
        the text's cost in bits.
        """
        encoded = [encode(self.tokenizer, text) for text in texts]
        windows = [
            (place, ids[start : start + WINDOW_TOKENS - 1])
            for place, ids in enumerate(encoded)
            for start in range(0, len(ids), WINDOW_TOKENS - 1)
        ]
        scores: list[list[float]] = [[] for _ in texts]
        with self.progress("score", len(windows), "windows") as advance:
            for place, ids in windows:
                scores[place].extend(self._window(ids))
                advance(1)
        yield from scores

    @torch.inference_mode()
    def _window(self, ids: list[int]) -> list[float]:
        opened_1T = torch.tensor([[self.tokenizer.eos_token_id, *ids]], device=self.device)
        logits_TV = self.model(input_ids=opened_1T[:, :-1], use_cache=False).logits[0]
        found: list[float] = []
        for start in range(0, len(ids), SCORED_AT_ONCE):
            log_TV = torch.log_softmax(logits_TV[start : start + SCORED_AT_ONCE].float(), dim=-1)
            wanted = opened_1T[0, 1 + start : 1 + start + len(log_TV), None]
            found.extend(log_TV.gather(1, wanted)[:, 0].tolist())
        return found


def _without_blanks(text: str, blanks: str) -> str:
    """The answer without the blanks that the prompt already ends with."""
    for char in blanks:
        if not text or text[0] != char:
            break
        text = text[1:]
    return text
