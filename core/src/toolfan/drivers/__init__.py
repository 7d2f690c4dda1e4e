"""Performing the effects, in blocking code and in tasks: deadlines, retries, connections, threads.

Knows: transports, time, threads, event loops.  Must not know: what is asked or how answers are judged.
"""
