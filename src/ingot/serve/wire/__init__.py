"""What goes over the wire, as types: what both APIs write alike. What one of them writes is in its own module."""
