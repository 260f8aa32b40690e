"""llama.cpp in this process: a GGUF file, several requests at once, and what was read of a prompt is not read again.

The wheel ``xllamacpp`` holds llama.cpp's own server; requests go in without HTTP, and prompts as ids, so that they are
rendered in the one place where prompts are (`models.tokenizer.render`). The server opens a port of its own on loopback all
the same: it is closed to everybody by a key that nobody knows.

Covered: streaming, cancelling (close the iterator), sampling from the plain distribution, stop rules, token healing
(by a grammar, which costs a look at the whole vocabulary, some 10 ms, where the likeliest token does not fit, else nothing).
Not covered: scoring of texts (llama.cpp gives no likelihood of a prompt); GPUs, which need another wheel.
"""

from __future__ import annotations

import functools
import json
import queue
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, Piece, Request
from yunque.inference.anchors import Anchors
from yunque.inference.answers import LOOK_S, complete_streamed
from yunque.inference.stops import GrowingAnswer, cut_answer
from yunque.inference.syntax_monitor import MOST_TRIED, SyntaxMonitor
from yunque.inference.tokenizing import TokenizingEngine
from yunque.models.exports.gguf_tokenizer import load_gguf_tokenizer
from yunque.models.tokenizer import encode, find_fim

SLOTS = 4
"""Requests that are answered at the same time; each slot remembers the prompt that it read last."""
CHARS_PER_TOKEN = 3
"""Fewer than code has, so that what is cut by characters fits."""
LIKELY = 10
"""Tokens that are tried first where the monitor does not allow one."""
KEPT_MIB = 512
"""Memory of prompts that were read before and left their slot; llama.cpp's own limit is 8 GiB."""
CONTEXT_TOKENS = 2048
"""Tokens that a slot reads and writes at most, if the model can."""


