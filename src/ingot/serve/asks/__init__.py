"""From a request on the wire to questions an engine can answer. From here on both APIs are the same.

Read asked (what comes out) first, then chat and completion; prompts, forms and tools are their parts. Whatever cannot
be answered is refused here, before anything is computed for it.
"""
