"""Keep the model libraries from talking over our own progress bars."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("TQDM_DISABLE", "1")  # read once, when tqdm is first imported


@contextmanager
def quiet() -> Iterator[None]:
    """Silence ``transformers`` and ``huggingface_hub``: no bars, no warnings; errors still raise."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from huggingface_hub.utils import disable_progress_bars
    from transformers.utils import logging

    if not torch.cuda.is_available():  # else DeepSpeed, which transformers loads where it is, warns on stdout
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