class LlamaCppEngine(TokenizingEngine):
    """A GGUF file that answers (seams ``Engine``, ``LiveEngine``). ModelError for a file that cannot be served."""

    def __init__(
        self,
        file: Path,
        *,
        prompt_tokens: int = 1024,
        suffix_tokens: int = 256,
        slots: int = SLOTS,
        context_tokens: int = CONTEXT_TOKENS,
        precise: bool = False,
        anchored: bool = False,
    ) -> None:
        """``precise``: what was read of a prompt is remembered in 32 bits, which is slower. ``anchored``: a prompt that is a
        window of a longer text begins where the one before it did (`inference.anchors`), for editors.
        """
        if not Path(file).is_file():
            raise ModelError("no such file", where=file, do="write one with `yunque export MODEL`")
        self.name, self.slots = f"llama.cpp:{Path(file).name}", slots
        self.tokenizer = load_gguf_tokenizer(Path(file))
        self.fim = find_fim(self.tokenizer)
        self.prompt_tokens, self.suffix_tokens, self.context = prompt_tokens, suffix_tokens, context_tokens
        self._anchors = Anchors(CHARS_PER_TOKEN * prompt_tokens) if anchored else None
        self._server = _load(Path(file), slots, context_tokens, precise=precise)
        # A server that is let go before its loop has begun never ends, and takes this process with it: so it is asked once.
        self._server.handle_completions({"prompt": [self.tokenizer.eos_token_id], "n_predict": 1})

    def begin(self, prompt: str) -> str:
        """From an anchor, where prompts are windows of a longer text."""
        return self._anchors.begin(prompt) if self._anchors else prompt

    # --------------------------------------------------------------------------------------------------------- answering
    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order; as many at once as there are slots."""
        return complete_streamed(self, requests, self.slots)

    def stream(self, request: Request) -> Iterator[Piece]:
        """The answer in pieces, none of which a later token can take back; the last says why it ended.

        Closing the iterator frees the slot at the next token. A request that is wanted whole has one piece, and before it an
        empty one every `LOOK_S`, so that it can be closed. ModelError as of `read`.
        """
        ids, lead = self.read(request)
        pieces: queue.SimpleQueue[Piece | Exception] = queue.SimpleQueue()
        left, growing = threading.Event(), _Growing(request, lead, len(ids))

        def take(chunk: Any) -> bool:
            """Whether llama.cpp should stop. It waits meanwhile, on a core that it needs: so the least is done here, and
            nobody is woken for a token of an answer that is wanted whole."""
            try:
                for piece in growing.pieces(chunk):
                    pieces.put(piece)
            except Exception as error:  # whatever it is, the one who waits must hear of it
                pieces.put(error)
                return True
            return left.is_set() or growing.has_ended or growing.is_refused

        def work() -> None:
            try:
                self._server.handle_completions(_asked(ids, growing), take)
                while growing.is_refused and not left.is_set():  # on from the last token that fits
                    written = [*ids, *encode(self.tokenizer, growing.raw)]
                    for piece in growing.mended(functools.partial(self._likeliest, written)):
                        pieces.put(piece)
                    if not growing.has_ended:
                        written = [*ids, *encode(self.tokenizer, growing.raw)]
                        self._server.handle_completions(_asked(written, growing), take)
            except Exception as error:  # as above
                pieces.put(error)
            pieces.put(ModelError("ended without saying why", where=self.name))

        threading.Thread(target=work).start()  # no daemon: a thread inside llama.cpp must not be cut off at exit
        try:
            while True:
                try:
                    piece = pieces.get(timeout=LOOK_S if request.whole else None)
                except queue.Empty:
                    yield Piece(text="")
                    continue
                if isinstance(piece, ModelError):
                    raise piece
                if isinstance(piece, Exception):
                    raise ModelError(f"llama.cpp failed ({str(piece)[:160]})", where=self.name)
                yield piece
                if piece.stop:
                    return
        finally:
            left.set()

    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """ModelError: llama.cpp does not say what a text costs."""
        raise ModelError("does not say what a text costs", where=self.name, do="measure the model's folder with torch")

    def token_log_probabilities(self, ids: Sequence[int], most: int = 20) -> dict[int, float]:
        """Natural-log probabilities of the likeliest next tokens after ``ids``, by id."""
        return {token["id"]: token["logprob"] for token in self._likeliest(ids, most, cached=False)}

    def _likeliest(self, ids: Sequence[int], most: int, *, cached: bool = True) -> list[dict]:
        """The likeliest next tokens after ``ids`` as llama.cpp tells of them."""
        letter = encode(self.tokenizer, "a")[0]  # what is drawn has no say, and half a character would hide what is asked
        asked = {"prompt": list(ids), "n_predict": 1, "temperature": 0, "n_probs": most, "cache_prompt": cached}
        asked["logit_bias"] = [[letter, 1000.0]]
        result = self._server.handle_completions(asked)
        (content,) = result["choices"][0]["logprobs"]["content"]
        return content["top_logprobs"]


class _Growing:
    """Pieces out of what llama.cpp says of a request."""

    def __init__(self, request: Request, lead: str, prompt_tokens: int) -> None:
        """``lead``: a word that the answer must begin with, or blanks, which it need not."""
        self.request, self.lead, self.prompt_tokens, self.answer = request, lead, prompt_tokens, GrowingAnswer(request, lead)
        self.raw, self.text, self.tokens, self.has_ended = "", "", 0, False
        self.monitor = SyntaxMonitor.of(request)
        self.is_refused = False
        """Whether the monitor does not allow the next token, so that the answer must go on with another one."""
        self._mended_tokens = 0

    def pieces(self, chunk: Any) -> Iterator[Piece]:
        """What can be given away with this chunk. RuntimeError for one that tells of an error."""
        details = json.loads(chunk) if isinstance(chunk, str) else chunk
        if "error" in details:
            raise RuntimeError(details["error"].get("message", ""))
        for choice in details.get("choices", ()) if not (self.has_ended or self.is_refused) else ():
            text = choice.get("text") or ""
            if text and self.monitor and not self._allows(text):
                self.is_refused = True
                return
            self.tokens = self._mended_tokens + details["timings"]["predicted_n"]
            if not self.request.max_tokens:
                self.has_ended = True
                yield Piece(text="", stop="length", prompt_tokens=self.prompt_tokens)
                return
            yield from self._grown(text, {"stop": "eos", "length": "length"}.get(choice.get("finish_reason") or "", ""))

    def mended(self, likeliest: Callable[[int], list[dict]]) -> Iterator[Piece]:
        """What can be given away with the likeliest token that fits; where there is none, the monitor looks no more."""
        every = (token for most in (LIKELY, MOST_TRIED) for token in likeliest(most))
        texts = (bytes(token["bytes"]).decode("utf-8", "replace") for token in every)
        text = next((text for text in texts if text and self._allows(text)), "")
        if not text:
            self.monitor = None
        self.is_refused = False
        self.tokens = self._mended_tokens = self.tokens + 1
        yield from self._grown(text, "length" if self.tokens >= self.request.max_tokens else "")

    def _allows(self, text: str) -> bool:
        """Whether the answer with that behind it, as far as it is given away, can become valid code."""
        return self.monitor is None or self.monitor.allows(cut_answer(self.request, self.raw + text, self.lead)[0])

    def _grown(self, text: str, ended: str) -> Iterator[Piece]:
        self.raw += text
        self.text += self.answer.grown(self.raw, ended)
        self.has_ended = bool(self.answer.stop)
        if self.has_ended or (self.text and not self.request.whole):
            text, self.text = self.text, ""
            yield Piece(text=text, stop=self.answer.stop, tokens=self.tokens, prompt_tokens=self.prompt_tokens)


def _load(file: Path, slots: int, context_tokens: int, *, precise: bool) -> Any:
    """llama.cpp's server with the model, closed to everybody else. ModelError where it does not load."""
    try:
        import xllamacpp
    except ImportError:
        raise ModelError("llama.cpp is not here", where=file, do="pip install 'yunque[serve]'") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_parallel, params.n_ctx, params.kv_unified = slots, slots * context_tokens, False
    params.warmup, params.verbosity, params.ui = False, -1, False
    params.cache_ram_mib = KEPT_MIB
    params.api_keys = [secrets.token_hex(32)]
    if precise:
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(f"llama.cpp does not load it ({str(error).strip()[:160]})", where=file) from None


def _asked(ids: list[int], growing: _Growing) -> dict:
    """What is left of a request as llama.cpp reads it: drawn from the plain distribution, without penalties.

    ``ids``: the prompt, and the answer so far.
    """
    request, lead = growing.request, growing.lead[len(growing.raw) :]
    word = "".join(f"\\U{ord(char):08X}" for char in lead)
    return {
        "prompt": ids, "n_predict": request.max_tokens - growing.tokens,
        "stream": True, "cache_prompt": True, "timings_per_token": True,
        "temperature": request.temperature, "seed": request.seed % 2**31, "samplers": ["temperature"],
        "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0,
        **({"grammar": f'root ::= "{word}" [\\U00000000-\\U0010FFFF]*'} if lead.strip() else {}),
    }  # fmt: skip
