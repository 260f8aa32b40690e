"""What a person sees."""

import json

from yunque.cli.console import bars, complain, emit, say


def test_results_go_to_stdout_and_news_and_errors_to_stderr(capfd):
    emit({"name": "ñ", "n": [1]})
    say("pairs [bold]not markup[/bold] 12 s")
    complain("no such folder")
    out, err = capfd.readouterr()
    assert json.loads(out) == {"name": "ñ", "n": [1]} and "ñ" in out
    assert err.splitlines() == ["pairs [bold]not markup[/bold] 12 s", "yunque: no such folder"]


def test_a_long_line_stays_one_line(capfd):
    say("word " * 200)
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_bars_are_silent_where_nobody_looks(capfd):
    with bars("train", 0, "steps") as advance:
        advance(1)
        advance(5)
    assert capfd.readouterr() == ("", "")
