"""The nouns: what travels between rooms. Frozen, keyword only, plain data.

The road they travel::

    Origin, Record -> Pair -> (packed ids) -> Task, Key -> Request, Completion -> Verdict -> Measure
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum


def content_id(*parts: str | bytes) -> str:
    """A stable 16-hex-digit id of the parts: SHA-256 over each part's length and bytes, so ("ab","c") != ("a","bc")."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:16]


def seed_from(*parts: str | int) -> int:
    """A 63-bit random seed that depends on content alone: never on the clock, the worker or the order of arrival."""
    return int(content_id(*(str(part) for part in parts)), 16) >> 1


# ------------------------------------------------------------------------------------------------------- what we learn from
@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a text came from."""

    source: str
    """What the user named: a folder, an archive's file name, ``pypi:NAME``, a repository."""
    path: str
    """POSIX path inside the source."""
    revision: str
    """Commit, package version, or content hash of the tree."""
    licence: str
    """SPDX identifier found in the tree that covers this path, or ``unknown``."""
    collected_at: str
    """UTC, ISO 8601, seconds."""
    author: str = ""
    """Who must be named where the licence asks for it, with a link if there is one; empty otherwise."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One text with its origin; ``id`` is the hash of the text and its path."""

    id: str
    text: str
    language: str
    """Lower-case name: ``python``, ``javascript``, … or ``unknown``."""
    origin: Origin


def unsourced(text: str, language: str, path: str = "") -> Record:
    """A record of a text of which nobody says where it came from: what checks are asked about an answer."""
    origin = Origin(source="", path=path, revision="", licence="unknown", collected_at="")
    return Record(id=content_id(path, text), text=text, language=language, origin=origin)


class PairKind(StrEnum):
    """What a pair teaches."""

    BODY = "body"
    """Signature and docstring -> body."""
    FIM = "fim"
    """Text before and after a hole -> the hole (fill-in-the-middle)."""
    CONTINUATION = "continuation"
    """Nothing -> a chunk of a file; every token is an answer."""
    SIGNATURE = "signature"
    """A signature without a docstring -> body."""
    COMMENT = "comment"
    """A comment -> the block of code that it speaks of."""
    TEST = "test"
    """A test -> the function that it tests."""
    EXPLAIN = "explain"
    """A function without its docstring -> the docstring."""
    EDIT = "edit"
    """A commit's message and the text before -> the text after."""
    FIX = "fix"
    """A function that was fixed, as it was -> as it is."""
    REFACTOR = "refactor"
    """A function that was written anew and does the same, as it was -> as it is."""
    QUESTION = "question"
    """A question that somebody asked -> the answer."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A training view of one record or more: ``prompt`` (and ``suffix``) in, ``answer`` out.

    ``span_bytes`` is the answer's place in the UTF-8 bytes of the first record's text. Of BODY, SIGNATURE, COMMENT, FIM and
    CONTINUATION the prompt ends where it starts, and the suffix begins where it ends, so re-assembling around the span gives
    the record back exactly. None where the answer stands in no record as it is.
    """

    id: str
    kind: PairKind
    prompt: str
    answer: str
    suffix: str = ""
    span_bytes: tuple[int, int] | None
    language: str
    natural_language: str
    """ISO 639-1 code of its prose, or ``und``."""
    origin_ids: tuple[str, ...]
    """Ids of the records it was made from."""


