"""
What those serve that are started: the same page everywhere, with the number of the
process that answers. C{BENCHMARK_IMPORT} says what importing it costs besides.
"""
