"""Numbers that a state gives a person: how they are written, when they are valid, which words announce them.

`rule` is what one kind of number is; the other files hold the rules, by region. Each names the public specification
its check digits follow. The detector `national_id` tries them.
"""
