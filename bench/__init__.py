"""What Stepraft costs on this machine: `make bench` prints a table and writes the same as JSON.

A benchmark starts its own servers, worker and load on loopback, fsync on. Machines differ and are
shared: compare figures of one run, and read CPU time per execution before throughput.
"""
