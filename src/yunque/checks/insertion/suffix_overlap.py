"""Does a text say again what already stands behind the cursor: its lines, or its closing brackets?"""

from __future__ import annotations

from yunque.checks.findings import decide, skip, timed
from yunque.code.brackets import unmatched
from yunque.core.nouns import Finding, Insertion, Verdict

LEAST_CHARS = 3
"""Of a line that counts as repeated: a lone bracket or ``else`` may well stand twice."""


class RepeatsSuffix:
    """Fails a text that ends with the line that follows it, or is the rest of the line that stands there already."""

    name = "repeats-suffix"

    @timed
    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """PASS, FAIL, or SKIP where nothing stands behind the cursor."""
        if not insertion.after.strip() or not insertion.text.strip():
            return skip(self.name, "nothing is put in" if insertion.after.strip() else "nothing stands behind the cursor")
        number = num_repeated_lines(insertion)
        if repeats_rest(insertion):
            message = "says again what stands behind the cursor on its line"
            return decide(self.name, [Finding(rule="repeated-rest", line=1, message=message)])
        if number:
            line = insertion.text.rstrip().count("\n") + 2 - number
            message = f"ends with {'the line' if number == 1 else f'the {number} lines'} that follow{'s' * (number == 1)}"
            return decide(self.name, [Finding(rule="repeated-lines", line=line, message=message)])
        return decide(self.name, detail="nothing is said twice")


class ClosesTwice:
    """Fails a text that closes a bracket which is closed behind the cursor already."""

    name = "closes-twice"

    @timed
    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """PASS or FAIL."""
        brackets = num_closed_twice(insertion)
        if not brackets:
            return decide(self.name, detail="every bracket is closed once")
        message = f"closes {brackets} bracket{'s' * (brackets > 1)} that {'are' if brackets > 1 else 'is'} closed behind it"
        return decide(self.name, [Finding(rule="closed-twice", line=1 + insertion.text.count("\n"), message=message)])


def repeats_rest(insertion: Insertion) -> bool:
    """Whether the text's last line ends with the rest of the line behind the cursor, brackets and the like aside."""
    rest = insertion.line_behind.strip()
    return len(rest.strip(")]}>;:,'\" ")) >= LEAST_CHARS and insertion.text.rstrip().endswith(rest)


def num_repeated_lines(insertion: Insertion) -> int:
    """How many lines at the text's end are, blanks aside, the first ones below the cursor's line."""
    rest, _, below = insertion.after.partition("\n")
    lines = [line.strip() for line in insertion.text.rstrip().split("\n")]
    following = [line.strip() for line in below.split("\n") if line.strip()]
    if rest.strip() or not following:
        return 0
    if lines[0]:
        lines[0] = (insertion.line_before + lines[0]).strip()
    filled = [(place, line) for place, line in enumerate(lines) if line]
    for number in range(min(len(filled), len(following)), 0, -1):
        same = [line for _, line in filled[-number:]] == following[:number]
        if same and any(len(line) >= LEAST_CHARS for line in following[:number]):
            return len(lines) - filled[-number][0]
    return 0


def num_closed_twice(insertion: Insertion) -> int:
    """How many closing brackets behind the cursor have nothing to close any more, with the text before them."""
    rest = insertion.line_behind
    line = insertion.before[insertion.before.rfind("\n\n") + 1 :][-2000:]  # of a statement over several lines
    without, _ = unmatched(line + rest, insertion.language)
    within, _ = unmatched(line + insertion.text + rest, insertion.language)
    alone, _ = unmatched(line + insertion.text, insertion.language)
    closing = sum(char in ")]}" for char in rest)
    return max(0, min(len(within) - max(len(without), len(alone)), closing)) if closing else 0
