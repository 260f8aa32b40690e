"""Brings the corpus that the data benchmarks run on: sdists of 60 packages of PyPI and tarballs of 20 of npm.

    python benchmarks/data/corpus.py FOLDER

Nothing is built or run: pip's index is asked for the files, npm packs without scripts. Over 300 MB when unpacked. Writes
``corpus.toml``, a recipe with every archive as a source.
"""

import argparse
import subprocess
import tarfile
import zipfile
from pathlib import Path

from yunque.core.errors import YunqueError
from yunque.store.downloads.pip import download

PYPI = (
    "aiohttp", "ansible-core", "astropy", "attrs", "babel", "beautifulsoup4", "black", "bokeh", "boto3", "botocore",
    "celery", "click", "cryptography", "cython", "dask", "distributed", "django", "djangorestframework", "docutils",
    "fastapi", "fonttools", "gunicorn", "hypothesis", "ipython", "jinja2", "jsonschema", "kombu", "kubernetes", "lxml",
    "mako", "markdown", "matplotlib", "mypy", "networkx", "nltk", "numpy", "pandas", "paramiko", "pillow", "pip",
    "poetry", "psutil", "pydantic", "pygments", "pylint", "pytest", "requests", "rich", "scikit-image", "scikit-learn",
    "scipy", "scrapy", "setuptools", "sphinx", "sqlalchemy", "statsmodels", "sympy", "tornado", "twisted", "werkzeug",
)  # fmt: skip
NPM = (
    "axios", "chalk", "chart.js", "commander", "d3", "date-fns", "express", "jquery", "lodash", "mathjs", "mocha",
    "moment", "next", "prettier", "react-dom", "rxjs", "three", "typescript", "vue", "webpack",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in PYPI:
        if not list(folder.glob(f"{name}-*")):
            aside = folder / f".{name}"
            aside.mkdir(exist_ok=True)
            try:
                path, _ = download(name, "", aside, 1 << 30)
                path.rename(folder / f"{name}-{path.name}")
            except YunqueError as error:
                print(error.line())
    for name in NPM:
        if not list(folder.glob(f"npm-{name}-*")):
            done = subprocess.run(
                ["npm", "pack", "--silent", "--ignore-scripts", name],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                print(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
            else:
                file = folder / done.stdout.split()[-1]
                file.rename(folder / f"npm-{name}-{file.name}")
    archives = sorted(path for path in folder.iterdir() if path.suffix in (".gz", ".tgz", ".zip", ".whl", ".bz2"))
    lines = [f'[[sources]]\nspec = "{path.resolve()}"\n' for path in archives]
    (folder / "corpus.toml").write_text("\n".join(lines))
    total = sum(map(unpacked_bytes, archives))
    print(f"{len(archives)} archives, {total / 1e6:.0f} MB unpacked; recipe {folder / 'corpus.toml'}")


def unpacked_bytes(path: Path) -> int:
    if path.suffix in (".zip", ".whl"):
        with zipfile.ZipFile(path) as file:
            return sum(one.file_size for one in file.infolist())
    with tarfile.open(path) as file:
        return sum(one.size for one in file)


if __name__ == "__main__":
    main()
