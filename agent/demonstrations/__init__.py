"""Demonstrations: an expert's episodes, kept whole, for policies to be trained on."""
