"""Artifacts to pages, plots and cards that people read.

The road: a caller fills a ``forge.ForgeReport``; ``forge.to_json``, ``page.render_page``, ``cards.model_card``,
``cards.dataset_card`` and ``plots.write_plots`` each show that one structure and never compute a result of their own.
"""
