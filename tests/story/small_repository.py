"""A small package of its own, with tests and doctests, for the stories to learn from."""

from pathlib import Path
from textwrap import dedent

MODULES = {
    "text": '''
        """Words and lines."""


        def capitalise_words(text):
            """Give every word a capital.

            >>> capitalise_words("ada lovelace")
            'Ada Lovelace'
            """
            words = text.split(" ")
            return " ".join(word[:1].upper() + word[1:] for word in words)


        def is_palindrome(text):
            """Whether a text reads the same both ways, case and blanks aside.

            >>> is_palindrome("Never odd or even")
            True
            """
            letters = [char.lower() for char in text if char.isalpha()]
            return letters == letters[::-1]
    ''',
    "stats": '''
        """Numbers about numbers."""


        def mean(values):
            """The arithmetic mean.

            >>> mean([1, 2, 6])
            3.0
            """
            if not values:
                raise ValueError("no values")
            return sum(values) / len(values)


        def median(values):
            """The middle value, or the mean of the two in the middle.

            >>> median([5, 1, 3, 9])
            4.0
            """
            ordered = sorted(values)
            half = len(ordered) // 2
            if len(ordered) % 2:
                return float(ordered[half])
            return (ordered[half - 1] + ordered[half]) / 2
    ''',
    "matrix": '''
        """Lists of rows."""


        def transpose(rows):
            """Swap rows and columns.

            >>> transpose([[1, 2], [3, 4]])
            [[1, 3], [2, 4]]
            """
            return [list(column) for column in zip(*rows)]


        def multiply(left, right):
            """The matrix product.

            >>> multiply([[1, 2]], [[3], [4]])
            [[11]]
            """
            columns = transpose(right)
            return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in left]
    ''',
    "graph": '''
        """Nodes and edges."""

        from collections import deque


        def neighbours(edges, node):
            """Nodes that share an edge with a node, sorted.

            >>> neighbours([("a", "b"), ("c", "a")], "a")
            ['b', 'c']
            """
            found = {right for left, right in edges if left == node}
            found |= {left for left, right in edges if right == node}
            return sorted(found)


        def distance(edges, start, goal):
            """Fewest edges from start to goal, or None.

            >>> distance([("a", "b"), ("b", "c")], "a", "c")
            2
            """
            queue, seen = deque([(start, 0)]), {start}
            while queue:
                node, steps = queue.popleft()
                if node == goal:
                    return steps
                for other in neighbours(edges, node):
                    if other not in seen:
                        seen.add(other)
                        queue.append((other, steps + 1))
            return None
    ''',
    "colours": '''
        """Red, green, blue."""


        def to_hex(red, green, blue):
            """A colour as in a style sheet.

            >>> to_hex(255, 0, 128)
            '#ff0080'
            """
            for part in (red, green, blue):
                if not 0 <= part <= 255:
                    raise ValueError(f"{part} is not a byte")
            return f"#{red:02x}{green:02x}{blue:02x}"


        def from_hex(code):
            """The three bytes of a colour.

            >>> from_hex("#ff0080")
            (255, 0, 128)
            """
            digits = code.lstrip("#")
            return tuple(int(digits[at : at + 2], 16) for at in (0, 2, 4))
    ''',
    "money": '''
        """Amounts in cents."""


        def split_bill(cents, people):
            """Share an amount; the first ones pay the odd cents.

            >>> split_bill(100, 3)
            [34, 33, 33]
            """
            each, odd = divmod(cents, people)
            return [each + (place < odd) for place in range(people)]


        def show_amount(cents, currency="EUR"):
            """An amount for people to read.

            >>> show_amount(123456)
            '1,234.56 EUR'
            """
            whole, rest = divmod(abs(cents), 100)
            sign = "-" if cents < 0 else ""
            return f"{sign}{whole:,}.{rest:02d} {currency}"
    ''',
    "intervals": '''
        """Pairs of (start, end)."""


        def overlaps(first, second):
            """Whether two intervals share a point.

            >>> overlaps((1, 4), (3, 8))
            True
            """
            return first[0] < second[1] and second[0] < first[1]


        def merge_all(intervals):
            """Intervals joined where they touch, in order.

            >>> merge_all([(5, 7), (1, 3), (2, 4)])
            [(1, 4), (5, 7)]
            """
            merged = []
            for start, end in sorted(intervals):
                if merged and start <= merged[-1][1]:
                    merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
                else:
                    merged.append((start, end))
            return merged
    ''',
    "roman": '''
        """Numerals."""

        VALUES = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}


        def to_number(numeral):
            """The number that a Roman numeral stands for.

            >>> to_number("MCMXC")
            1990
            """
            total, highest = 0, 0
            for letter in reversed(numeral):
                value = VALUES[letter]
                total += value if value >= highest else -value
                highest = max(highest, value)
            return total


        def is_numeral(text):
            """Whether a text is made of numerals only.

            >>> is_numeral("XIV"), is_numeral("abc")
            (True, False)
            """
            return bool(text) and set(text) <= set(VALUES)
    ''',
}


def write_repository(folder: Path) -> Path:
    """The package ``smallpack`` with one test file a module, a licence, and some files that must be dropped."""
    package, tests = folder / "smallpack", folder / "tests"
    package.mkdir(parents=True)
    tests.mkdir()
    (package / "__init__.py").write_text('"""A small pack of functions."""\n')
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(dedent(text).lstrip())
    (tests / "test_money.py").write_text(
        "from smallpack import money\n\n\ndef test_shares_add_up():\n    assert sum(money.split_bill(1001, 7)) == 1001\n"
    )
    (folder / "LICENSE").write_text(
        "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"
    )
    (folder / "logo.py").write_bytes(b"\x00\x01binary")
    return folder
