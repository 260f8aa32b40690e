"""Inside the sandbox, for the judge location ``apart``: the test in one process (the tester), the program in another, values
between.

The program's process is forked before the tester reads what it must not know, and the tester cannot be traced or read. What
crosses are plain values, and numbers that stand for objects:

    a list, dict, set, ...   is shared: both processes hold one of it, under one number, and every message brings both to the
                             same contents. So aliases stay aliases, and a change on either side is a change on the other
    an object of the program stays there; the tester holds a `Remote`, whose calls, attributes and items are answered there
    a function or iterator   of the test stays there, and is called there
    an exception             travels with the nearest class of Python's own that it derives from

Covered: arguments that a call changes, answers that share parts with arguments, objects of the program's classes, iterators,
exceptions. Nothing that the program does is an exception of the *test* but an exception that it raised: a process that ends,
leaves (SystemExit), or answers out of turn ends the test. A `Remote` is equal to nothing, since its own class would say what
it is equal to: a test that compares one ends, too.
Not covered: state that only one process can have (standard streams, environment, random seeds): such tests are judged
elsewhere (`execution`); the order of a set; that two NaN are one object; attributes of an exception but its arguments.
"""

import ast
import ctypes
import functools
import json
import os
import signal
import sys
import types

from yunque.checks.inside.codec import MAX_MESSAGE, Unplain, is_namedtuple, is_scalar
from yunque.checks.inside.driver import start
from yunque.checks.inside.exceptions import outcome_of, raised_here
from yunque.checks.inside.shared_objects import PLAIN, SHARED, Shared

UNFIT, UNPLAIN, LEFT = 90, 91, 92
"""Exit statuses of the tester: the test hands over what is not plain; it judges by what is not plain; the program left."""
MAX_LINE = 64_000_000
_SINGLE = {type(None), bool, type(NotImplemented), type(...)}


def stop(status, why):
    """End the tester, whatever the test would make of an exception; never returns."""
    os.write(Tester.errors, f"\nyunque: {why}\n".encode("utf-8", "replace"))
    os._exit(status)


# ---------------------------------------------------------------------------------------------------------------- the tester
def apart():
    """Fork the program's process, then read the order, and run its test against the program's answers."""
    tester = fork_program(start)
    order = json.loads(sys.stdin.buffer.read())
    sys.path[:] = [folder for folder in sys.path if folder and not folder.startswith(os.getcwd())]  # it writes modules there
    sys.path_importer_cache.clear()
    tester.begin(order["program"])
    namespace = {"__name__": "test"}
    for name in order["modules"]:
        namespace[name] = __import__(name)
    namespace |= GUARDS
    exec(_guarded(order["given"], "given.py"), namespace)
    namespace.update((name, tester.named(name)) for name in order["names"])
    exec(_guarded(order["test"], "test.py"), namespace)
    if order["entry"]:
        namespace["check"](tester.named(order["entry"]))
    print(order["word"], flush=True)
    os._exit(0)


def fork_program(start):
    """Fork the program's process, which waits for what ``start`` is to be called with: the `Tester` that it answers."""
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: nobody reads this memory or these descriptors
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else the program could raise KeyboardInterrupt in the test
    asked, ask = os.pipe()
    heard, tell = os.pipe()
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1):
            os.dup2(null, descriptor)
        os.close(ask)
        os.close(heard)
        serve(os.fdopen(asked), tell, start)
        os._exit(0)
    os.close(asked)
    os.close(tell)
    Remote._tester = tester = Tester(os.fdopen(heard, "rb"), ask)
    return tester


def _guarded(text, name):
    """The code of a test in which questions that only one process can answer end it."""
    tree = ast.parse(text)
    guard(tree)
    return compile(tree, name, "exec", dont_inherit=True)


def guard(tree):
    """Have the code of a test ask `GUARDS` what only one process can answer; the tree is changed."""
    ast.fix_missing_locations(_Guarded().visit(tree))


