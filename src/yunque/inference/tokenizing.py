"""What engines share that read prompts as ids: in which styles a model can be asked, and what it reads of a request."""

from __future__ import annotations

from typing import Any

from yunque.core.errors import ModelError
from yunque.core.nouns import PromptStyle, Request
from yunque.models.tokenizer import FimTokens, render, render_request


class TokenizingEngine:
    """An engine with a tokenizer of its own; whoever inherits sets the attributes."""

    name: str
    tokenizer: Any
    fim: FimTokens | None
    prompt_tokens: int
    """Most tokens of a prompt that are read, those next to the answer."""
    suffix_tokens: int
    context: int | None
    """Tokens that are read and written at most; None: the model does not say."""

    @property
    def styles(self) -> frozenset[PromptStyle]:
        """Those in which it can be asked."""
        able = {PromptStyle.FIM: self.fim is not None, PromptStyle.CHAT: bool(self.tokenizer.chat_template)}
        return frozenset(style for style in PromptStyle if able.get(style, True))

    def read(self, request: Request) -> tuple[list[int], str]:
        """The ids of a request, and what its answer begins with that the prompt has already: blanks or a word.

        ModelError for a fill-in-the-middle request without such tokens, a chat request without a chat template, and one that
        is longer, with its answer, than what the model reads at once.
        """
        ids, lead = self._render(request)
        if self.context and len(ids) + request.max_tokens > self.context:
            what = f"a prompt of {len(ids)} tokens and an answer of {request.max_tokens}"
            most = self.context - len(ids)
            do = f"ask for at most {most} tokens of an answer" if most > 0 else "ask with a shorter prompt"
            raise ModelError(f"reads {self.context} tokens at once: no room for {what}", where=self.name, do=do)
        return ids or [self.tokenizer.eos_token_id], lead

    def begin(self, prompt: str) -> str:
        """The prompt from where it is read: all of it, unless an engine knows better."""
        return prompt

    def _render(self, request: Request) -> tuple[list[int], str]:
        if request.style not in self.styles:
            what, do = LACKING[request.style]
            raise ModelError(what, where=self.name, do=do)
        if request.style is PromptStyle.CHAT:
            return render_request(self.tokenizer, request), ""
        fim = self.fim if request.style is PromptStyle.FIM else None
        context = (self.prompt_tokens, self.suffix_tokens)
        heal = request.heal and request.style in (PromptStyle.PREFIX, PromptStyle.FIM)
        ids, lead, _ = render(self.tokenizer, self.begin(request.prompt), request.suffix, fim, *context, heal_word=heal)
        return ids, lead


LACKING = {
    PromptStyle.FIM: ("this model has no fill-in-the-middle tokens", "ask without a suffix, or forge it first"),
    PromptStyle.CHAT: ("this model has no chat template", "ask it for completions instead"),
}
"""What a model lacks that cannot be asked in a style, and what to do."""
