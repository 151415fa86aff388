"""The decoder: one model in two published layouts (Qwen3, Mistral), on one device.

In: token ids, and for packed rows which document each token belongs to. Out: hidden states, from which `logits` reads
the next token's odds; and the Hugging Face folder other programs open.
Read in this order: config (the sizes, torch-free), decoder (the whole model), layers (its three small parts), attention
(block by block on a processor), cache (generation), convert (to and from Hugging Face).
"""
