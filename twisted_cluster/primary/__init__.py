"""
The parent process: ports, policy, workers.
"""
