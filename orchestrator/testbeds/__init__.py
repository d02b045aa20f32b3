"""Testbeds that are made on this machine."""
