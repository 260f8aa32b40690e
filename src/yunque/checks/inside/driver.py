"""Inside the sandbox, for the judge location ``outside``: the process that runs the program, answering calls with plain
values.

It is never given an expected value. Its standard input holds the program and the calls, its standard output an answer a
line: ``=VALUE``, ``#DIGEST`` of a value too long to send, ``!RAISED``, or ``?WHY`` it is not plain. What the program prints
goes to stderr. It may write answers of its own making: that is no more than returning them. The warm interpreter has this
file loaded (`Job.preload`).

Covered: arguments are fresh copies for every call; exceptions (SystemExit too) are answers.
Not covered: a result that is lazy is asked for all that it gives, before the next call.
"""

import hashlib
import marshal
import math
import os
import sys
import types

from yunque.checks.inside.codec import Unplain, dump, plain_scalar
from yunque.checks.inside.decoder import load


def warm_up():
    """Do once, in the worker, what every run does: its forks then find code that is specialised already."""
    calls = [(name, pack(((1, 2.5, "a", [1], {"k": None}),)), pack({})) for name in ("f", "g")]
    for _ in range(20):
        namespace, _ = start("def f(x):\n    return [x]\n")
        for function, args, kwargs in calls:
            answer(namespace, function, args, kwargs)
    del sys.modules["program"]


def outside():
    """Answer every call of the order."""
    order = marshal.loads(sys.stdin.buffer.read())
    channel = os.dup(1)
    os.dup2(2, 1)
    own = os.getpid()
    namespace, trouble = start(order["program"])
    broken = None if trouble is None else "!" + dump(trouble)
    for call, strict in zip(order["calls"], order["strict"], strict=True):
        line = broken or answer(namespace, *call, order["longest"], strict)
        if os.getpid() != own:  # the program forked itself: one of it is enough
            os._exit(0)
        os.write(channel, line.encode() + b"\n")


def digest(value, strict=False):
    """What stands for a long value: SHA-256 of its contents, the same for values that are equal.

    ``strict``: and of the same types. Dicts and sets count by what is in them, whatever its order.
    """
    return _digest(value, strict).hex()


def _digest(value, strict):
    value = plain_scalar(value)
    kind = type(value)
    name = kind.__name__ if strict else _ALIKE.get(kind, kind.__name__)
    results = hashlib.sha256(name.encode())
    if kind in (list, tuple):
        for piece in pieces(value):
            types = set(map(type, piece))
            if not types <= _ATOMS:
                piece = [plain_scalar(item) for item in piece]
                types = set(map(type, piece))
            if types <= _ATOMS:
                results.update(marshal.dumps(piece if types <= {int, str} else [_atom(item, strict) for item in piece], 2))
            else:
                for item in piece:
                    results.update(_digest(item, strict))
    elif kind is dict:
        for pair in sorted(_digest(key, strict) + _digest(item, strict) for key, item in value.items()):
            results.update(pair)
    elif kind in (set, frozenset):
        for item in sorted(_digest(item, strict) for item in value):
            results.update(item)
    else:
        results.update(marshal.dumps(_atom(value, strict), 2) if kind in _ATOMS else dump(value).encode())
    return results.digest()


_ATOMS = {type(None), bool, int, float, str}
_ALIKE = {bool: "int", float: "int", frozenset: "set", bytearray: "bytes"}


def _atom(value, strict):
    """A number as every number that it must count as equal to; any other value as it is."""
    if type(value) is float and (strict or not value.is_integer()):
        return value or 0.0  # the negative zero is equal to the other
    return value if strict or type(value) not in (bool, float) else int(value)


def pieces(value):
    """A list or tuple by the thousand, so that its bytes never lie in memory as a whole; anything else in one piece."""
    if type(value) not in (list, tuple):
        return [value]
    return (list(value[index : index + 1000]) for index in range(0, len(value), 1000))


def is_longer(value, longest):
    """Whether a value takes more bytes than that, told quickly; False for what is not plain or nests too deep."""
    total = 0
    try:
        for piece in pieces(plain_scalar(value)):
            total += len(marshal.dumps(piece, 2))
            if total > longest:
                return True
    except ValueError:
        pass
    return False


def start(program):
    """Run the program's text as a module; returns its namespace, and what it raised."""
    module = types.ModuleType("program")
    sys.modules["program"] = module
    try:
        exec(compile(program, "program.py", "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        return {}, error
    return module.__dict__, None


def pack(value):
    """A plain value on its way *into* the sandbox: bytes where `marshal` knows its types, else text. Raises Unplain."""
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return dump(value)


def unpack(packed):
    """A fresh copy of what was packed."""
    return marshal.loads(packed) if type(packed) is bytes else load(packed)


def answer(namespace, function, args, kwargs, truth=False, longest=math.inf, strict=False):
    """The answer to one call; the packed arguments are unpacked: copies."""
    try:
        result = namespace[function](*unpack(args), **unpack(kwargs))
        if truth:
            result = bool(result)
        return "#" + digest(result, strict) if is_longer(result, longest) else "=" + dump(result, answer=True)
    except Unplain as error:
        return "?" + str(error)
    except BaseException as error:
        return "!" + dump(error)
