"""What of a check runs inside the sandbox, beside the program: it answers calls with plain values, and reports on tests.

Standard library alone, since its files are sent in. `codec` and `decoder` are also the outside's end of what crosses.
"""