@dataclass(frozen=True, kw_only=True)
class Preference(Pair):
    """A pair whose ``answer`` was wanted, and an answer to the same prompt that was not; of a mere reaction one is empty."""

    rejected: str
    because: str
    """``accepted``, ``edited``, ``dismissed``, ``tests``, … or what a table says."""


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Something that was left out (a file, a folder, a post, a commit), and why."""

    path: str
    """POSIX path in its source; bytes of a name that are not UTF-8 are written as ``\\xNN``."""
    reason: str
    detail: str = ""
    size_bytes: int = 0
    """Size of the file or text; 0 for folders and links."""
    source: str = ""
    """Name of the source, where several are looked at together."""


# ------------------------------------------------------------------------------------------------------------- judging
class Outcome(StrEnum):
    """What a check found out; never a bool, which cannot say "I could not tell"."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    """The check does not apply, or what it needs is missing."""
    ERROR = "error"
    """The check itself broke; says nothing about the text."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing a check saw."""

    rule: str
    line: int | None = None
    """1-based, or None when it concerns the whole text."""
    message: str
    severity: str = "error"
    """``error``, ``warning`` or ``note``."""
    cwe: int | None = None
    """Common Weakness Enumeration number."""
    span_bytes: tuple[int, int] | None = None
    """Its place in the UTF-8 bytes of the text, where the check knows it exactly."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one check says about one text."""

    check: str
    outcome: Outcome
    score: float | None = None
    """0 (worst) to 1 (best) where the check grades; None where it only decides."""
    findings: tuple[Finding, ...] = ()
    took_ms: float = 0.0
    detail: str = ""
    """One line for a person."""
    values: dict[str, float] = field(default_factory=dict)
    """What the outcome was decided by, so that another threshold can be tried without looking at the text again."""
    judge_location: str = ""
    """Where the judge of a program that was run sat: ``outside`` and ``apart`` cannot be forged; ``controlled`` (its own
    process, guarded, beside tests that must fail) has to be outwitted; ``in-process`` can be forged.
    Empty for checks that run nothing."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A text that a check must see through before its silence is believed."""

    record: Record
    finds: str = ""
    """The rule of a finding that it must report; empty: a clean text, which it must PASS."""


# ---------------------------------------------------------------------------------------------------------- untrusted code
@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a job may use."""

    wall_s: float = 10.0
    cpu_s: float = 10.0
    memory_bytes: int = 1 << 30
    """Resident memory of all its processes together: watched, and held by a cgroup where one can be made."""
    address_space_bytes: int | None = None
    """Address space of each process; None: ``memory_bytes``. Runtimes that reserve more than they use need more."""
    processes: int = 32
    file_bytes: int = 16 << 20
    """Largest file it may write."""
    disk_bytes: int = 256 << 20
    """All its files together, /dev/shm included, beyond its tree; and all collected files. Watched where the tier has no
    scratch file system of its own, as is their number (65,536)."""
    output_bytes: int = 1 << 20
    """Kept of stdout and of stderr each; the rest is drained and thrown away."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A program nobody trusts, and what it may see and use."""

    argv: tuple[str, ...] = ()
    """Program and arguments; with ``python``, the arguments alone."""
    python: str | None = None
    """Source of a program for a warm Python: what ``python main.py`` would do, without the time to start."""
    preload: tuple[str, ...] = ()
    """Modules of ours, by their full names, that the warm Python has imported before the program starts, and whose
    ``warm_up()``, if any, it has called. They import nothing but the standard library and one another, in this order."""
    stdin: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    """Relative path -> content, written into the scratch folder, which is the working directory."""
    tree: str | None = None
    """A folder on this machine whose copy fills the scratch folder before ``files`` are written over it."""
    readable: tuple[str, ...] = ()
    """Further absolute paths it may read (and execute), beside the system's and Python's own."""
    libraries: tuple[str, ...] = ()
    """Installed Python packages, by the names they are imported or installed by, that it may read and import, with what they
    require. Of Python it is shown the standard library otherwise, and nothing else that is installed."""
    env: dict[str, str] = field(default_factory=dict)
    """Added to a clean, fixed environment."""
    collect: tuple[str, ...] = ()
    """Relative paths, or ``*.class``-like patterns without folders, of files brought back after the run, each capped at
    ``limits.file_bytes``."""
    limits: Limits = Limits()


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was seen from outside while a job ran. Nothing in here is a claim of the program about itself but its output."""

    exit_code: int | None
    """None when it was killed by a signal or by us."""
    signal: int | None = None
    stdout: bytes
    stderr: bytes
    truncated: bool = False
    """Some output was thrown away."""
    timed_out: bool = False
    """It ran out of wall or processor time."""
    out_of_memory: bool = False
    """It was killed for its memory. A program that was refused memory and ended by itself is not told apart."""
    overfull: bool = False
    """It was killed for the number or the sum of its files, where no file system of its own refuses them."""
    wall_ms: float
    cpu_ms: float
    """Of all its processes, the ended ones included."""
    peak_bytes: int
    """Largest resident set of the direct child as the kernel reports it, or of all processes at a look if that was more. A
    program is a fork of its worker at first, so it is never less than the worker's own, some 12 MB."""
    files: dict[str, bytes] = field(default_factory=dict)
    """The collected files that exist."""
    tier: str
    """Which isolation it ran under."""


