"""
Real clusters, of which one worker is a fuzzer.
"""
