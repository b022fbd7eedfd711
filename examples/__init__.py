"""Programs that use Stepraft as a newcomer would: each folder is one, with a README of its own."""
