"""What a job is shown: the system, Python's standard library, and the libraries that it names."""

import os
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import yunque
from yunque.core.errors import SandboxError
from yunque.core.nouns import Job
from yunque.sandbox import jobs
from yunque.sandbox.jobs import installed, library_paths, readable_paths

PACKAGES = sysconfig.get_path("purelib")
LOOK = """
import os, sys
for name in sys.argv[1:]:
    try: __import__(name); print(name, "here")
    except ImportError: print(name, "not here")
"""


def is_shown(path, *, libraries=()):
    real = os.path.realpath(path)
    return any(real == one or real.startswith(one + "/") for one in readable_paths(Job(python="", libraries=libraries)))


def test_of_python_the_standard_library_is_shown_and_no_package():
    assert is_shown(os.__file__) and is_shown(sys.executable)
    assert not is_shown(yunque.__file__) and not is_shown(pytest.__file__)
    assert not is_shown(PACKAGES)
    assert is_shown("/usr/bin/env")


def test_what_is_named_is_shown_with_what_it_requires():
    assert is_shown(pytest.__file__, libraries=("pytest",))
    shown = library_paths(("pytest",))
    assert {Path(PACKAGES, name) for name in ("pytest", "_pytest", "pluggy", "iniconfig")} <= set(map(Path, shown))
    assert library_paths(("PyTest",)) == library_paths(("_pytest",)) == shown  # by any of its names
    assert not is_shown(yunque.__file__, libraries=("pytest",))


@pytest.mark.parametrize(("name", "says"), [("yunque", "may not be shown"), ("no-such-package", "no package")])
def test_what_may_not_or_cannot_be_shown(name, says):
    with pytest.raises(SandboxError, match=says):
        readable_paths(Job(python="", libraries=(name,)))


def test_which_names_are_installed():
    assert installed(["pytest", "yunque", "no_such_package", "_pytest"]) == ("_pytest", "pytest")


def test_a_program_imports_what_is_named_and_nothing_else(box):
    def imports(*libraries):
        seen = box.run(Job(python=LOOK, argv=("pytest", "numpy", "sqlite3", "yunque"), libraries=libraries))
        return seen.stdout.decode().splitlines()

    assert imports() == ["pytest not here", "numpy not here", "sqlite3 here", "yunque not here"]
    assert imports("numpy") == ["pytest not here", "numpy here", "sqlite3 here", "yunque not here"]


def test_settings_and_packages_of_a_venv_are_not_shown(tmp_path, monkeypatch):
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    (tmp_path / "venv" / "pip.conf").write_text("[global]\nindex-url = https://user:password@example.org/\n")
    packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    (packages / "secret.py").write_text("")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setattr(jobs, "_package_folders", lambda: [str(packages)])
    jobs._shown.cache_clear()
    try:
        shown = readable_paths(Job(python=""))
    finally:
        jobs._shown.cache_clear()
    mine = sorted(path.removeprefix(f"{tmp_path}/venv/") for path in shown if path.startswith(str(tmp_path)))
    assert mine[-1] == "pyvenv.cfg" and all(path.startswith("bin/python") for path in mine[:-1])


def test_links_that_lead_back_are_not_followed(tmp_path):
    (tmp_path / "lib" / "packages").mkdir(parents=True)
    (tmp_path / "lib" / "loop").symlink_to(tmp_path)
    (tmp_path / "lib" / "here").symlink_to(".")
    (tmp_path / "lib" / "module.py").write_text("")
    found = list(jobs._without(str(tmp_path), {str(tmp_path / "lib" / "packages")}))
    assert found == [str(tmp_path / "lib" / "module.py")]
