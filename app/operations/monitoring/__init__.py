"""Monitoring: current state, baseline, alerts and metrics of the whole service.

Imported by the ways in and main.
"""
