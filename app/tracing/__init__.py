"""Traces for sites that have a collector: OpenTelemetry, as an extra."""
