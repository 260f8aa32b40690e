"""Judge answers that another program wrote: a file with {"task_id": …, "completion": …} a line.

python examples/04_samples.py samples.jsonl [SUITE]
"""

import sys
from pathlib import Path

from yunque.pipelines.evaluation import Evaluation, config_of

OUT = Path("yunque-out")


def main(samples: str, suite: str = "yunque-core") -> None:
    config = config_of(engine="local", metrics=("syntax",), style="auto", trained_on=())
    evaluation = Evaluation(out=OUT, config=config, ceiling=False, missing="leave-out", say=print)
    scored = evaluation.judge(Path(samples), suite)
    for measure in scored.measures:
        value = "-" if measure.value is None else f"{measure.value:.3f}"
        print(f"{measure.name}: {value} (n = {measure.n})")
    print("why answers failed:", scored.reasons)


if __name__ == "__main__":
    main(*sys.argv[1:])
