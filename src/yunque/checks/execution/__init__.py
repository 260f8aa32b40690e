"""Run a program and compare what it gives with what is expected: values, output, and the repository's own tests.

`judge_location` reads from the test alone how far from the program its judge can stand; the checks are `python`, `programs`,
`printed_values` and `repository_tests`. What runs beside the program is the wing `inside`.
"""