# ------------------------------------------------------------------------------------------------------------ asking a model
@dataclass(frozen=True, kw_only=True)
class Task:
    """What a model is asked, and what may be run. The expected answer lives in the sibling ``Key``."""

    id: str
    suite: str
    prompt: str
    suffix: str = ""
    question: str = ""
    """What a chat model is asked instead of the prompt; empty where the suite has no such form."""
    examples: str = ""
    """What stands before the prompt when it is asked with examples; empty where the suite has none."""
    stop: str = "none"
    """Name of the stop rule: ``line``, ``dedent`` or ``none``."""
    stops: tuple[str, ...] = ()
    """Texts before which an answer is cut, beside the rule: a benchmark's own stop sequences."""
    max_tokens: int
    """Most tokens of an answer; 0: none is asked for, and what the expected one costs the model is measured."""
    language: str
    group: str
    """Cluster for resampling: the file the task came from."""
    part: str = ""
    """A part of its suite that also gets a score of its own: a split, a kind of task, a language."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """The expected answer to a task; no engine and no sandbox ever sees it."""

    task_id: str
    answer: str


class PromptStyle(StrEnum):
    """How a request is put to a model; recorded beside every result, since it moves scores."""

    PREFIX = "prefix"
    """The text before the cursor alone."""
    FIM = "fim"
    """Prefix and suffix with the tokenizer's fill-in-the-middle tokens (prefix-suffix-middle order)."""
    CHAT = "chat"
    """The task's question as a user's turn, in the tokenizer's chat template; the answer is prose and fenced code."""
    FEW_SHOT = "few-shot"
    """Worked examples of the suite, then the prompt to go on from."""
    PROGRAM = "program"
    """Never asked for: a program that stands alone, made elsewhere; it is run as it is."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A turn of a conversation."""

    role: str
    """``system``, ``user`` or ``assistant``."""
    content: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question to an engine."""

    prompt: str
    messages: tuple[Message, ...] = ()
    """A conversation in place of the prompt, in style CHAT."""
    suffix: str = ""
    style: PromptStyle = PromptStyle.PREFIX
    stop: str = "none"
    stops: tuple[str, ...] = ()
    """Texts before which the answer is cut, beside the rule."""
    stop_repetition: bool = False
    """Whether an answer that says the same again and again ends there; for people, not for scores."""
    heal: bool = False
    """Whether a word in which the prompt ends may be put in other tokens than the prompt's own (`models.healing`), in styles
    PREFIX and FIM, by engines that read prompts as ids; for people who type, not for scores."""
    syntax: str = ""
    """Language in which prompt and answer must be able to become valid code, token by token, where an engine can see to that
    (`inference.syntax_monitor`); empty: any text."""
    max_tokens: int = 64
    temperature: float = 0.0
    """0 is greedy."""
    seed: int = 0
    whole: bool = False
    """Whether the answer is wanted in one piece: an engine may then spare itself what many cost."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What an engine answered."""

    text: str
    stop: str
    """Why it ended: ``eos``, ``rule`` (the request's stop rule), ``length`` or ``repetition``."""
    tokens: int
    """Tokens generated, the end token included."""
    took_ms: float
    engine: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of an answer, as it comes; the pieces of an answer add up to its text."""

    text: str
    stop: str = ""
    """Why the answer ended, as of `Completion`; empty for all pieces but the last."""
    tokens: int = 0
    """Tokens generated so far."""
    prompt_tokens: int = 0
    """Tokens that were read; 0 where the engine does not say."""


@dataclass(frozen=True, kw_only=True)
class Insertion:
    """A text put in at a cursor: what an editor shows in grey before it is taken."""

    before: str
    text: str
    after: str = ""
    language: str = "unknown"
    path: str = ""
    """Of the file, where whoever asked said it."""
    is_whole_file: bool = False
    """Whether ``before`` begins where the file does and ``after`` ends where it ends; else both may be windows of it."""

    @property
    def line_before(self) -> str:
        """What stands before the cursor on its line."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def line_behind(self) -> str:
        """What stands behind the cursor on its line."""
        return self.after.partition("\n")[0]

    @property
    def placed(self) -> str:
        """The file, or the window of it, with the text in its place."""
        return self.before + self.text + self.after


# ------------------------------------------------------------------------------------------------------------------- numbers
@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number with its interval. ERROR and SKIP are counted beside it, never averaged in."""

    name: str
    value: float | None
    """None when n is 0."""
    n: int
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval."""
    unit: str = ""
    skipped: int = 0
    errors: int = 0
