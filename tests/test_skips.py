"""A skip for a reason that is not on the list fails the run, on one process and on several."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("processes", "reason", "status"),
    [("0", "not in CI", 1), ("0", "it is known", 0), ("1", "nobody knows", 1)],
)
def test_a_skip_that_is_not_allowed_fails_the_run(tmp_path, processes, reason, status):
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "allowed_skips.txt").write_text("# a comment\nit is known\nnot in CI\nCI! not in CI\n")
    (tmp_path / "test_a.py").write_text(
        f"import pytest\n\ndef test_a():\n    pytest.skip({reason!r})\n\ndef test_b():\n    pass\n"
    )
    options = f"-q -p xdist -n {processes} -p no:cacheprovider -c /dev/null --rootdir ."
    env = {"CI": "true", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", *options.split()]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    assert ("skip that is not in tests/allowed_skips.txt: Skipped: " + reason in done.stdout) == bool(status)
