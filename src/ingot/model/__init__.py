"""The decoder: one model in four published layouts (Mistral, Qwen3, Mixtral, Qwen3-MoE), on one device.

In: token ids, and for packed rows which document each token belongs to. Out: hidden states, from which `logits` reads
the next token's odds, and what routers ask of the loss; and the Hugging Face folder other programs open.
Read in this order: config (the sizes) and presets (sizes with a name), both without torch; decoder (the whole model),
layers (its small parts), rope (positions), attention (block by block on a processor), moe (experts), cache (for
generation); layout (config.json, without torch) and convert (weights), embedding (another vocabulary).
"""
