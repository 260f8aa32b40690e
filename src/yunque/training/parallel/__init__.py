"""A training over several processes: how its tensors lie over them, and how they are started."""
