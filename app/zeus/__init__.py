"""What Zeus says: the convenience-store payment protocol as pure data and functions, without any input or output."""
