"""Redaction: nothing is left, nothing else changes, code still parses, the same value has the same name."""

from __future__ import annotations

import ast
import base64
import json

import pytest

from yunque.checks.canaries import canary
from yunque.checks.privacy.personal_data import PersonalData
from yunque.checks.privacy.secrets import Secrets
from yunque.core.errors import RecipeError
from yunque.core.nouns import Outcome, Pair, PairKind, Preference, Verdict
from yunque.data.screening.redaction import Kind, Redactor, RedactRecipe, placeholder

pytest.importorskip("kingfisher_sdk", reason="kingfisher is not available here")
GITHUB = "ghp_" + "w4Tq9Zb7Lm2Xc8Vn5Rk3Jp6Hs1Gd0Fy7Ua4Q"
MAIL = "ada.byron" + "@adatum.net"
SALT = "a salt for tests"


def record(text, language="python"):
    return canary(text, language).record


def redact(text, language="python", recipe=RedactRecipe(), salt=SALT):
    return Redactor(recipe, salt).redact(record(text, language))


TEXTS = [
    (f'token = "{GITHUB}"\nmail = "{MAIL}"\n', "python"),
    (f"key = '{GITHUB}'\n", "javascript"),
    (f"TOKEN={GITHUB}\n", "shell"),
    (f"auth:\n  token: {GITHUB}\n  owner: {MAIL}\n", "yaml"),
    (json.dumps({"token": GITHUB, "mail": MAIL}), "json"),
    (f"# {MAIL}\nurl = 'https://ada:k3Xw9Qz7@git.adatum.net/x'\n", "python"),
    ("open('/home/" + "abyron/notes.txt')\n", "python"),
    ('KEY = """-----BEGIN ' + "RSA PRIVATE KEY-----\n" + "\n".join(["qT7" + "Zb4Lm9Xc2Vn8Rk5Jp3Hs6Gd1Fy0UaW" * 2] * 4)
     + "\n-----END RSA PRIVATE KEY-----\"\"\"\n", "python"),
    ("# call +34 " + "612 345 987\nhost = '" + ".".join(("93", "184", "77", "12")) + "'\n", "python"),
    ("-- ¿quién? " + MAIL + " — ñandú 𝄞\n", "sql"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "language"), TEXTS)
def test_nothing_is_left_and_a_second_redaction_changes_nothing(text, language):
    found = redact(text, language)
    assert found.record is not None and found.record.text != text and found.replaced
    for check in (Secrets(), PersonalData()):
        assert check.judge(found.record).outcome is Outcome.PASS
    again = Redactor(RedactRecipe(), SALT).redact(found.record)
    assert again.record is found.record and not again.replaced
    assert GITHUB not in found.record.text and MAIL not in found.record.text
    assert found.record.text.count("\n") == text.count("\n") and found.record.id != record(text, language).id


@pytest.mark.parametrize(("text", "language"), [one for one in TEXTS if one[1] == "python"])
def test_code_still_parses(text, language):
    ast.parse(redact(text, language).record.text)


def test_json_stays_json_and_everything_else_stays_as_it_was():
    text = json.dumps({"a": "ñ", "token": GITHUB, "b": [1, 2]}, ensure_ascii=False)
    before, after = json.loads(text), json.loads(redact(text, "json").record.text)
    assert after.pop("token") != before.pop("token") and after == before


def test_the_same_value_has_the_same_placeholder_and_only_with_the_same_salt():
    one, two = redact(f"a = '{MAIL}'\n").record.text, redact(f"# mail: {MAIL}\n").record.text
    other = redact(f"a = '{MAIL}'\n", salt="another").record.text
    name = one.split("'")[1]
    assert name in two and name not in other and name.endswith("@example.com")
    with pytest.raises(RecipeError):
        Redactor(RedactRecipe(), "")


