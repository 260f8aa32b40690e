"""Inside the sandbox: the process that runs the candidate, answering calls with plain values.

The candidate's process is never given an expected value, nor the word that says that a test passed. In the mode ``apart``
the test runs in a process of its own (the tester), started first: the candidate's process is forked before the tester reads
what it must not know, and the tester cannot be traced or read. The warm interpreter has this file loaded (`Job.preload`).

    outside   stdin: program and calls              stdout: an answer a line
    apart     stdin: program, test and a word       stdout: the word, if the test came to its end

An answer is ``=VALUE``, ``!RAISED``, or ``?WHY`` it is not plain. What the candidate prints goes to stderr. It may write
answers of its own making: that is no more than returning them.

Covered: arguments are fresh copies for every call; exceptions (SystemExit too) are answers; in the mode ``apart`` a list,
dict or set that the candidate changed is changed for the test as well.
Not covered: results that are lazy (a generator is not plain data); tests that look at the candidate's classes, functions or
printed text: they run in one process with it.
"""

import builtins
import ctypes
import json
import os
import sys
import types

from yunque.checks.wire import Raised, Unplain, dump, load

UNFIT = "yunque: this test hands over what is not plain"


def warm_up():
    """Do once, in the worker, what every run does: its forks then find code that is specialised already."""
    calls = [[name, dump(((1, 2.5, "a", [1], {"k": None}),)), dump({}), False] for name in ("f", "g")]
    order = json.loads(json.dumps({"program": "def f(x):\n    return [x]\n", "calls": calls}))
    for _ in range(20):
        namespace, _ = start(order["program"])
        for function, args, kwargs, truth in order["calls"]:
            answer(namespace, function, args, kwargs, truth)
    del sys.modules["program"]


def outside():
    """Answer every call of the order."""
    order = json.loads(sys.stdin.buffer.read())
    channel = os.dup(1)
    os.dup2(2, 1)
    own = os.getpid()
    namespace, trouble = start(order["program"])
    for function, args, kwargs, truth in order["calls"]:
        line = trouble or answer(namespace, function, args, kwargs, truth)[0]
        if os.getpid() != own:  # the program forked itself: one of it is enough
            os._exit(0)
        os.write(channel, line.encode() + b"\n")


def start(program):
    """Run the program's text as a module; gives its namespace, and the answer to every call if that failed."""
    module = types.ModuleType("program")
    sys.modules["program"] = module
    try:
        exec(compile(program, "program.py", "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        return {}, "!" + dump(error)
    return module.__dict__, ""


def answer(namespace, function, args, kwargs, truth=False):
    """The answer to one call, and its arguments as they are afterwards; both arguments come as text, and so are copies."""
    given = load(args)
    try:
        result = namespace[function](*given, **load(kwargs))
        return "=" + dump(bool(result) if truth else result), given
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
        reply, given = (trouble, load(args)) if trouble else answer(namespace, function, args, kwargs)
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
