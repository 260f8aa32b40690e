"""The command line in a process of its own, without the seconds that imports cost every call.

One process imports the rooms below the command line, and torch for verbs that need a model; each call is a fork of it with
the arguments, folder, environment, input and exit status of that call alone, and runs the command line from its first import
on. Not covered, and tested with real starts elsewhere: what a start costs, and imports that fail in a fresh process.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOMS = ("pyarrow.parquet", "typer", "yunque.data.dataset", "yunque.evaluation.registry", "yunque.evaluation.runner")
TORCH = ("torch", "accelerate", "peft", "transformers.models.llama.modeling_llama", "transformers.models.auto")

LONGEST_S = 200
"""A call that takes longer is killed, before pytest gives its test up."""

SERVER = """
import atexit, gc, importlib, json, os, socket, sys, threading, traceback
for name in sys.argv[2:]:
    importlib.import_module(name)
gc.freeze()
control = socket.socket(fileno=int(sys.argv[1]))
while True:
    data, streams, _, _ = socket.recv_fds(control, 1 << 20, 3)
    if not data:
        sys.exit()
    child = os.fork()
    if child == 0:
        break
    for stream in streams:
        os.close(stream)
    control.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
control.close()
for number, stream in enumerate(streams):
    os.dup2(stream, number)
    os.close(stream)
call = json.loads(data)
os.chdir(call["cwd"])
os.environ.clear()
os.environ.update(call["env"])
sys.argv[:] = ["yunque", *call["arguments"]]
status = 0
try:
    from yunque.cli.main import run
    run()
except SystemExit as error:
    status = error.code
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
except BaseException:
    traceback.print_exc()
    status = 1
threading._shutdown()
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status or 0)  # taking torch down again would touch, and so copy, every page that is shared
"""


class Forked:
    """Runs calls of the command line, one at a time, in processes that have these modules."""

    def __init__(self, *modules: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(LONGEST_S)
        env = {**os.environ, "OMP_NUM_THREADS": "1"}  # torch reads it once, when it is imported
        command = [sys.executable, "-c", SERVER, str(theirs.fileno()), *modules]
        self._process = subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=env, start_new_session=True
        )
        theirs.close()

    def run(
        self, *arguments: object, cwd: Path, env: dict[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess:
        """The call as it ended: exit status, and what it wrote."""
        call = {
            "arguments": [str(one) for one in arguments],
            "cwd": str(cwd),
            "env": dict(os.environ if env is None else env),
        }
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            socket.send_fds(self._control, [json.dumps(call).encode()], [stream.fileno() for stream in (given, out, err)])
            try:
                status = int(self._control.recv(20))
            except TimeoutError:
                self.close()
                raise
            texts = [(stream.seek(0), stream.read().decode())[1] for stream in (out, err)]
        return subprocess.CompletedProcess(["yunque", *call["arguments"]], status, *texts)

    def close(self) -> None:
        """End the process that calls are forked from, and a call that still runs."""
        self._control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
