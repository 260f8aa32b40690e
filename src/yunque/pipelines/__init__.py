"""The Python API: whole roads as classes with ``run()`` (a forge, a data set) or functions, made of the rooms below."""
