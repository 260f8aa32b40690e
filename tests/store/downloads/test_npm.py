"""npm packages from a registry on this machine: what is taken, that hashes are checked, that nothing of a package runs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.loopback import Quiet, serve
from yunque.core.errors import SourceError
from yunque.data.sources.kinds import NpmPackage, open_source
from yunque.data.sources.snapshots import TreeLimits
from yunque.store.downloads import npm

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not available here")


class Registry:
    """Serves packages in npm's format, and remembers what it was asked."""

    def __init__(self):
        self.documents, self.files, self.asked, self.status = {}, {}, [], 404
        registry = self

        class Answer(Quiet):
            def do_GET(self):
                registry.asked.append(self.path)
                path = self.path.replace("%2f", "/").replace("%2F", "/").lstrip("/")
                body = registry.files.get(path) or registry.documents.get(path)
                if body is None:
                    self.send_error(registry.status)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.handler = Answer

    @contextlib.contextmanager
    def open(self):
        with serve(self.handler) as (_, url):
            self.url = f"{url}/"
            yield self

    def publish(self, name, versions, *, scripts=None, size=None, files=None, integrity=True, member="package/"):
        told = {}
        for version in versions:
            content = {"package.json": json.dumps({"name": name, "version": version, "scripts": scripts or {}})}
            content |= {"index.js": f"module.exports = {version!r};\n", "LICENSE": "MIT"} | (files or {})
            held = io.BytesIO()
            with tarfile.open(fileobj=held, mode="w:gz") as tar:
                for path, text in content.items():
                    info = tarfile.TarInfo(member + path)
                    info.size = len(text.encode())
                    tar.addfile(info, io.BytesIO(text.encode()))
            data = held.getvalue()
            path = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
            self.files[path] = data
            dist = {"tarball": self.url + path, "unpackedSize": size or sum(map(len, content.values()))}
            if integrity:
                dist["integrity"] = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
                dist["shasum"] = hashlib.sha1(data).hexdigest()
            told[version] = {"name": name, "version": version, "dist": dist, "scripts": scripts or {}}
        document = {"name": name, "dist-tags": {"latest": versions[-1], "old": versions[0]}, "versions": told}
        self.documents[name] = json.dumps(document).encode()


@pytest.fixture
def npm_registry(tmp_path, monkeypatch):
    """A registry that npm is configured to use, and nothing else of npm's configuration."""
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    for name in ("userconfig", "globalconfig"):
        monkeypatch.setenv(f"npm_config_{name}", str(tmp_path / name))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Registry().open() as made:
        monkeypatch.setenv("npm_config_registry", made.url)
        yield made


def names(folder):
    return {path.relative_to(folder / "tree").as_posix() for path in (folder / "tree").rglob("*") if path.is_file()}


def one_line(caught):
    line = caught.value.line()
    assert "\n" not in line and "Traceback" not in line
    return line


def test_a_package_is_fetched_by_name_version_and_tag_and_not_run(npm_registry, tmp_path):
    evil = f"touch {tmp_path / 'executed'}"
    scripts = dict.fromkeys(("preinstall", "install", "postinstall", "prepare", "prepack", "postpack"), evil)
    npm_registry.publish("tiny", ["1.0.0", "1.1.0"], scripts=scripts)
    source = open_source(" npm:tiny ")
    facts = source.fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"package.json", "index.js", "LICENSE"}
    assert (facts["kind"], facts["revision"], facts["source"], facts["hash_checked"]) == ("npm", "1.1.0", "npm:tiny", True)
    assert facts["url"].endswith("/tiny/-/tiny-1.1.0.tgz") and facts["num_files"] == 3
    assert source.identity["spec"] == "npm:tiny" and isinstance(source, NpmPackage)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["skipped.jsonl", "tree"]
    for spec in ("npm:tiny@1.0.0", "npm:tiny@old"):
        assert open_source(spec).fetch(tmp_path / spec)["revision"] == "1.0.0"
    assert open_source("npm:tiny@1.0.0").identity["spec"] == "npm:tiny@1.0.0"
    assert not (tmp_path / "executed").exists()


def test_a_folder_may_be_given_relative_to_where_we_stand(npm_registry, tmp_path, monkeypatch):
    npm_registry.publish("tiny", ["1.0.0"])
    monkeypatch.chdir(tmp_path)
    open_source("npm:tiny").fetch(Path("out"))
    assert "index.js" in names(tmp_path / "out")


