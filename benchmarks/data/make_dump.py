"""Write a dump of N posts in the public schema of Stack Exchange, with all its oddities; the same bytes for the same N.

    python benchmarks/data/make_dump.py FOLDER [--posts 50000] [--seven-zip]

The oddities, each in a fixed share of the posts: both forms of tags, tag wikis and other kinds of posts, answers without
their question and before it, accepted answers that are not there, closed questions, owners without an account or a name,
rows without a licence (as before 2018) and with each version of it, Windows line ends, references to characters that XML
does not know, bodies without code, with several blocks, with quoted code, output, prose in other languages, stack snippets,
scripts, and a few rows that are broken. It begins with a byte order mark, and its lines end with CRLF.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from random import Random
from xml.sax.saxutils import quoteattr

TAGS = {
    "python": ("python", "pandas", "python-3.x"), "javascript": ("javascript", "node.js"), "java": ("java", "spring"),
    "typescript": ("typescript", "javascript"), "cpp": ("c++", "c++17"), "c": ("c",), "go": ("go",), "rust": ("rust",),
    "php": ("php", "laravel"), "ruby": ("ruby",), "shell": ("bash", "linux"), "": ("excel", "css"),
    "mixed": ("python", "java"),
}  # fmt: skip
CODE = {
    "python": "def {name}(items, limit={n}):\n    kept = [one for one in items if one < limit and one > {m}]\n"
    "    for index, one in enumerate(kept):\n        print(f\"{{index}}: {{one!r}} & more\")\n    return sorted(kept)",
    "javascript": "function {name}(items, limit = {n}) {{\n  return items.filter((one) => one < limit && one > {m})\n"
    "    .map((one, index) => `${{index}}: ${{one}}`);\n}}",
    "java": "public static List<Integer> {name}(List<Integer> items) {{\n    List<Integer> kept = new ArrayList<>();\n"
    "    for (int one : items) {{\n        if (one < {n} && one > {m}) kept.add(one);\n    }}\n    return kept;\n}}",
    "cpp": "std::vector<int> {name}(const std::vector<int>& items) {{\n    std::vector<int> kept;\n"
    "    for (int one : items) if (one < {n} && one > {m}) kept.push_back(one);\n    return kept;\n}}",
}  # fmt: skip
PROSE = {
    "en": "I want to keep the items of a list that are less than {n} and more than {m}, in the order of the list, and "
    "when I do this with a loop it is too slow. The list is read from a file and it has no end that is known.",
    "es": "Quiero guardar los elementos de una lista que son menos que {n} y más que {m}, en el orden de la lista, pero "
    "cuando lo hago con un bucle es muy lento. La lista se lee de un archivo y no se sabe su fin.",
    "de": "Ich will die Werte einer Liste, die unter {n} und über {m} liegen, in der Reihenfolge der Liste behalten, und "
    "mit einer Schleife ist das zu langsam. Die Liste wird aus einer Datei gelesen und hat kein Ende.",
    "ja": "リストの中の{n}より小さく{m}より大きい要素を、リストの順番のまま残したいです。ループでは遅すぎます。",
}
OTHER_KINDS = (3, 4, 5, 6, 7, 8)


def rows(num_posts: int, seed: int = 17) -> Iterator[str]:
    """Every ``<row … />``, in the order of a dump: by number, but for a few answers that stand before their question."""
    choose = Random(seed)
    questions: list[tuple[int, str, int]] = []
    early: list[int] = []
    for number in range(1, num_posts + 1):
        draw = choose.random()
        if draw < 0.01:
            yield row({"Id": number, "PostTypeId": choose.choice(OTHER_KINDS), "CreationDate": date(number), "Score": 0,
                       "Body": "<p>What this tag is for.</p>", "OwnerUserId": -1, "CommentCount": 0}, choose)  # fmt: skip
        elif draw < 0.40 or not questions:
            language = choose.choice([*TAGS])
            accepted = number + choose.randint(1, 400) if choose.random() < 0.55 else 0
            if early and choose.random() < 0.5:
                accepted = early.pop()
            questions.append((number, language, accepted))
            yield question(number, language, accepted, choose)
        elif draw < 0.405:  # its question has not come yet; that one names it as accepted, perhaps
            early.append(number)
            yield answer(number, number + choose.randint(1, 30), "python", choose)
        elif draw < 0.415:  # its question was deleted
            yield answer(number, num_posts * 10 + number, "python", choose)
        else:
            waiting = [one for one in questions[-400:] if one[2] == number]
            parent, language, _ = waiting[0] if waiting else choose.choice(questions[-200:])
            yield answer(number, parent, language, choose)


def question(number: int, language: str, accepted: int, choose: Random) -> str:
    """The row of a question."""
    tags = TAGS[language]
    told = "".join(f"<{tag}>" for tag in tags) if number % 2 else f"|{'|'.join(tags)}|"
    values: dict = {"Id": number, "PostTypeId": 1}
    if accepted:
        values["AcceptedAnswerId"] = accepted
    values |= {"CreationDate": date(number), "Score": score(choose), "ViewCount": choose.randint(5, 90_000),
               "Body": body(number, language, choose, ask=True), **owner(choose),
               "LastEditorUserId": choose.randint(1, 10**6), "LastEditDate": date(number + 3),
               "LastActivityDate": date(number + 9),
               "Title": f"How do I keep only some of the \"items\" & <values> of a list ({number})?", "Tags": told,
               "AnswerCount": choose.randint(0, 9), "CommentCount": choose.randint(0, 9)}  # fmt: skip
    if choose.random() < 0.03:
        values["ClosedDate"] = date(number + 5)
    if choose.random() < 0.02:
        values["FavoriteCount"] = choose.randint(0, 20)
    return row(values | licence(choose), choose)


def answer(number: int, parent: int, language: str, choose: Random) -> str:
    """The row of an answer."""
    values = {"Id": number, "PostTypeId": 2, "ParentId": parent, "CreationDate": date(number), "Score": score(choose),
              "Body": body(number, language, choose, ask=False), **owner(choose), "LastActivityDate": date(number),
              "CommentCount": choose.randint(0, 9)}  # fmt: skip
    if choose.random() < 0.02:
        values["CommunityOwnedDate"] = date(number)
    return row(values | licence(choose), choose)


def body(number: int, language: str, choose: Random, ask: bool) -> str:
    """HTML as the site renders it."""
    values = {"n": choose.randint(10, 999), "m": choose.randint(0, 9), "name": f"keep_{number}"}
    prose = PROSE[choose.choices([*PROSE], [88, 5, 4, 3])[0]].format(**values)
    code = CODE.get(language, CODE["cpp" if language == "c" else "python"]).format(**values)
    code = "\n\n".join(
        code.replace(f"keep_{number}", f"keep_{number}_{part}") for part in range(choose.choice((1, 1, 2, 4)))
    )
    hint = choose.choice(("", "", f' class="lang-{dict(python="py", javascript="js").get(language, language or "none")}"'))
    parts = [f"<p>{prose}</p>"]
    draw = choose.random()
    if draw < 0.10:
        parts.append('<p>See <code>filter</code> and <a href="https://example.org/" rel="nofollow">this page</a>.</p>')
    else:
        parts.append(f"<pre{hint}><code>{html(code)}\n</code></pre>")
    if draw > 0.90:
        parts += ["<p>which prints</p>", '<pre class="lang-none"><code>0: 1 &amp; more\n1: 2 &amp; more\n</code></pre>']
    elif draw > 0.86:
        parts.insert(0, "<blockquote>\n<p>You said</p>\n<pre><code>for one in items: pass\n</code></pre>\n</blockquote>")
    elif draw > 0.84:
        parts.append('<script>document.write(\'never\')</script><img src="https://example.org/a.png" alt="a plot">')
    elif draw > 0.82:
        parts.append(
            '<!-- begin snippet: js hide: false -->\n<pre class="snippet-code-css lang-css"><code>a { b: c }</code></pre>'
        )
    if ask:
        parts += [
            "<ul>\n<li>it must be <strong>stable</strong></li>\n<li>it may be a generator</li>\n</ul>",
            f"<p>{prose[:80]}</p>",
        ]
    return "\n\n".join(parts) + "\n"


def html(code: str) -> str:
    return code.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def row(values: dict, choose: Random) -> str:
    """One line of the dump, with the oddities of bytes."""
    draw = choose.random()
    if draw < 0.02:
        values["Body"] = values["Body"].replace("\n", "\r\n")
    entities = {"\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;"}
    line = f"  <row {' '.join(f'{name}={quoteattr(str(value), entities)}' for name, value in values.items())} />"
    if 0.5 < draw < 0.502:
        line = line.replace("&lt;p&gt;", "&lt;p&gt;&#x1F;&#xFFFE;", 1)
    elif 0.6 < draw < 0.602:
        line = line.replace('Body="', "Body=", 1)
    return line


def owner(choose: Random) -> dict:
    """Who wrote it: an account, a name without one, or nobody."""
    draw = choose.random()
    if draw < 0.93:
        return {"OwnerUserId": choose.randint(1, 10**7)}
    return {"OwnerDisplayName": f"user{choose.randint(1, 10**6)}"} if draw < 0.98 else {}


def licence(choose: Random) -> dict:
    draw = choose.random()
    return {} if draw < 0.02 else {"ContentLicense": f"CC BY-SA {'2.5' if draw < 0.1 else '3.0' if draw < 0.5 else '4.0'}"}


def score(choose: Random) -> int:
    return int(choose.expovariate(0.12)) - 1


def date(number: int) -> str:
    day = f"20{8 + number % 17:02}-{1 + number % 12:02}-{1 + number % 28:02}"
    return f"{day}T{number % 24:02}:{number % 60:02}:00.{number % 1000:03}"


def write_dump(folder: Path, num_posts: int) -> Path:
    """``folder/Posts.xml``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Posts.xml"
    with open(path, "w", encoding="utf-8-sig", newline="\r\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
        file.writelines(line + "\n" for line in rows(num_posts))
        file.write("</posts>")
    return path


def write_seven_zip(path: Path, archive: Path) -> Path:
    """A .7z as the site's are: ``Posts.xml`` among other tables, solid."""
    import py7zr

    with py7zr.SevenZipFile(archive, "w") as file:
        file.writestr('<?xml version="1.0" encoding="utf-8"?>\n<badges>\n</badges>', "Badges.xml")
        file.write(path, "Posts.xml")
        file.writestr('<?xml version="1.0" encoding="utf-8"?>\n<tags>\n</tags>', "Tags.xml")
    return archive


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--seven-zip", action="store_true")
    options = parser.parse_args()
    made = write_dump(options.folder, options.posts)
    print(made, made.stat().st_size)
    if options.seven_zip:
        print(write_seven_zip(made, options.folder / "example.com.7z"))
