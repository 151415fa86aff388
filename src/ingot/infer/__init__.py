"""From a model folder to tokens.

In: a model folder (Hugging Face layout, beside it model-f16.gguf). Out: tokens one by one, an exported file, and a
certificate that both agree.
Read in this order: engine (the protocol), sampling, text (tokens to text, stop strings), engines/torch (the reference),
engines/openvino (the fast one), exporters/gguf, token_table, parity, run (the `package` step); for other programs:
reader (what they are asked), certificate, exporting (the `export` step), verifying.
"""
