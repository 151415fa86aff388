"""Training: one loop, whatever is learned.

In: shards and a tokenizer (artifacts), a PretrainConfig with the model's sizes and the number of steps.
Out: a Hugging Face folder with the trained model, and curve.jsonl, the loss of every step.

Read in this order: trainer (the loop), objectives/next_token (batch -> loss) with cross_entropy, schedule, optim and
width (how weights move), state and checkpoint (how a killed run goes on), hooks (what looks at a model in training),
course (the stop rule), journal, run (the step), search (trials), probe (this machine). Not from nothing: beginning,
importing, adapters, growth, vocabulary.
"""
