"""The language of a file: by its name, or by its ``#!`` line when the name says nothing.

``PARSED`` are the languages that `code.functions` knows; ``OTHERS`` pass through as plain text, when a recipe asks for them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

PARSED: dict[str, tuple[str, ...]] = {
    "c": (".c", ".h"),
    "cpp": (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".ipp", ".inl", ".tpp", ".cppm"),
    "go": (".go",),
    "java": (".java",),
    "javascript": (".js", ".mjs", ".cjs", ".jsx"),
    "php": (".php", ".phtml", ".php5"),
    "python": (".py", ".pyw"),
    "ruby": (".rb", ".rake", ".gemspec"),
    "rust": (".rs",),
    "shell": (".sh", ".bash", ".ksh"),
    "solidity": (".sol",),
    "tsx": (".tsx",),
    "typescript": (".ts", ".mts", ".cts"),
}
"""Language -> file name endings. A ``.h`` is C++ in a tree with more C++ sources than C sources."""
OTHERS: dict[str, tuple[str, ...]] = {
    "ada": (".adb", ".ads"),
    "assembly": (".s", ".asm"),
    "clojure": (".clj", ".cljs", ".cljc"),
    "cmake": (".cmake",),
    "cobol": (".cob", ".cbl"),
    "csharp": (".cs",),
    "css": (".css", ".scss", ".sass", ".less"),
    "cuda": (".cu", ".cuh"),
    "cython": (".pyx", ".pxd"),
    "d": (".d",),
    "dart": (".dart",),
    "elixir": (".ex", ".exs"),
    "erlang": (".erl", ".hrl"),
    "fortran": (".f", ".f90", ".f95", ".f03", ".for"),
    "fsharp": (".fs", ".fsx"),
    "graphql": (".graphql", ".gql"),
    "groovy": (".groovy", ".gradle"),
    "haskell": (".hs",),
    "html": (".html", ".htm", ".vue", ".svelte"),
    "julia": (".jl",),
    "kotlin": (".kt", ".kts"),
    "lisp": (".lisp", ".el", ".scm", ".rkt"),
    "lua": (".lua",),
    "makefile": (".mk",),
    "markdown": (".md", ".markdown"),
    "nim": (".nim",),
    "nix": (".nix",),
    "objective-c": (".mm",),
    "ocaml": (".ml", ".mli"),
    "pascal": (".pas",),
    "perl": (".pl", ".pm"),
    "powershell": (".ps1", ".psm1"),
    "protobuf": (".proto",),
    "r": (".r",),
    "restructuredtext": (".rst",),
    "scala": (".scala", ".sc"),
    "sql": (".sql",),
    "swift": (".swift",),
    "tcl": (".tcl",),
    "terraform": (".tf",),
    "text": (".txt", ".ini", ".cfg", ".conf", ".env", ".properties"),
    "toml": (".toml",),
    "verilog": (".v", ".sv"),
    "vhdl": (".vhd", ".vhdl"),
    "yaml": (".yaml", ".yml"),
    "zig": (".zig",),
}
"""As `PARSED`, of languages without a parser here. Tables of data (JSON, CSV, XML) are none."""
_NAMES = {"makefile": "makefile", "gnumakefile": "makefile", "dockerfile": "dockerfile", "cmakelists.txt": "cmake"}
_NAMES |= {"rakefile": "ruby", "gemfile": "ruby", "vagrantfile": "ruby", "jenkinsfile": "groovy", ".bashrc": "shell"}
_NAMES |= dict.fromkeys((".env", ".npmrc", ".pypirc", ".netrc", ".pgpass", ".flaskenv"), "text")
_OF_ENDING = {ending: language for table in (OTHERS, PARSED) for language, endings in table.items() for ending in endings}
_STUBS = (".pyi", ".d.ts", ".d.mts", ".d.cts")
_SHEBANG = re.compile(rb"#![^\n]*?\b(python|pypy|node|deno|bun|bash|sh|zsh|ksh|dash|ruby|php|perl|lua)[\d.]*\b")
_SHELLS = (b"bash", b"sh", b"zsh", b"ksh", b"dash")
_NOT_TYPESCRIPT = re.compile(rb"\s*(?:<\?xml|<!DOCTYPE TS)")  # a Qt translation is called .ts, too
_PHP = re.compile(rb"\s*<\?php\b")  # .inc is any language's ending
_NOT_RUST = re.compile(rb"\s*<\?xml")  # so is a RenderScript or resource file .rs


def language_of(path: str, head: bytes, headers_are_cpp: bool = False) -> str:
    """The language of a file, from its path and first bytes; empty when none is known."""
    name = PurePosixPath(path).name.lower()
    ending = PurePosixPath(name).suffix
    language = _NAMES.get(name) or ("text" if name.startswith(".env.") else _OF_ENDING.get(ending, ""))
    if not ending and not language and (match := _SHEBANG.match(head)):
        text = match[1]
        language = "python" if text in (b"python", b"pypy") else "shell" if text in _SHELLS else text.decode()
        language = "javascript" if text in (b"node", b"deno", b"bun") else language
    if (ending == ".ts" and _NOT_TYPESCRIPT.match(head)) or (ending == ".rs" and _NOT_RUST.match(head)):
        return ""
    if ending == ".inc" and _PHP.match(head):
        return "php"
    return "cpp" if ending == ".h" and headers_are_cpp else language


def is_stub(path: str) -> bool:
    """Whether a file holds signatures without bodies, by its name."""
    return path.lower().endswith(_STUBS)
