"""Inside the sandbox: the process that runs the candidate, answering calls with plain values.

The candidate's process is never given an expected value, nor the word that says that a test passed. In the mode ``apart``
the test runs in a process of its own (the tester), started first: the candidate's process is forked before the tester reads
what it must not know, and the tester cannot be traced or read. The warm interpreter has this file loaded (`Job.preload`).

    outside   stdin: program and calls              stdout: an answer a line
    apart     stdin: program, test and a word       stdout: the word, if the test came to its end

An answer is ``=VALUE``, ``#DIGEST`` of a value too long to send, ``!RAISED``, or ``?WHY`` it is not plain. What the
candidate prints goes to stderr. It may write answers of its own making: that is no more than returning them.

Covered: arguments are fresh copies for every call; exceptions (SystemExit too) are answers; in the mode ``apart`` a list,
dict or set that the candidate changed is changed for the test as well.
Not covered: results that are lazy (a generator is not plain data); tests that look at the candidate's classes, functions or
printed text: they run in one process with it.
"""

import builtins
import ctypes
import hashlib
import json
import marshal
import math
import os
import sys
import types

from yunque.checks.wire import Raised, Unplain, dump, load

UNFIT = "yunque: this test hands over what is not plain"


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
    for function, args, kwargs, truth in order["calls"]:
        line = trouble or answer(namespace, function, args, kwargs, truth, order["longest"])[0]
        if os.getpid() != own:  # the program forked itself: one of it is enough
            os._exit(0)
        os.write(channel, line.encode() + b"\n")


def digest(value):
    """What stands for a long value: SHA-256 of it as `marshal` writes it, the same for numbers that are equal."""
    found = hashlib.sha256(type(value).__name__.encode())
    for piece in pieces(value):
        found.update(marshal.dumps(alike(piece), 2))
    return found.hexdigest()


def pieces(value):
    """A list or tuple by the thousand, so that its bytes never lie in memory as a whole; anything else in one piece."""
    if type(value) not in (list, tuple):
        return [value]
    return (value[at : at + 1000] for at in range(0, len(value), 1000))


def alike(value):
    """The value with every number that is an integer as an int."""
    kind = type(value)
    if kind is bool or (kind is float and value.is_integer()):
        return int(value)
    if kind in (list, tuple, set, frozenset):
        return value if set(map(type, value)) <= {int, str} else kind(map(alike, value))
    return {key: alike(item) for key, item in value.items()} if kind is dict else value


def is_longer(value, longest):
    """Whether a value takes more bytes than that, told quickly; False for what is not plain or nests too deep."""
    total = 0
    try:
        for piece in pieces(value):
            total += len(marshal.dumps(piece, 2))
            if total > longest:
                return True
    except ValueError:
        pass
    return False


def start(program):
    """Run the program's text as a module; gives its namespace, and the answer to every call if that failed."""
    module = types.ModuleType("program")
    sys.modules["program"] = module
    try:
        exec(compile(program, "program.py", "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        return {}, "!" + dump(error)
    return module.__dict__, ""


def pack(value):
    """A plain value on its way *into* the sandbox: bytes where `marshal` knows its types, else text. Raises Unplain."""
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return dump(value)


def unpack(packed):
    """A fresh copy of what was packed."""
    return marshal.loads(packed) if type(packed) is bytes else load(packed)


def answer(namespace, function, args, kwargs, truth=False, longest=math.inf):
    """The answer to one call, and its arguments as they are afterwards; the packed arguments are unpacked: copies."""
    given = unpack(args)
    try:
        result = namespace[function](*given, **unpack(kwargs))
        if truth:
            result = bool(result)
        return ("#" + digest(result) if is_longer(result, longest) else "=" + dump(result)), given
    except Unplain as error:
        return "?" + str(error), given
    except BaseException as error:
        return "!" + dump(error), given


# -------------------------------------------------------------------------------------------------------------------- apart
def apart():
    """Fork the candidate's process, then read the order, and run its test against the candidate's answers."""
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: nobody reads this memory or these descriptors
    asked, ask = os.pipe()
    heard, tell = os.pipe()
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1):
            os.dup2(null, descriptor)
        os.close(ask)
        os.close(heard)
        serve(os.fdopen(asked), tell)
        os._exit(0)
    os.close(asked)
    os.close(tell)
    order = json.loads(sys.stdin.buffer.read())
    candidate = Candidate(os.fdopen(heard, "rb"), ask)
    candidate.send(order["program"])
    namespace = {"__name__": "test"}
    namespace.update((name, candidate.function(name)) for name in order["functions"])
    exec(compile(order["test"], "test.py", "exec", dont_inherit=True), namespace)
    if order["entry"]:
        namespace["check"](candidate.function(order["entry"]))
    print(order["word"], flush=True)
    os._exit(0)


def serve(lines, tell):
    """The candidate's process: a program, then calls, each a line of JSON."""
    namespace, trouble = start(json.loads(lines.readline()))
    for line in lines:
        function, args, kwargs = json.loads(line)
        reply, given = (trouble, unpack(args)) if trouble else answer(namespace, function, args, kwargs)
        try:
            after = dump(given)
        except Unplain:
            after = args
        send(tell, [reply, after if after != args else None])


def send(channel, message):
    """One line of JSON, however long."""
    text = memoryview(json.dumps(message).encode() + b"\n")
    while text:
        text = text[os.write(channel, text) :]


class Candidate:
    """The candidate as the tester sees it: functions that answer from another process."""

    def __init__(self, heard, ask):
        self.heard, self.ask = heard, ask

    def send(self, message):
        """Say something to it."""
        send(self.ask, message)

    def function(self, name):
        """A function that calls the candidate's function of that name."""

        def call(*args, **kwargs):
            return self.call(name, args, kwargs)

        call.__name__ = name
        return call

    def call(self, name, args, kwargs):
        """The result of a call, or the exception that it raised."""
        try:
            self.send([name, dump(args), dump(kwargs)])
        except Unplain as error:
            sys.exit(f"{UNFIT}: {error}")
        line = self.heard.readline(64_000_000)
        if not line.endswith(b"\n"):
            raise RuntimeError("the program ended")
        reply, after = json.loads(line)
        if after is not None:
            self.change(args, load(after))
        kind, text = reply[0], reply[1:]
        if kind == "=":
            return load(text)
        if kind == "!":
            raised = load(text)
            if type(raised) is Raised:
                raise self.exception(raised.type_name)(raised.message)
        raise RuntimeError(f"the result is not plain: {text[:200]}")

    def change(self, args, after):
        """Let the test see what the candidate did to the arguments."""
        for mine, theirs in zip(args, after, strict=False):
            if type(mine) is type(theirs) is list:
                mine[:] = theirs
            elif type(mine) is type(theirs) and type(mine) in (dict, set):
                mine.clear()
                mine.update(theirs)

    def exception(self, name):
        """The built-in exception of that name, else a new one."""
        kind = getattr(builtins, name, None)
        known = isinstance(kind, type) and issubclass(kind, Exception)
        return kind if known else type(name, (Exception,), {})
