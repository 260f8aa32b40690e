"""The reserved words of languages, which CodeBLEU weighs more."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

_C = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
)
_CPP = (
    "alignas alignof and asm bool catch class concept consteval constexpr constinit const_cast co_await co_return "
    "co_yield decltype delete dynamic_cast explicit export false friend mutable namespace new noexcept not nullptr "
    "operator or private protected public reinterpret_cast requires static_assert static_cast template this "
    "thread_local throw true try typeid typename using virtual wchar_t xor"
)
_JAVA = (
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends "
    "final finally float for goto if implements import instanceof int interface long native new package private "
    "protected public return short static strictfp super switch synchronized this throw throws transient try void "
    "volatile while"
)
_SCRIPT = (
    "async await break case catch class const continue debugger default delete do else enum export extends false "
    "finally for function if import in instanceof let new null return static super switch this throw true try typeof "
    "var void while with yield"
)
_TYPED = (
    "abstract any as asserts boolean constructor declare get implements infer interface is keyof module namespace "
    "never number private protected public readonly set string symbol type unknown"
)
_GO = (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map package "
    "range return select struct switch type var"
)
_RUST = (
    "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move "
    "mut pub ref return self Self static struct super trait true type unsafe use where while"
)
_CSHARP = (
    "abstract as base bool break byte case catch char checked class const continue decimal default delegate do double "
    "else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal "
    "is lock long namespace new null object operator out override params private protected public readonly ref return "
    "sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked "
    "unsafe ushort using virtual void volatile while"
)
KEYWORDS: dict[str, frozenset[str]] = {
    "c": frozenset(_C.split()),
    "cpp": frozenset(f"{_C} {_CPP}".split()),
    "csharp": frozenset(_CSHARP.split()),
    "go": frozenset(_GO.split()),
    "java": frozenset(_JAVA.split()),
    "javascript": frozenset(_SCRIPT.split()),
    "python": frozenset([*keyword.kwlist, "case", "match", "type"]),
    "rust": frozenset(_RUST.split()),
    "tsx": frozenset(f"{_SCRIPT} {_TYPED}".split()),
    "typescript": frozenset(f"{_SCRIPT} {_TYPED}".split()),
}
"""Reserved words of each language's specification. Java's and Python's are the published lists."""
