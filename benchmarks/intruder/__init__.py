"""
What the clients of others notice while one worker does harm.
"""