class _Guarded(ast.NodeTransformer):
    """Sends ``type(x)``, ``isinstance(x, y)`` and ``x is y`` to functions that know what did not stay itself on the way."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and (node.func.id, len(node.args)) in (("type", 1), ("isinstance", 2)):
            node.func.id = f"yunque {node.func.id}"
        return node

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Is | ast.IsNot):
            return node
        same = ast.Call(ast.Name("yunque is", ast.Load()), [node.left, node.comparators[0]], [])
        result = same if isinstance(node.ops[0], ast.Is) else ast.UnaryOp(ast.Not(), same)
        return ast.copy_location(result, node)


def _kind(value):
    if type(value) is Remote:
        stop(UNPLAIN, "the test judges by the type of what is not plain")
    return type(value)


def _is_instance(value, kinds):
    if type(value) is Remote:
        stop(UNPLAIN, "the test asks for the class of what is not plain")
    return isinstance(value, kinds)


def _same(item, other):
    """Whether two things are one; the test ends where their copies cannot tell."""
    if item is other:
        return True
    kind = type(item)
    if kind is not type(other) or kind in _SINGLE or kind in SHARED:
        return False
    if kind is Remote and str in (type(item._yunque_number), type(other._yunque_number)):
        stop(UNFIT, "this test asks whether what the program calls by a name is an object that it gave")
    if (kind in PLAIN or is_namedtuple(kind)) and item == other:
        stop(UNFIT, f"this test asks whether two equal values of type {kind.__name__} are one object")
    return False


GUARDS = {"yunque type": _kind, "yunque isinstance": _is_instance, "yunque is": _same}
"""What a guarded test must find by these names, which no code can name."""


def send(channel, message):
    """Write one line of JSON, however long."""
    text = memoryview(json.dumps(message).encode() + b"\n")
    while text:
        text = text[os.write(channel, text) :]


class Tester:
    """The program as the test sees it: it answers from another process."""

    errors = 2
    """The descriptor that says why a test was ended."""

    def __init__(self, heard, ask):
        self.heard, self.ask_pipe = heard, ask
        self.shared = Shared(0, _is_of_test, {"object": Remote, "iterator": Remote}, {}.__getitem__)
        self.by_name = {}

    def begin(self, program):
        """Start the program; the test is over when it does not come to its end."""
        send(self.ask_pipe, program)
        if trouble := self.line():
            stop(LEFT, f"the program fails before it is called: {str(trouble)[:300]}")

    def line(self):
        """What the program's process says next."""
        line = self.heard.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            stop(LEFT, "the program's process ended")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            stop(LEFT, "the program wrote over its answers")

    def named(self, name):
        """What the program calls so."""
        if name not in self.by_name:
            self.by_name[name] = Remote(name)
        return self.by_name[name]

    def ask(self, act, *values):
        """What the program's process makes of an act on values; the exception that it raised."""
        try:
            message = self.shared.pack(values)
        except Unplain as error:
            stop(UNFIT, f"this test hands over what is not plain: {error}")
        try:
            send(self.ask_pipe, [act, message])
        except OSError:
            stop(LEFT, "the program's process ended")
        while True:
            line = self.line()
            try:
                kind, message, raised = line
                value = self.shared.unpack(message)
                if kind == "!":
                    error = raised_here(raised, value)
                elif kind in ("c", "n"):
                    act = _asked_back(kind, *value)
            except Exception as trouble:
                stop(LEFT, f"the program wrote over its answers ({type(trouble).__name__})")
            if kind not in ("c", "n"):
                break
            self.call_back(act)
        if kind == "!":
            raise error
        if kind != "=":
            stop(UNPLAIN if kind == "?" else LEFT, str(raised)[:300])
        return value

    def call_back(self, act):
        """Call a function, or ask an iterator, of the test for the program."""
        kind, value, raised = outcome_of(act)
        if kind == "x":
            stop(LEFT, raised)
        try:
            message = self.shared.pack(value)
        except Unplain as error:
            stop(UNFIT, f"a function of this test gives what is not plain: {error}")
        send(self.ask_pipe, [kind, message, raised])


def _is_of_test(value):
    """Whether a value of the test's stays with it: a function, or an iterator."""
    return type(value) is types.FunctionType or (hasattr(type(value), "__next__") and type(value) is not Remote)


def _asked_back(kind, target, args=(), pairs=()):
    """What a program asks of an object of the test: ``c``, to call a function, or ``n``, the next of an iterator."""
    if not _is_of_test(target) or (kind == "c") is not (type(target) is types.FunctionType):
        raise ValueError("not what the test has handed over")
    return functools.partial(target, *args, **dict(pairs)) if kind == "c" else functools.partial(next, target)


