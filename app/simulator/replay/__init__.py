"""Parity with Zeus: recordings of real operational tests, replayed against the simulator.

Imported by the simulator's command.
"""