def test_what_the_recipe_leaves_out_stays():
    text = f"mail = '{MAIL}'\ntoken = '{GITHUB}'\n"
    secrets = redact(text, recipe=RedactRecipe(personal=())).record.text
    assert MAIL in secrets and GITHUB not in secrets
    mails = redact(text, recipe=RedactRecipe(secrets=False, personal=("email",))).record.text
    assert MAIL not in mails and GITHUB in mails
    nothing = RedactRecipe(secrets=False, personal=())
    assert nothing.checks == [] and Redactor(nothing, "").redact(record(text)).record.text == text


def test_encoded_secrets_are_replaced_where_they_are_found():
    encoded = base64.b64encode(f"token={GITHUB}".encode()).decode()
    found = redact(f"x = '{encoded}'\n")
    assert (
        encoded not in found.record.text
        if found.replaced
        else Secrets().judge(record(f"x = '{encoded}'\n")).outcome is Outcome.PASS
    )


def test_verdicts_that_are_clean_spare_a_scan():
    redactor = Redactor(RedactRecipe(), SALT)
    clean = [Verdict(check="secrets", outcome=Outcome.PASS), Verdict(check="personal-data", outcome=Outcome.PASS)]
    text = record("x = 1\n")
    assert redactor.is_clean(text, clean)
    assert not redactor.is_clean(text, clean[:1])
    assert not redactor.is_clean(text, [clean[0], Verdict(check="personal-data", outcome=Outcome.SKIP)])


def test_who_cannot_look_keeps_nothing(monkeypatch):
    monkeypatch.setattr(
        Secrets, "judge", lambda self, record: Verdict(check="secrets", outcome=Outcome.ERROR, detail="broke")
    )
    found = redact("x = 1\n")
    assert found.record is None and found.refused == "secrets could not look: broke"


def test_what_would_not_parse_is_refused(monkeypatch):
    monkeypatch.setattr("yunque.data.screening.redaction.placeholder", lambda kind, value, digest: b"'")
    found = redact(f"token = '{GITHUB}'\n")
    assert found.record is None and found.refused == "does not parse after redaction" and GITHUB not in found.refused


def test_an_answer_that_nobody_wanted_is_redacted_as_well():
    preference = Preference(
        id="1", kind=PairKind.FIM, prompt="x = ", answer="1", span_bytes=None, language="python", natural_language="und",
        origin_ids=(), rejected="'ana.perez@correo-de-ana.es'", because="dismissed",
    )  # fmt: skip
    new, replaced, why = Redactor(RedactRecipe(), SALT).redact_pair(preference)
    assert isinstance(new, Preference) and replaced and not why
    assert "ana.perez" not in new.rejected and (new.answer, new.because) == ("1", "dismissed")


def test_pairs_that_stand_in_no_record():
    pair = Pair(
        id="p", kind=PairKind.QUESTION, prompt=f"How do I log in as {MAIL}?", answer=f"login('{GITHUB}')\n", span_bytes=None,
        language="python", natural_language="en", origin_ids=("a",),
    )  # fmt: skip
    new, replaced, why = Redactor(RedactRecipe(), SALT).redact_pair(pair)
    assert not why and len(replaced) == 2 and MAIL not in new.prompt and GITHUB not in new.answer and new.id == "p"
    plain = Pair(**{**vars(pair), "prompt": "How?", "answer": "so()\n"})
    assert Redactor(RedactRecipe(), SALT).redact_pair(plain)[0] is plain


@pytest.mark.parametrize("kind", [*Kind.__args__, "private-key", "github-pat", "assigned-secret"])
def test_placeholders_are_stable_and_not_found_again(kind):
    value = b"4539 1488 0343 6467" if kind == "card" else b"ES91 2100 0418 4502 0005 1332" if kind == "iban" else b"a" * 40
    value = {"phone": b"+34 612 345 987", "national-id": b"45871236K"}.get(kind, value)
    one, two = placeholder(kind, value, "0123456789abcdef" * 4), placeholder(kind, value, "0123456789abcdef" * 4)
    assert one == two and one != value


def test_hostile_texts():
    for text in ("", "\x00" * 1000, "\udcff token='x'", f"'{GITHUB}" * 300, "@" * 100_000, f"{GITHUB}{GITHUB}"):
        found = redact(text)
        assert found.record is not None or found.refused
        assert GITHUB not in found.refused
