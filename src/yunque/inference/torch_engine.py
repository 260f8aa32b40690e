"""The reference engine: a Hugging Face folder, torch, batches on whatever device there is.

Decoding is batched with a key-value cache. Requests are sorted by length so that little is padded; rows that have ended
leave the batch once they are half of it, and waiting ones take their places. Greedy text depends on the batch a little
(sums in another order), so a comparison keeps the batch size and the order of its requests fixed.

Legend: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import Cache

from yunque.core.nouns import Completion, Piece, Request, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.inference.live_batch import LiveBatch
from yunque.inference.rows import Batch, Row, new_cache
from yunque.inference.stops import GrowingAnswer, cut_answer
from yunque.inference.syntax_monitor import MOST_TRIED, SyntaxMonitor
from yunque.inference.tokenizing import TokenizingEngine
from yunque.models.adapt import choose_dtype, load_model
from yunque.models.base import context_tokens
from yunque.models.healing import spelling_of
from yunque.models.tokenizer import encode, ends, find_fim, load_tokenizer, opening

WINDOW_TOKENS = 512
SCORED_AT_ONCE = 256
"""Tokens whose V logits are held at once while scoring."""


class TorchEngine(TokenizingEngine):
    """A model that answers (seams ``Engine``, ``LiveEngine``). Raises ModelError when the folder holds no usable model."""

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
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.progress = progress
        model = load_model(folder, choose_dtype(dtype)).to(self.device).eval()
        self._begin(f"torch:{Path(folder).name}", model, load_tokenizer(folder), batch_rows, prompt_tokens, suffix_tokens)

    @classmethod
    def around(
        cls, model: Any, tokenizer: Any, *, batch_rows: int = 8, prompt_tokens: int = 1024, suffix_tokens: int = 256
    ) -> TorchEngine:
        """An engine that asks a model that is in memory, such as one that is being trained, which stays where it is."""
        engine = cls.__new__(cls)
        engine.device, engine.progress = next(model.parameters()).device, silent
        engine._begin("torch:in memory", model, tokenizer, batch_rows, prompt_tokens, suffix_tokens)
        return engine

    def _begin(self, name: str, model: Any, tokenizer: Any, batch_rows: int, prompt_tokens: int, suffix_tokens: int) -> None:
        self.name, self.model, self.tokenizer = name, model, tokenizer
        self.fim = find_fim(self.tokenizer)
        self.ends, self.context = frozenset(ends(self.tokenizer, self.model)), context_tokens(self.model.config.to_dict())
        self.batch_rows, self.prompt_tokens, self.suffix_tokens = batch_rows, prompt_tokens, suffix_tokens
        self._next, self._running = threading.Lock(), threading.Lock()
        self._live = LiveBatch(self.name, self._read, self._step, lambda: new_cache(self.model.config), batch_rows)

    # --------------------------------------------------------------------------------------------------------- completing
    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order, each as soon as those before it are done.

        ModelError, before any work, as of `read`.
        """
        rows = [self._row(place, request) for place, request in enumerate(requests)]
        by_length = sorted(rows, key=lambda row: (row.request.max_tokens, len(row.ids), row.place))
        given = 0
        with self.progress("generate", len(rows), "answers") as advance:
            for num_ended in self._decode(by_length):
                advance(num_ended)
                while given < len(rows) and rows[given].ended:
                    yield self._completion(rows[given])
                    given += 1

    def stream(self, request: Request) -> Iterator[Piece]:
        """The answer to one request in pieces, each as soon as no later token can take it back; errors as of `complete`.

        The last piece says why it ended. The pieces add up to the text of `complete`; a repetition that is cut off there may
        have been given by then. Closing the iterator ends the decoding. All that are asked at the same time share a batch,
        and what was read of a prompt is not read again (`live_batch`).
        """
        ids, lead = self.read(request)
        answer = GrowingAnswer(request, lead)
        asked = request if request.max_tokens else replace(request, max_tokens=1)
        with contextlib.closing(self._live.answer(asked, ids, lead)) as states:
            for text, ended, tokens in states:
                if not request.max_tokens:
                    yield Piece(text="", stop="length", prompt_tokens=len(ids))
                    return
                piece = answer.given(text, ended)
                if piece or ended:
                    yield Piece(text=piece, stop=ended, tokens=tokens, prompt_tokens=len(ids))

    def _row(self, place: int, request: Request) -> Row:
        ids, lead = self.read(request)
        return Row(place=place, request=request, ids=ids, lead=lead)

    def _completion(self, row: Row) -> Completion:
        return Completion(text=row.text, stop=row.ended, tokens=len(row.generated), took_ms=row.took_ms, engine=self.name)

    def _decode(self, rows: list[Row]) -> Iterator[int]:
        """Generate, at most ``batch_rows`` at once, until each row has ended; returns how many have since the last time.

        Rows that have ended stay until they are half of the batch, since leaving costs a copy of the cache; then they leave
        together, and the next in line take their places.
        """
        waiting = deque(rows)
        batch: Batch | None = None
        while waiting or batch:
            room = self.batch_rows - (len(batch.rows) if batch else 0)
            if waiting and (batch is None or (batch.joinable and room >= self.batch_rows / 2)):
                fresh = [waiting.popleft() for _ in range(min(room, len(waiting)))]
                batch, ended = self._joined(batch, fresh)
            else:
                assert batch is not None  # or some would be waiting, and joined
                ended = self._step(batch)
            yield ended
            going = [index for index, row in enumerate(batch.rows) if not row.ended]
            if not going:
                batch = None
            elif len(going) <= len(batch.rows) // 2:
                batch.keep(going)

    @torch.inference_mode()
    def _joined(self, batch: Batch | None, rows: list[Row]) -> tuple[Batch, int]:
        """Read the prompts of some rows and add these to the batch; how many have ended with their first token."""
        fresh = self._read(rows, new_cache(self.model.config))
        ended = sum(bool(row.ended) for row in rows)
        if batch is None:
            return fresh, ended
        batch.join([fresh])
        return batch, ended

    @torch.inference_mode()
    def _read(self, rows: Sequence[Row], cache: Cache) -> Batch:
        """Read the prompts of some rows, after what the cache holds of them, and choose the first token of each."""
        known, longest = cache.get_seq_length(), max(len(row.ids) for row in rows)
        ids_BT = torch.full((len(rows), longest), self.tokenizer.eos_token_id)
        seen_BT = torch.zeros((len(rows), longest), dtype=torch.long)
        for index, row in enumerate(rows):
            row.started = time.perf_counter()
            ids_BT[index, longest - len(row.ids) :] = torch.tensor(row.ids)
            seen_BT[index, longest - len(row.ids) :] = 1
        seen_BT = seen_BT.to(self.device)
        positions_BT = (seen_BT.cumsum(dim=1) - 1).clamp_min(0)
        logits_BV = self._forward(ids_BT[:, known:].to(self.device), seen_BT, positions_BT[:, known:], cache)
        fresh = Batch(
            rows=list(rows),
            cache=cache,
            seen_BT=seen_BT,
            next_B=torch.empty(len(rows), dtype=torch.long),
            position_B=positions_BT[:, -1] + 1,
        )
        self._choose_all(fresh, logits_BV)
        return fresh

    @torch.inference_mode()
    def _step(self, batch: Batch) -> int:
        """One more token for every row."""
        batch.seen_BT = torch.nn.functional.pad(batch.seen_BT, (0, 1), value=1)
        logits_BV = self._forward(batch.next_B[:, None], batch.seen_BT, batch.position_B[:, None], batch.cache)
        batch.position_B = batch.position_B + 1
        return self._choose_all(batch, logits_BV)

    def _forward(
        self, ids_BT: torch.Tensor, seen_BT: torch.Tensor, positions_BT: torch.Tensor, cache: Cache
    ) -> torch.Tensor:
        with self._turn():
            return self.model(
                input_ids=ids_BT,
                attention_mask=seen_BT,
                position_ids=positions_BT,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """A time in which nobody else runs the model; who has just had one waits behind those who wait already."""
        with self._next:
            self._running.acquire()
        try:
            yield
        finally:
            self._running.release()

    def _choose_all(self, batch: Batch, logits_BV: torch.Tensor) -> int:
        """Choose the next token of every row; how many rows have ended with it."""
        chosen = [self._choose(row, logits_V) for row, logits_V in zip(batch.rows, logits_BV, strict=True)]
        batch.next_B = torch.tensor(chosen, device=self.device)
        going = [(row, token) for row, token in zip(batch.rows, chosen, strict=True) if not row.ended]
        return sum(self._take(row, token) for row, token in going)

    def _choose(self, row: Row, logits_V: torch.Tensor) -> int:
        if row.lead.strip():
            logits_V = self._along(row, logits_V)
        token = self._drawn(row, logits_V)
        if row.monitor is None or self._allows(row, row.monitor, token):
            return token
        logits_V, refused = logits_V.clone(), token
        for _ in range(MOST_TRIED):
            logits_V[refused] = -torch.inf
            if not torch.isfinite(logits_V.max()):
                break
            refused = self._drawn(row, logits_V)
            if self._allows(row, row.monitor, refused):
                return refused
        row.monitor = None
        return token

    def _allows(self, row: Row, monitor: SyntaxMonitor, token: int) -> bool:
        """Whether the answer with one token more, as far as it is given away, can become valid code."""
        raw = self._text([*row.generated, token])
        return token in self.ends or monitor.allows(cut_answer(row.request, raw, row.lead)[0])

    def _drawn(self, row: Row, logits_V: torch.Tensor) -> int:
        """The likeliest token, or one drawn by chance."""
        if row.request.temperature <= 0:
            return int(logits_V.argmax())
        seed = seed_from(row.request.seed, len(row.generated), row.request.prompt)
        generator = torch.Generator().manual_seed(seed % 2**63)
        shares_V = torch.softmax(logits_V.float().cpu() / row.request.temperature, dim=-1)
        return int(torch.multinomial(shares_V, 1, generator=generator))

    def _along(self, row: Row, logits_V: torch.Tensor) -> torch.Tensor:
        """The logits, without those tokens that leave the word with which the answer must begin."""
        spelling = spelling_of(self.tokenizer)
        assert spelling is not None  # or no word would have been taken from the prompt
        if not (left := spelling.left(row.lead, row.generated)):
            return logits_V
        fitting = torch.tensor(spelling.fitting(left), device=logits_V.device)
        return torch.full_like(logits_V, -torch.inf).index_copy(0, fitting, logits_V[fitting])

    def _take(self, row: Row, token: int) -> bool:
        """Add a token to a row; whether the row has now ended."""
        row.generated.append(token)
        end = token in self.ends
        ids = row.generated[:-1] if end else row.generated
        raw = self._text(ids)
        spent = "eos" if end else "length" if len(row.generated) >= row.request.max_tokens else ""
        row.text, row.ended = cut_answer(row.request, raw, row.lead, spent)
        if row.ended:
            row.took_ms = 1000 * (time.perf_counter() - row.started)
        return bool(row.ended)

    def _text(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    # ------------------------------------------------------------------------------------------------------------ scoring
    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """For each text, the natural-log probability of every token, given those before it in its window of 512 tokens.

        A window opens with what the tokenizer opens a text with, else with the end token, so every token of the text is
        scored and none twice; ``sum(score) / -ln 2`` is the text's cost in bits.
        """
        encoded = [encode(self.tokenizer, text) for text in texts]
        room = min(WINDOW_TOKENS, self.context or WINDOW_TOKENS) - 1
        windows = [
            (place, ids[start : start + room]) for place, ids in enumerate(encoded) for start in range(0, len(ids), room)
        ]
        scores: list[list[float]] = [[] for _ in texts]
        with self.progress("score", len(windows), "windows") as advance:
            for place, ids in windows:
                scores[place].extend(self._window(ids))
                advance(1)
        yield from scores

    @torch.inference_mode()
    def _window(self, ids: list[int]) -> list[float]:
        first = opening(self.tokenizer) or [self.tokenizer.eos_token_id]
        opened_1T = torch.tensor([[*first, *ids]], device=self.device)
        with self._turn():
            logits_TV = self.model(input_ids=opened_1T[:, :-1], use_cache=False).logits[0, len(first) - 1 :]
        results: list[float] = []
        for start in range(0, len(ids), SCORED_AT_ONCE):
            log_TV = torch.log_softmax(logits_TV[start : start + SCORED_AT_ONCE].float(), dim=-1)
            wanted = opened_1T[0, len(first) + start : len(first) + start + len(log_TV), None]
            results.extend(log_TV.gather(1, wanted)[:, 0].tolist())
        return results
