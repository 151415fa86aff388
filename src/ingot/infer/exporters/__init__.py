"""Exporters: one file per format that another program reads.

In: a model folder in Hugging Face layout. Out: one file, written whole or not at all.
Each file holds a `Config` and `export(model_folder, out_path, config)`, and refuses what its format would get silently
wrong.
"""
