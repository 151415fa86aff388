"""Mistral's conversations and agents over the same core.

Read request (what is asked, and how entries become messages), agent (versions of settings), voice (how it is told).
"""
