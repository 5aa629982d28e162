"""Receiving: a call is checked at the door, given an id and a lane, and appended. Nothing is read and nothing is judged."""
