"""Traces for sites with an OpenTelemetry collector.

Any layer may import it.
"""
