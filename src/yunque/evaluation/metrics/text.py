"""How much a text is like its reference: BLEU, exact match and similarity as the evaluators of CodeXGLUE compute them.

BLEU is the corpus BLEU-4 of Papineni et al. (2002) over tokens between blanks, one reference a text, in percent. The
evaluators of CodeXGLUE (Lu et al. 2021) add one to the matches and to the n-grams of every order, single tokens included
(after Lin & Och 2004); ``smooth=False`` leaves that out, as the textbook does. The example files tell the two apart:
translation has 61.08 with it and 60.75 without (10 lines), refinement 79.03 and 79.01 (10), text-to-code 16.68 and 16.67
(100); of the full test sets it moves the second decimal at most. What differs from task to task is what they call equal:

=======================  =================================================================================
text-to-code             the same tokens between blanks (`exact`)
refinement, translation  the same text, blanks at both ends aside (`same_text`)
line completion          the same tokens, after literals got their values back (`codexglue.with_literals`)
=======================  =================================================================================

Text-to-code's example files give exact match 17.0 and BLEU 16.68. The 20.21 that CodeXGLUE prints for them comes from a file
that is still open: its evaluator writes the references, has them read again before the last are flushed, and scores the
pairs that it finds (20.02 for the first 69).

Covered: texts without tokens; intervals of corpus figures, by resampling texts.
Not covered: several references a text; tokenizers, so that no figure here compares with sacrebleu's; the BLEU of code
summaries, which CodeXGLUE computes in another way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from yunque.core.nouns import Measure
from yunque.evaluation.metrics.statistics import MIN_UNITS

ORDERS = 4
"""The longest n-gram that BLEU-4 counts."""
RESAMPLES = 1_000


def bleu(answers: Sequence[str], references: Sequence[str], *, smooth: bool = True) -> float:
    """Corpus BLEU-4 in percent, 0 to 100: the geometric mean of n-gram precisions, less for answers shorter than references.

    Matches are summed over the corpus before they are divided. ValueError when there are no texts, or not as many of both.
    """
    return _bleu(_rows(answers, references).sum(axis=0), smooth)


def measure_bleu(answers: Sequence[str], references: Sequence[str], *, smooth: bool = True, seed: int = 0) -> Measure:
    """`bleu` with its 95 % interval (`interval`)."""
    rows = _rows(answers, references)
    low, high = interval(rows, lambda sums: _bleu(sums, smooth), seed=seed)
    return Measure(name="bleu", value=_bleu(rows.sum(axis=0), smooth), n=len(rows), low=low, high=high, unit="%")


def interval(
    rows: np.ndarray, score: Callable[[np.ndarray], float], *, seed: int = 0
) -> tuple[float, float] | tuple[None, None]:
    """95 % interval of ``score(rows.sum(axis=0))``, texts [N, C] resampled (percentile bootstrap); none of few texts."""
    if len(rows) < MIN_UNITS:
        return None, None
    random, share = np.random.default_rng(seed), np.full(len(rows), 1 / len(rows))
    drawn = [score(random.multinomial(len(rows), share) @ rows) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each run of ``order`` tokens is there."""
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def exact(answer: str, reference: str) -> bool:
    """The same tokens between blanks, however many blanks there are."""
    return answer.split() == reference.split()


def same_text(answer: str, reference: str) -> bool:
    """The same text, blanks at both ends aside; blanks inside count."""
    return answer.strip() == reference.strip()


def ratio_percent(answer: str, reference: str) -> int:
    """CodeXGLUE's edit similarity of two lines, 0 to 100: 1 - (insertions + deletions) / characters of both, whole percent.

    A replaced character costs two here and one in `scoring.edit_similarity`, yet this is never the smaller of the two, since
    it divides by the characters of both. 100 for two empty lines. (As the library that CodeXGLUE calls for it.)
    """
    from rapidfuzz import fuzz

    return round(fuzz.ratio(answer, reference))


def _rows(answers: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """[N, 10] of each text: n-grams of four orders that match, that there are, tokens of the answer, of the reference."""
    if len(answers) != len(references) or not answers:
        raise ValueError(f"{len(answers)} answers to {len(references)} references")
    rows = []
    for answer, reference in zip(answers, references, strict=True):
        given, expected = answer.split(), reference.split()
        counts = [ngrams(given, order) for order in range(1, ORDERS + 1)]
        matched = [(count & ngrams(expected, order)).total() for order, count in enumerate(counts, 1)]
        rows.append([*matched, *(count.total() for count in counts), len(given), len(expected)])
    return np.asarray(rows)


def _bleu(sums: np.ndarray, smooth: bool) -> float:
    matched, possible = sums[:ORDERS] + smooth, sums[ORDERS : 2 * ORDERS] + smooth
    length, wanted = sums[2 * ORDERS :]
    if not all(matched) or (wanted and not length):
        return 0.0
    brevity = min(0.0, 1 - wanted / length) if length else 0.0
    return 100 * math.exp(float(np.log(matched / possible).mean()) + brevity)


def edit_similarity(answer: str, reference: str) -> float:
    """0 to 1: 1 - Levenshtein distance / length of the longer text, blanks at both ends aside."""
    return Levenshtein.normalized_similarity(answer.strip(), reference.strip())
