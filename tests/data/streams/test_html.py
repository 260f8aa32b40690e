"""HTML of posts: text and code come out as they read, and nothing that is thrown at it breaks it."""

from __future__ import annotations

import pytest

pytest.importorskip("lxml", reason="lxml is not available here")

from yunque.data.streams.html import read_html


def test_prose_entities_lists_and_quotations():
    html = (
        "<h2>Why</h2><p>Use <code>a &lt; b</code> &amp;\n<em>never</em> that<br>one.</p>"
        "<ul><li>first<ol><li>inner</li><li>next</li></ol></li><li>second</li></ul>"
        '<blockquote><p>said</p></blockquote><p><img src="x.png" alt="a plot"></p>'
    )
    told = read_html(html)
    assert told.text == (
        "## Why\n\nUse `a < b` & never that\none.\n\n- first\n  1. inner\n  2. next\n- second\n\n> said\n\na plot"
    )
    assert "a plot" in told.prose and told.blocks == ()


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ('<pre class="lang-py prettyprint-override"><code>x</code></pre>', "python"),
        ('<pre class="lang-js s-code-block"><code class="hljs language-javascript">x</code></pre>', "javascript"),
        ('<pre><code class="language-c++">x</code></pre>', "cpp"),
        ("<!-- language: lang-java -->\n\n<pre><code>x</code></pre>", "java"),
        ('<pre class="lang-none"><code>x</code></pre>', "none"),
        ('<pre class="lang-whatever"><code>x</code></pre>', ""),
        ("<pre><code>x</code></pre>", ""),
    ],
)
def test_hints_of_code(html, language):
    assert [block.language for block in read_html(html).blocks] == [language]


def test_a_hint_is_for_one_block():
    blocks = read_html("<!-- language: lang-py --><pre>a</pre><pre>b</pre>").blocks
    assert [block.language for block in blocks] == ["python", ""]


def test_code_keeps_its_bytes_and_its_fence_holds():
    html = '<pre><code>def f():\r\n    return "```" &lt; 3 &amp;&amp; <b>x</b><!-- no --> + "&#39;"\r\n\r\n</code></pre>'
    told = read_html(html)
    assert told.blocks[0].code == 'def f():\n    return "```" < 3 && x + "\'"'
    assert told.text.startswith("````\ndef f()") and told.text.endswith("\n````")


def test_quoted_code_is_known_and_prose_has_none():
    told = read_html("<blockquote><pre><code>theirs()</code></pre></blockquote><p>and</p><pre><code>mine()</code></pre>")
    assert [(block.code, block.quoted) for block in told.blocks] == [("theirs()", True), ("mine()", False)]
    assert told.prose == "and" and "> theirs()" in told.text


def test_scripts_are_silent_but_what_follows_is_not():
    told = read_html("a<script>document.write('<pre>no</pre>')</script>b<style>p{}</style><iframe src='x'>i</iframe>c")
    assert told.text == "abc" and not told.blocks


@pytest.mark.parametrize(
    "html",
    [
        "",
        " ",
        "\0",
        "<",
        "<!--",
        "</ul></blockquote></pre>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><p>&a;</p>",
        "\ud800",
        "&#0;&#xD800;",
    ],
)
def test_what_is_no_html_breaks_nothing(html):
    told = read_html(html)
    told.text.encode()
    assert not told.blocks


def test_deep_nesting_ends_soon(within):
    with within(5):
        for html in ("<div>" * 100_000, "<ul><li>" * 50_000, "<pre>" * 50_000, "<blockquote>" * 50_000 + "x"):
            read_html(html)
