"""The demonstration: three servers, two workers, 200 orders, and a leader killed in the middle.

    make demo              runs it, prints what happened, and leaves nothing behind
    make demo KEEP=1       leaves the cluster running, and prints how to talk to it

- `__main__.py` the course of events.
- `traffic.py` starts the orders and notes when each was acknowledged.
- `verdict.py` checks every execution against what its order was made to come to.
- `show.py` what is printed.
"""
