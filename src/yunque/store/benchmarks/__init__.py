"""Files of public benchmarks: which there are, pinned by hash; whether they are here; and how they come here."""
