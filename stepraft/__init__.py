"""Stepraft: a replicated workflow server for the Amazon States Language.

This package is the import name and nothing else. The code lives in the top-level folders that it
links to: `interpreter` (pure), `storage` (LevelDB), `server` (Raft, gRPC, threads), `client` (the
SDK), `cli` and `testing`.
"""
