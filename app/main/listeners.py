"""Listeners: uvicorn servers that leave the signals to their process and start on a socket that is already bound."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from uvicorn._types import ASGIApplication
