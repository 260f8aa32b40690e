"""How fast is a dump read, and does memory stay flat? Posts.xml of N and of 10 N posts, and a .7z of N.

    python benchmarks/data/stackexchange.py [--posts 50000] [--folder KEPT]

Each is read in a process of its own, on one core. ``parse`` is the rows alone (cut and parsed by lxml), ``all`` is what
`StackExchange.read` gives: rows, choice of answers, HTML to text, pairs. Peak is the resident memory of the process.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from make_dump import write_dump, write_seven_zip

from yunque.core.nouns import Dropped
from yunque.data.streams.stackexchange import POSTS, StackExchange
from yunque.data.streams.xml_dumps import read_rows


def measure(path: Path, parse_only: bool) -> dict:
    """One reading, in this process."""
    start, kinds, reasons = time.perf_counter(), Counter(), Counter()
    items = read_rows(path, POSTS, 1 << 50) if parse_only else StackExchange(path).read()
    for item in items:
        kinds[type(item).__name__] += 1
        if isinstance(item, Dropped):
            reasons[item.reason] += 1
    took_s = time.perf_counter() - start
    # not ru_maxrss, in which the peak of the parent lives on
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    return {"took_s": took_s, "peak_mb": peak, "kinds": kinds, "reasons": dict(reasons.most_common())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("PATH", "WHAT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(Path(options.one[0]), options.one[1] == "parse")))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        numbers = (options.posts, 10 * options.posts)
        small, large = (write_dump(folder / f"{number}.example.com", number) for number in numbers)
        packed = write_seven_zip(small, folder / "example.com.7z")
        print("| dump | posts | MB of XML | what | s | MB/s | posts/s | peak MB | pairs |")
        print("|---|--:|--:|---|--:|--:|--:|--:|--:|")
        for path, posts, xml in ((small, numbers[0], small), (large, numbers[1], large), (packed, numbers[0], small)):
            for what in ("parse", "all"):
                command = [sys.executable, __file__, "--one", str(path), what]
                told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                size, took = xml.stat().st_size / 1e6, told["took_s"]
                pairs = told["kinds"].get("Pair", "")
                rates = f"{took:.1f} | {size / took:.1f} | {posts / took:,.0f} | {told['peak_mb']:.0f}"
                print(f"| {path.suffix} | {posts:,} | {size:.1f} | {what} | {rates} | {pairs} |", flush=True)
        print(told["reasons"])


if __name__ == "__main__":
    main()
