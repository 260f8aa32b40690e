"""Comments, strings and code told apart."""

from __future__ import annotations

from yunque.code.lexing import scan


def test_scan_tells_strings_from_comments():
    text = 'x = \'# no\'  # yes\ny = """\n# no\n"""\n'
    found = scan(text, "python")
    assert [text[a:b] for a, b in found.comments] == ["# yes"]
    assert found.code.count("\n") == text.count("\n") and found.num_strings == 2
    script = 'a = /["/*]/; // yes\nb = `// no`; /* yes */ c = "// no"\n'
    assert [script[a:b] for a, b in scan(script, "javascript").comments] == ["// yes", "/* yes */"]
