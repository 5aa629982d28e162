"""Tools for developers of zeus-relay; the service never imports them."""
