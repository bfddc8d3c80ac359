"""Antiphon: a control plane for systems built on many language models."""

__version__ = "0.1.0"
