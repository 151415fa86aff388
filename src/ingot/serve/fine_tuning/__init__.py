"""Fine-tuning jobs as OpenAI's API has them: examples in, a model of the caller's own out, served under its new name.

Read examples (what a training file is), record (what a job is), request (what is asked), then runner (who sees to it).
"""
