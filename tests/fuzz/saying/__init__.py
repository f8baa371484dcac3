"""
What is said on each wire: by a test that has a worker's ends, or in a real worker.

What is said is chosen by a C{random.Random}: one with a seed, so that a run can be had
again, or Hypothesis's, which finds the shortest.
"""
