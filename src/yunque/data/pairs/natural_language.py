"""The natural language of a docstring, a comment or a question, by ISO 639-1 code; ``und`` rather than a guess.

A script that one language alone uses decides by itself. English, which nearly all docstrings are in, is known by its common
words, since that costs a tenth of asking a model. Everything else is asked of py3langid, whose model lies in its wheel, and
believed from 80 % on. The same text always gets the same answer.

Covered: what ``_KNOWN`` lists. Not covered: texts that mix languages (the one with most words wins); fewer than three words.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

MIN_CONFIDENCE = 0.8
MIN_WORDS = 3
"""Words of prose from which a language in Latin, Cyrillic or Arabic letters is told."""
MAX_CHARS = 1000
"""Of a text that are looked at: more tells nothing more."""

_COMMON_WORDS = {
    "en": "the of and to is in for if with that this from are be by it as on not returns return or an given when which",
    "es": "el la los las que del una por con para si es se un lo como devuelve su al cuando cada este esta son sin",
    "pt": "o os que da dos das uma um por para se é não em ao como retorna seu quando cada este são na pelo",
    "fr": "le les des du est une un pour que qui dans avec par sur si ne pas ce cette renvoie retourne sont aux ou la",
    "de": "der die das und ist ein eine nicht mit für von den dem zu wenn auf wird gibt zurück oder als aus im bei werden",
}
_LANGUAGES = list(_COMMON_WORDS)
_SAID_IN: dict[str, list[int]] = {}
for _at, _words in enumerate(_COMMON_WORDS.values()):
    for _word in _words.split():
        _SAID_IN.setdefault(_word, []).append(_at)
_KNOWN = (
    *(
        "ar",
        "bg",
        "bn",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fa",
        "fi",
        "fr",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "it",
    ),
    *(
        "ja",
        "ko",
        "lt",
        "lv",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sr",
        "sv",
        "th",
        "tr",
        "uk",
        "ur",
        "vi",
        "zh",
    ),
)
_KANA, _HAN = re.compile("[\u3040-\u30ff]"), re.compile("[\u4e00-\u9fff]")
_SCRIPTS = {
    "ko": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
}
_WORD = re.compile(r"[^\W\d_]+")
_PROSE = re.compile(r"(?<![\w.`/\\@:$<(=-])[^\W\d_][^\W\d_]*(?:['’][^\W\d_]+)?(?![\w`/\\(=:]|\.\w)")
"""A word that is no part of a name, a path, a call or an assignment."""


@lru_cache(maxsize=4096)
def natural_language(text: str) -> str:
    """ISO 639-1 code of prose, or ``und``."""
    if not text:
        return "und"
    if not text.isascii() and (result := _by_script(text)):
        return result
    hits = [0] * len(_LANGUAGES)
    words = _WORD.findall(text.lower())
    for word in words:
        for position in _SAID_IN.get(word, ()):
            hits[position] += 1
    english, rival = hits[0], max(hits[1:])
    if english >= 3 and 4 * english >= len(words) and english > 2 * rival:
        return "en"
    asked = _asked(text)
    if asked in ("und", "en"):  # English is known by its common words alone: without any, it is mostly names
        return "en" if english > rival else "und"
    return asked


def _by_script(text: str) -> str:
    """The language of a script that a fair part of the letters is in; "" where it takes more than the script to tell."""
    letters = sum(map(str.isalpha, text))
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    if kana or han:
        return ("ja" if kana else "zh") if 5 * (kana + han) >= letters else "und"
    return next((code for code, script in _SCRIPTS.items() if 2 * len(script.findall(text)) > letters), "")


def _asked(text: str) -> str:
    """What the model says of the words of prose, or ``und`` when there are too few or it is not sure."""
    words = _PROSE.findall(text[:MAX_CHARS])
    return _model().classify(" ".join(words))[0] if len(words) >= MIN_WORDS else "und"


@cache
def _model() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=MIN_CONFIDENCE)
    model.set_languages(_KNOWN)
    return model
