"""Comments that explain nothing: what templates wrote, encoding lines, editor modelines, rulers; with their exact bytes.

Covered: templates of common editors, in eleven human languages. Not covered: comments that say what the code says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from yunque.checks.canaries import canary
from yunque.checks.findings import MAX_FINDINGS, Places, decide, timed
from yunque.code.lexing import MAX_LINE, lines_of_comment, scan
from yunque.core.nouns import Canary, Finding, Record, Verdict

_TEMPLATES = re.compile(
    r"auto-?generated (?:method|constructor|function|catch|javadoc)\b.{0,20}(?:stub|block)?|todo auto-?generated"
    r"|to change (?:this|the) (?:generated |license |licence )?(?:file |comment )?(?:header|template)|click nbfs://"
    r"|choose tools \| templates|(?:file|code) templates?\.\s*$|\$\{(?:user|date|time|package_name|file_name)\}"
    r"|created (?:by|with) (?:pycharm|intellij|phpstorm|webstorm|clion|android studio|visual studio|spyder|eclipse)"
    r"|^[^\w\n]*+created (?:by .{1,40} )?on (?:mon|tue|wed|thu|fri|sat|sun|\d{1,4}[-/.])"
    r"|(?:write|add|put|enter|insert|place) your (?:own )?code (?:here|below)|your code (?:goes )?here|begin your code"
    r"|todo:? ?(?:implement|complete|finish) (?:this )?(?:method|function|me)\b"
    # Spanish, Portuguese, French, Italian, German, Dutch, Polish, Russian, Chinese, Japanese, Korean
    r"|para cambiar esta plantilla|cabecera de licencia, elija|(?:escrib[ea]|pon(?:ga)?|agregu?e|añad[ae]|tu|su) (?:tu "
    r"|su |el )?código aquí"
    r"|creado (?:por .{1,40} )?el \d|stub (?:de método )?generado autom|método generado automáticamente"
    r"|para alterar est[ea] (?:modelo|template)|(?:seu|escreva o|coloque o) código aqui|criado (?:por .{1,40} )?em \d"
    r"|pour changer (?:ce|le) mod|(?:votre|écrire|écrivez le) code ici|créé (?:par .{1,40} )?le \d|généré automatiquement"
    r"|per cambiare questo modello|inserisci(?:re)? (?:qui )?il (?:tuo )?codice|creato (?:da .{1,40} )?il \d"
    r"|automatisch generierter? |hier (?:ihren |deinen )?code einf|erstellt (?:von .{1,40} )?am \d|hier je code"
    r"|gemaakt (?:door .{1,40} )?op \d"
    r"|tu(?:taj)? wpisz (?:swój )?kod|utworzon[yeo] (?:przez .{1,40} )?dnia|автоматически созданн|ваш код (?:здесь|сюда)"
    r"|создано? .{0,40}\d\d\.\d\d"
    r"|自动生成的(?:方法|构造)|在此处?(?:添加|编写|写入?|插入).{0,6}代码|创建(?:时间|日期|人|者)\s*[::]"
    r"|自動生成された|ここにコードを|자동 ?생성된|여기에 코드",
    re.IGNORECASE | re.MULTILINE,
)
_ENCODING = re.compile(r"^#.{0,20}?coding[:=][ \t]*[-\w.]+")
_MODELINE = re.compile(
    r"(?:^|[ \t#/*])(?:vim?|ex):[ \t]*\w|-\*-[ \t]*+[\w;:= \t-]{1,200}-\*-|\bLocal Variables:", re.IGNORECASE
)
_RULER = re.compile(
    r"[ \t]*+(?:(?:#|//|/\*|--)[ \t]*+)?([-=*#~_+/<>.─═━·])(?:[ \t]?\1){9,}[ \t]*+(?:\*/[ \t]*+)?\r?(?=\n|\Z)"
)
_ANY_RULER = tuple(4 * mark for mark in "-=*#~_+/<>.─═━·")
_HINTS = (
    "generated", "generad", "génér", "generier", "template", "templates", "plantilla", "modelo", "modèle", "modello",
    "nbfs:", "${", "created", "creado", "criado", "créé", "creato", "erstellt", "gemaakt", "utworz", "созда",
    "your code", "código", "code ici", "codice", "code einf", "je code", "kod", "ваш код",
    "自", "代码", "创建", "コード", "자동", "코드", "todo",
)  # fmt: skip
"""What is searched first, in lower case: where none of them stands, no template does."""
RULES = {"template": "warning", "encoding": "note", "modeline": "note", "ruler": "note"}
"""Rule of `Boilerplate` -> severity."""


class Boilerplate:
    """FAIL for comments that a tool's template wrote; notes of encoding lines, editor modelines and rulers.

    ``max_templates``: as many templates are accepted. What is a note never FAILs; its number is a value.
    """

    name = "boilerplate"

    def __init__(self, max_templates: int = 0) -> None:
        self.max_templates = max_templates

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: the number of findings of each rule, and ``boilerplate-share`` of all characters."""
        text = record.text
        result = self._find(text, scan(text, record.language).comments)
        places = Places(text)
        findings = [
            Finding(
                rule=rule,
                line=places.line(start),
                message=f"{rule}: '{text[start:end].strip()[:60]}'",
                severity=RULES[rule],
                span_bytes=places.span(start, end),
            )
            for rule, start, end in result[:MAX_FINDINGS]
        ]
        values = {f"{rule}s": float(sum(item[0] == rule for item in result)) for rule in RULES}
        values["boilerplate-share"] = sum(end - start for _, start, end in result) / (len(text) or 1)
        findings.sort(key=lambda finding: finding.severity == "note")
        return decide(self.name, findings, values=values, fails=values["templates"] > self.max_templates)

    def _find(self, text: str, comments: Sequence[tuple[int, int]]) -> list[tuple[str, int, int]]:
        details = "\n".join([text[start:end] for start, end in comments]).lower()
        templates, close = any(hint in details for hint in _HINTS), details.replace(" ", "")
        rulers = any(mark in close for mark in _ANY_RULER)
        modelines = (
            "vi:" in details or "vim:" in details or "-*-" in details or "ex:" in details or "local variables:" in details
        )
        results = []
        for number, (start, end) in enumerate(comments):
            if number < 2 and _ENCODING.match(text, start, end) and text.count("\n", 0, start) < 2:
                results.append(("encoding", start, end))
            elif modelines and end - start < MAX_LINE and _MODELINE.search(text, start, end):
                results.append(("modeline", start, end))
            elif rulers or templates:
                results += self._inside(text, start, end, templates=templates, rulers=rulers)
        return results

    def _inside(self, text: str, start: int, end: int, *, templates: bool, rulers: bool) -> Iterator[tuple[str, int, int]]:
        if templates and end - start <= 20 * MAX_LINE and _TEMPLATES.search(text, start, end):
            for first, to, words in lines_of_comment(text, start, end):
                if _TEMPLATES.search(words):
                    # a block's marks stay, unless the block is this one line
                    whole = "\n" not in text[start:end]
                    position = text.find(words.strip(), first, to)
                    yield ("template", start, end) if whole else ("template", position, position + len(words.strip()))
        elif rulers and (match := _RULER.match(text, start, end)) and match.end() == end:
            yield "ruler", start, end

    def canaries(self) -> Sequence[Canary]:
        """One of each rule, and a comment that says something."""
        return [
            canary("class A {\n  // TODO Auto-" + "generated method stub\n}\n", "java", "template"),
            canary("// Creado por A el 3/4/2020\nint a;\n", "c", "template"),
            canary("# -*- coding: utf-8 -*-\nx = 1\n", "python", "encoding"),
            canary("x = 1\n# vim: set ts=4 :\n", "python", "modeline"),
            canary("# ==================\nx = 1\n", "python", "ruler"),
            canary("# The code of the country, two letters; created on demand.\nx = 1\n", "python"),
        ]