def test_a_scoped_package_is_fetched(npm_registry, tmp_path):
    npm_registry.publish("@team/tools", ["2.0.0"])
    facts = open_source("npm:@team/tools@2.0.0").fetch(tmp_path / "out")
    assert facts["source"] == "npm:@team/tools" and "index.js" in names(tmp_path / "out")


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("npm:nobody", "no package named 'nobody'"),
        ("npm:@team/nobody", "no package named '@team/nobody'"),
        ("npm:tiny@9.9.9", "npm:tiny: has no version or tag '9.9.9'"),
        ("npm:tiny@beta", "has no version or tag 'beta'"),
        *((f"npm:{spec}", "not a package") for spec in (
            "", "tiny@^1.0", "../tiny", "tiny@file:../x", "tiny@../x", "--registry=x", "a b", "git+ssh://h/x", "./tiny.tgz",
            "tiny.tgz", "tiny@evil.tgz", "user/repo", "tiny@npm:other", "@team", "tiny@-g",
        )),
    ],
)  # fmt: skip
def test_a_package_that_is_not_there_is_one_line(npm_registry, tmp_path, spec, what):
    npm_registry.publish("tiny", ["1.0.0"])
    with pytest.raises(SourceError, match=what) as caught:
        open_source(spec).fetch(tmp_path / "out")
    assert one_line(caught)


def test_a_file_that_was_tampered_with_is_refused(npm_registry, tmp_path):
    npm_registry.publish("tiny", ["1.0.0"])
    npm_registry.files["tiny/-/tiny-1.0.0.tgz"] += b"\0"
    with pytest.raises(SourceError, match="does not have the hash") as caught:
        open_source("npm:tiny").fetch(tmp_path / "out")
    assert one_line(caught)
    with pytest.raises(SourceError, match="does not have the hash"):  # our own look, should npm's ever fail
        (tmp_path / "x.tgz").write_bytes(b"x")
        npm._check(tmp_path / "x.tgz", "sha512-" + base64.b64encode(bytes(64)).decode(), "", "npm:tiny")


def test_a_registry_without_hashes_is_told(npm_registry, tmp_path):
    npm_registry.publish("tiny", ["1.0.0"], integrity=False)
    assert open_source("npm:tiny").fetch(tmp_path / "out")["hash_checked"] is False


def test_what_is_too_large_is_not_fetched(npm_registry, tmp_path):
    npm_registry.publish("told", ["1.0.0"], size=10**12)
    with pytest.raises(SourceError, match="unpacks to more than"):
        open_source("npm:told").fetch(tmp_path / "told")
    assert not any(path.endswith(".tgz") for path in npm_registry.asked)
    noise = base64.b64encode(os.urandom(3_000_000)).decode()
    npm_registry.publish("untold", ["1.0.0"], size=10, files={"a.js": noise})
    with pytest.raises(SourceError, match=r"npm:untold") as caught:
        open_source("npm:untold", TreeLimits(max_total_bytes=1_000_000)).fetch(tmp_path / "untold")
    assert one_line(caught)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.tgz")) <= 1_000_000


def test_a_name_that_leads_out_refuses_the_package(npm_registry, tmp_path):
    npm_registry.publish("tiny", ["1.0.0"], files={"../../../evil.js": "x"})
    with pytest.raises(SourceError, match="outside"):
        open_source("npm:tiny").fetch(tmp_path / "in/out")
    assert not list(tmp_path.rglob("evil.js"))


def test_no_network_no_answer_and_no_npm_are_one_line(npm_registry, tmp_path, monkeypatch):
    npm_registry.status = 500
    with pytest.raises(SourceError, match="500") as caught:
        open_source("npm:tiny").fetch(tmp_path / "out")
    assert one_line(caught)
    monkeypatch.setenv("npm_config_registry", "http://user:hunter2@127.0.0.1:9/")
    with pytest.raises(SourceError, match="no package registry could be reached") as caught:
        open_source("npm:tiny").fetch(tmp_path / "out")
    assert "hunter2" not in one_line(caught)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="npm is not installed"):
        open_source("npm:tiny").fetch(tmp_path / "out")


def test_a_registry_named_by_the_folder_we_stand_in_is_not_asked(npm_registry, tmp_path, monkeypatch):
    npm_registry.publish("tiny", ["1.0.0"])
    monkeypatch.delenv("npm_config_registry")
    (tmp_path / "userconfig").write_text(f"registry={npm_registry.url}\n")
    with Registry().open() as other:
        for place in ("corpus", "corpus/out"):
            (tmp_path / place).mkdir()
            (tmp_path / place / ".npmrc").write_text(f"registry={other.url}\nnode-options=--require=./evil.js\n")
            (tmp_path / place / "package.json").write_text("{}")
        monkeypatch.chdir(tmp_path / "corpus")
        assert open_source("npm:tiny").fetch(tmp_path / "corpus/out/snapshot")["revision"] == "1.0.0"
    assert other.asked == [] and npm_registry.asked
