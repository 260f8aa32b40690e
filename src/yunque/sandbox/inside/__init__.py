"""What runs inside: the worker that forks itself once a job, its isolation, and the calls of the kernel that this takes.

The worker imports its neighbours flat (`import kernel`), since the package itself would cost more than its whole start.
"""
