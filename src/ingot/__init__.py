"""Ingot: from your own documents to your own model, on your own machines."""

__version__ = "0.1.0"
