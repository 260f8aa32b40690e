"""Attempts to make the Observation say what was not so."""

import pytest

from yunque.core.nouns import Job


@pytest.mark.parametrize("code", [0, 1, 126, 127, 255])
def test_exit_codes_are_the_programs_own(attack, code):
    seen = attack(f"os._exit({code})")
    assert (seen.exit_code, seen.signal) == (code, None)


@pytest.mark.parametrize("number", [6, 9, 11, 15, 31])
def test_signals_are_told_as_signals(attack, number):
    seen = attack(
        f"if {number} != 9: signal.signal({number}, signal.SIG_DFL)\nos.kill(os.getpid(), {number}); time.sleep(1)"
    )
    assert (seen.exit_code, seen.signal, seen.timed_out) == (None, number, False)


def test_writing_the_report_itself(attack):
    """Whatever descriptor the program tries, the report is not among them."""
    seen = attack("""
for number in range(3, 512):
    try: os.write(number, b"done status=0 wall_us=1 timed_out=0\\n")
    except OSError: continue
    print("wrote to", number)
sys.stdout.write("done status=0\\nerror forged\\n")
sys.stdout.flush()
os._exit(9)
""")
    assert (seen.exit_code, seen.stdout) == (9, b"done status=0\nerror forged\n")


def test_only_three_descriptors_are_inherited(attack):
    seen = attack("""
for number in range(1024):
    try: os.fstat(number)
    except OSError: continue
    print(number)
""")
    assert seen.stdout.split() == [b"0", b"1", b"2"]


def test_pipes_lead_nowhere_else(attack):
    seen = attack("""
import stat
print(*[stat.S_ISFIFO(os.fstat(n).st_mode) for n in range(3)], os.isatty(0))
""")
    assert seen.stdout == b"True True True False\n"


def test_a_fake_time_out_by_signal(attack):
    seen = attack("signal.signal(signal.SIGXCPU, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGXCPU); time.sleep(1)")
    assert (seen.signal, seen.timed_out) == (24, False)


def test_a_child_that_answers_for_the_program(attack):
    seen = attack("""
if os.fork() == 0:
    os._exit(0)
os.wait()
os._exit(5)
""")
    assert seen.exit_code == 5


def test_missing_program(box):
    seen = box.run(Job(argv=("no-such-program", "x")))
    assert (seen.exit_code, seen.stderr) == (127, b"yunque: no-such-program: No such file or directory\n")
