"""The ground every room stands on: errors, configs, plug-ins, events, files, the machine and its energy.

In: nothing of Ingot. Out: small nouns and plain functions, free of torch.
Read in this order: errors, config, plugins, events, storage, tables, hardware, energy, allowance, secrets, compiling,
sandbox (confinement, landlock, seccomp), fetch (addresses, guarded_proxy), pages with charts.
"""
