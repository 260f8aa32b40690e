"""Values that two processes pass to each other by `apart`: plain ones as text, objects that both hold by numbers.

A list, dict, set, ... is one object in both: every message brings both to the same contents. What stays with its owner is,
on the other side, a stand-in that has the number.

Covered: aliases and parts that are shared, subclasses of dict that the standard library has, namedtuples, what of Python's
own travels by name.
Not covered: the order of a set; objects that refer to themselves by what does not travel (`Unplain`).
"""

import collections
import datetime
import decimal
import fractions
import functools
import json
import sys

from yunque.checks.inside.codec import Unplain, Writer, is_namedtuple
from yunque.checks.inside.decoder import load

_KINDS = {
    kind.__name__: kind
    for kind in (list, dict, set, bytearray, collections.OrderedDict, collections.Counter, collections.defaultdict,
                 collections.deque)
}  # fmt: skip
SHARED = set(_KINDS.values())
PLAIN = {
    type(None), bool, int, float, complex, str, bytes, tuple, frozenset, range, fractions.Fraction, decimal.Decimal,
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
}  # fmt: skip
_BY_NAME = {
    item.__name__: item
    for item in (
        bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, range, set, str, tuple, type,
        abs, all, any, chr, divmod, len, max, min, ord, pow, round, sorted, sum,
    )
}  # fmt: skip
"""What of Python's own travels by its name; nothing with which the other process could be made to do anything."""
_BY_VALUE = {id(item): name for name, item in _BY_NAME.items()}
_FACTORIES = {kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple)} | {"None": None}


class Shared:
    """The objects that both processes hold, by number: even ones were first the tester's, odd ones the program's.

    An object is forgotten when only one side still holds it: neither could tell any more what happens to it.
    """

    def __init__(self, first, stays, stand_ins, named):
        self.next, self.parity, self.stays, self.stand_ins, self.named = first, first % 2, stays, stand_ins, named
        self.objects, self.numbers, self.known = {}, {}, {}

    def number_of(self, value):
        """The number of a shared object, a new one if need be; None for a value that travels whole."""
        if type(value) in self.stand_ins.values():
            return value._yunque_number
        if name := _BY_VALUE.get(id(value)):
            return f"builtins.{name}"
        if type(value) not in SHARED and not self.stays(value):
            return None
        number = self.numbers.get(id(value))
        if number is None:
            number, self.next = self.next, self.next + 2
            self.keep(number, value)
        return number

    def pack(self, value):
        """A message that brings a value, and everything shared that has changed. Raises Unplain."""
        text, contents, position = self.text(value), {}, 0
        while position < len(self.objects):  # it grows while the contents of one object bring up others
            for number in list(self.objects)[position:]:
                position += 1
                result = self.contents(self.objects[number])
                if self.known.get(number) != result:
                    contents[number] = self.known[number] = result
        forgotten = [number for number in list(self.objects) if self.is_lonely(number)]
        for number in forgotten:
            self.drop(number)
        return {"value": text, "contents": contents, "forgotten": forgotten}

    def unpack(self, message):
        """The value of a message, once everything shared is as it says. ValueError for one that is malformed."""
        contents = {int(number): result for number, result in message["contents"].items()}
        for number, (kind, *_) in contents.items():
            if number not in self.objects:
                if number % 2 == self.parity:
                    raise ValueError("a number that is not the sender's")
                self.keep(number, self.stand_ins[kind](number) if kind in self.stand_ins else _KINDS[kind]())
        for number, content in contents.items():
            self.fill(self.objects[number], *content)
            self.known[number] = content
        value = self.value(message["value"])
        for number in message["forgotten"]:
            self.drop(number)
        return value

    def text(self, value):
        """A value as text, with numbers for what is shared. Raises Unplain."""
        writer = _SharedWriter(self)
        try:
            writer.write(value, (None, type(value)))
        except RecursionError:
            raise Unplain("the value is nested too deep for the stack that is left") from None
        return "".join(writer.parts)

    def value(self, text):
        """The value of a text. ValueError when it is none."""
        return load(text, self.find)

    def find(self, key):
        """The object that a number or a name stands for, or a namedtuple. KeyError when there is none."""
        if type(key) is int:
            return self.objects[key]
        if key.startswith("["):
            name, fields, items = json.loads(key)
            return _named_tuple(name, tuple(fields))._make(self.value(items))
        module, _, name = key.rpartition(".")
        return _BY_NAME[name] if module == "builtins" else self.named(key)

    def contents(self, value):
        """The kind of a shared object and what is in it."""
        kind = type(value)
        if kind not in SHARED:
            return ["iterator" if hasattr(kind, "__next__") else "object", ""]
        if kind is bytearray:
            return ["bytearray", bytes(value).hex()]
        if not issubclass(kind, dict):
            return [kind.__name__, self.text(tuple(value))]
        results = [kind.__name__, self.text(tuple([part for pair in kind.items(value) for part in pair]))]
        if kind is collections.defaultdict:
            name = getattr(value.default_factory, "__name__", "None")
            if _FACTORIES.get(name, Shared) is not value.default_factory:
                raise Unplain("a defaultdict that calls a function of its own is not plain data")
            results.append(name)
        return results

    def fill(self, target, kind, text, factory=""):
        """Make an object what a message says that it is."""
        if kind in self.stand_ins:
            return
        if type(target) is not _KINDS[kind]:
            raise ValueError("an object of another kind")
        if kind == "bytearray":
            target[:] = bytes.fromhex(text)
            return
        items = self.value(text)
        target.clear()
        if kind in ("list", "deque"):
            target.extend(items)
        elif kind == "set":
            target.update(items)
        else:
            if factory:
                target.default_factory = _FACTORIES[factory]
            for key, item in zip(items[::2], items[1::2], strict=True):
                target[key] = item

    def is_lonely(self, number):
        """Whether nobody on this side but this table holds an object, so that the other side may forget it as well."""
        return not self.stays(self.objects[number]) and sys.getrefcount(self.objects[number]) <= 2

    def keep(self, number, value):
        """Remember an object under its number."""
        self.objects[number], self.numbers[id(value)] = value, number

    def drop(self, number):
        """Forget an object."""
        value = self.objects.pop(number, None)
        self.numbers.pop(id(value), None)
        self.known.pop(number, None)


class _SharedWriter(Writer):
    """Writes numbers for shared objects, wherever they lie in a value."""

    def __init__(self, shared):
        super().__init__()
        self.shared = shared

    def write(self, value, where):
        """Write a value, or the number that stands for it."""
        number = self.shared.number_of(value)
        if number is None and is_namedtuple(type(value)):
            kind = type(value)
            items = self.shared.text(tuple(tuple.__iter__(value)))
            number = json.dumps([kind.__name__, list(kind.__dict__["_fields"]), items])
        if number is None:
            super().write(value, where)
        else:
            self.put(f'{{"at":{json.dumps(number)}}}')


@functools.cache
def _named_tuple(name, fields):
    return collections.namedtuple(name, fields)  # ValueError for what is not a name
