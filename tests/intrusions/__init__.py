"""
What a worker that has been broken into may try: cases, by what it harms. Each runs in a
real worker, in C{tests/process/test_intrusions.py} and in C{benchmarks/intruder}.
"""
