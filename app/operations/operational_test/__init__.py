"""Operational test with Zeus: sends the test applications and tells what has arrived."""
