"""The natural language of prose."""

from __future__ import annotations

import re

_COMMON_WORDS = {
    "en": "the of and to is in for if with that this from are be by it as on not returns return or an given when which",
    "es": "el la los las que del una por con para si es se un lo como devuelve su al cuando cada este esta son sin",
    "pt": "o os que da dos das uma um por para se é não em ao como retorna seu quando cada este são na pelo",
    "fr": "le les des du est une un pour que qui dans avec par sur si ne pas ce cette renvoie retourne sont aux ou la",
    "de": "der die das und ist ein eine nicht mit für von den dem zu wenn auf wird gibt zurück oder als aus im bei werden",
}
_WORDS = {code: frozenset(words.split()) for code, words in _COMMON_WORDS.items()}
_KANA, _HAN = re.compile("[\u3040-\u30ff]"), re.compile("[\u4e00-\u9fff]")


def natural_language(text: str) -> str:
    """ISO 639-1 code of a docstring, or ``und``: Japanese and Chinese by their script, five more by their common words."""
    letters = sum(char.isalpha() for char in text)
    if kana := len(_KANA.findall(text)):
        return "ja" if 5 * (kana + len(_HAN.findall(text))) >= letters else "und"
    if han := len(_HAN.findall(text)):
        return "zh" if 5 * han >= letters else "und"
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits = sorted(((sum(word in known for word in words), code) for code, known in _WORDS.items()), reverse=True)
    return hits[0][1] if hits[0][0] > hits[1][0] else "und"