class Remote:
    """An object of the program's process, or (``_yunque_number`` is a text) what the program calls so."""

    __slots__ = ("_yunque_number",)
    _tester = None

    def __init__(self, number):
        object.__setattr__(self, "_yunque_number", number)

    def __call__(self, *args, **kwargs):
        """Call it where it is."""
        return self._tester.ask("call", self, args, tuple(kwargs.items()))

    def __getattr__(self, name):
        if name.startswith("__"):
            stop(UNPLAIN, f"the test looks at {name} of what is not plain")
        return self._tester.ask("get", self, name)

    def __setattr__(self, name, value):
        self._tester.ask("set", self, name, value)

    def __bool__(self):
        return self._tester.ask("bool", self) is True

    def __iter__(self):
        return self._tester.ask("iter", self)

    def __next__(self):
        return self._tester.ask("next", self)

    def __len__(self):
        return self._tester.ask("len", self)

    def __getitem__(self, key):
        return self._tester.ask("item", self, key)

    def __setitem__(self, key, value):
        self._tester.ask("set item", self, key, value)

    @property
    def __class__(self):
        stop(UNPLAIN, "the test asks for the class of what is not plain")


def _no(name):
    def refuse(self, *_):
        stop(UNPLAIN, f"the test judges by {name} of what is not plain")

    return refuse


_JUDGED = (
    "hash", "eq", "ne", "lt", "le", "gt", "ge", "contains", "str", "repr", "format", "int", "float", "complex", "index",
    "abs", "neg", "pos", "invert", "round", "add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul", "truediv",
    "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod", "pow", "rpow", "lshift", "rshift", "and",
    "rand", "or", "ror", "xor", "rxor", "matmul", "rmatmul", "enter", "exit", "reversed", "delitem", "delattr", "bytes",
    "instancecheck", "await", "aiter", "anext", "copy", "deepcopy", "reduce_ex",
)  # fmt: skip
for _name in _JUDGED:
    setattr(Remote, f"__{_name}__", _no(f"__{_name}__"))


# --------------------------------------------------------------------------------------------------------------- the program
def serve(lines, tell, start):
    """The program's process: the program, then acts on what is in it, each a line of JSON."""
    own = os.getpid()
    namespace, trouble = start(json.loads(lines.readline()))
    if os.getpid() != own:  # the program forked itself: one of it is enough
        os._exit(0)

    def named(name):
        return namespace[name] if name in namespace else _Missing(name)

    shared = Shared(1, _stays, {"object": Callback, "iterator": Stream}, named)
    Callback._pipes = shared, lines, tell
    send(tell, f"{type(trouble).__name__}: {trouble}"[:300] if trouble is not None else "")
    for line in iter(lines.readline, ""):
        act, message = json.loads(line)
        values = shared.unpack(message)
        kind, value, raised = outcome_of(functools.partial(_ACTS[act], *values))
        if os.getpid() != own:
            os._exit(0)
        try:
            packed = shared.pack(value)
        except Unplain as error:
            if kind == "!":  # what it was raised with is not plain: its message is
                packed = shared.pack((str(value[0])[:MAX_MESSAGE] if value else "",))
            else:
                kind, raised, packed = "?", f"its answer is not plain: {error}", shared.pack(None)
        del values, value
        send(tell, [kind, packed, raised])


def _call(target, args, pairs):
    return target(*args, **dict(pairs))


def _set_item(target, key, value):
    target[key] = value


_ACTS = {
    "call": _call,
    "get": getattr,
    "set": setattr,
    "bool": bool,
    "iter": iter,
    "next": next,
    "len": len,
    "item": lambda target, key: target[key],
    "set item": _set_item,
}


class Callback:
    """A function of the test, as the program sees it."""

    __slots__ = ("_yunque_number",)
    _pipes = ()

    def __init__(self, number):
        self._yunque_number = number

    def __call__(self, *args, **kwargs):
        """Call it where it is."""
        return self._ask("c", self, args, tuple(kwargs.items()))

    def _ask(self, act, *values):
        shared, lines, tell = self._pipes
        send(tell, [act, shared.pack(values), ""])
        kind, message, raised = json.loads(lines.readline())
        value = shared.unpack(message)
        if kind == "!":
            raise raised_here(raised, value)
        return value


class Stream(Callback):
    """An iterator of the test, as the program sees it."""

    __slots__ = ()

    def __iter__(self):
        return self

    def __next__(self):
        return self._ask("n", self)


class _Missing:
    """What the test wants of the program, and is not there."""

    def __init__(self, name):
        self._name = name

    def __call__(self, *_, **__):
        raise NameError(f"name {self._name!r} is not defined")


def _stays(value):
    """Whether a value is an object of the program's, and no plain data."""
    kind = type(value)
    return not (kind in PLAIN or kind in SHARED or kind in (Callback, Stream) or is_namedtuple(kind) or is_scalar(value))
