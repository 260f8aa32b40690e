"""A PostgreSQL of one's own, as Debian's package brings it: on a socket in a folder, ended with the context."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

FLAGS = ["-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=40"]


def program(name: str) -> str:
    """A program of the server; it is on no path of Debian's."""
    known = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not (path := shutil.which(name) or (known and str(known[-1]))):
        pytest.skip("postgresql is not available here: apt-get install postgresql")
    return path


class Postgres:
    """A server in a folder that must be reachable by an ordinary user, as whom it runs: it refuses to be root."""

    def __init__(self, folder: Path, *, sync: bool = False) -> None:
        """``sync``: every commit on disk, as it should be where it counts; tests need not wait for it."""
        self.folder = folder
        self.as_user = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
        if self.as_user:
            shutil.chown(folder, "nobody", "nogroup")
        self._data = folder / "data"
        flags = ["-D", self._data, "-U", "yunque", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run([program("initdb"), *map(str, flags)], check=True, capture_output=True, **self.as_user)
        self._process, self._flags = None, [*FLAGS, *([] if sync else ["-c", "fsync=off"])]

    @property
    def url(self) -> str:
        return f"postgresql://yunque@/postgres?host={self.folder}"

    def start(self) -> None:
        command = [program("postgres"), "-D", str(self._data), "-k", str(self.folder), *self._flags]
        log = open(self.folder / "log", "ab")  # noqa: SIM115  the server's
        self._process = subprocess.Popen(command, stdout=log, stderr=log, **self.as_user)
        log.close()
        for _ in range(400):
            asked = [program("pg_isready"), "-h", str(self.folder), "-q"]
            if subprocess.run(asked, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        """As a machine loses it: at once, all of it."""
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        for pid in [self._process.pid, *map(int, children.stdout.split())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
